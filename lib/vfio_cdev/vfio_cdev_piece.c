/* SPDX-License-Identifier: BSD-3-Clause */

/* The pieces that a large mapping is split into. */

#include "vfio_cdev_piece.h"
#include "vfio_cdev_state.h"

uint64_t
vfio_cdev_piece_len(uint64_t key, uint64_t off, uint64_t len, uint64_t page_size)
{
	const uint64_t size = page_size > VFIO_CDEV_PIECE ? page_size : VFIO_CDEV_PIECE;
	const uint64_t rest = size - ((key + off) & (size - 1));

	return len > size && rest < len - off ? rest : len - off;
}

struct vfio_cdev_record
vfio_cdev_piece_at(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_request *req,
		   uint64_t off)
{
	struct vfio_cdev_record piece = VFIO_CDEV_RECORD((uintptr_t)req->va + off,
							 vfio_cdev_iova_at(req->iova, off),
							 domain->ctx->page, req->page_size);

	piece.units = vfio_cdev_piece_len(domain->mode->key(&piece) - off, off, req->len,
					  req->page_size) >>
		VFIO_CDEV_UNIT_SHIFT;
	piece.attempt = req->attempt;
	return piece;
}

/* Pages larger than a piece stay whole: the first record has their size. */
uint64_t
vfio_cdev_pieces_page(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova)
{
	const struct vfio_cdev_record want = VFIO_CDEV_RECORD(va, iova, domain->ctx->page,
							      domain->ctx->page);
	const uint64_t key = domain->mode->key(&want);
	struct vfio_cdev_record *rec = NULL;

	while ((rec = vfio_cdev_tree_next(&domain->tree, rec, key, key)) != NULL)
		if (domain->mode->key(rec) == key && rec->page_shift > VFIO_CDEV_PIECE_SHIFT)
			return UINT64_C(1) << rec->page_shift;
	return domain->ctx->page;
}

bool
vfio_cdev_pieces_match(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		       uint64_t len)
{
	const struct vfio_cdev_request req = { va, iova, len,
					       vfio_cdev_pieces_page(domain, va, iova), 0 };
	struct vfio_cdev_record piece;

	for (uint64_t off = 0; off < len; off += vfio_cdev_record_len(&piece)) {
		piece = vfio_cdev_piece_at(domain, &req, off);
		if (vfio_cdev_record_find(domain, vfio_cdev_record_va(&piece), piece.phys,
					  vfio_cdev_record_len(&piece)) == NULL)
			return false;
	}
	return true;
}
