/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Mapping memory: pin, verify, record. Large memory is mapped piece by piece, and other
 * threads can use the domain between two pieces.
 */

#include <errno.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_piece.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_verify.h"

/* A caller maps memory of a pending record: take its address, and pin if possible. */
static int
record_adopt(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
	     const struct vfio_cdev_record *want)
{
	const uint64_t phys = rec->phys;
	const bool any = rec->any;
	int ret;

	if (any && !want->any) {
		rec->phys = want->phys;
		rec->any = 0;
	}
	ret = domain->ready ? vfio_cdev_mapping_pin_pending(domain, rec) : 0;
	if (ret < 0) {
		rec->phys = phys;
		rec->any = any;
	}
	return ret;
}

/* Add a user, unless the memory or its address has changed. */
static int
record_share(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
	     const struct vfio_cdev_record *want)
{
	int ret;

	if (rec->users == VFIO_CDEV_MAX_USERS)
		return vfio_cdev_map_fail(domain, -EOVERFLOW, want);
	ret = rec->pinned ? vfio_cdev_confirm(domain, rec, want->phys) :
			    record_adopt(domain, rec, want);
	if (ret < 0)
		return ret;
	/* Before the domain is ready the caller cannot rely on a pin. */
	if (domain->ready)
		vfio_cdev_record_rely(rec);
	rec->users++;
	return 0;
}

/*
 * A record in the way: without an IOMMU of the same memory, with one of some of the
 * same IOVAs.
 */
static struct vfio_cdev_record *
record_present(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *want)
{
	const uint64_t key = domain->mode->key(want), len = vfio_cdev_record_len(want);
	struct vfio_cdev_record *rec, *same;

	if (!domain->mode->reports_pa)
		return vfio_cdev_tree_next(&domain->tree, NULL, key + (len - 1), key);
	rec = vfio_cdev_record_find(domain, vfio_cdev_record_va(want), RTE_VFIO_CDEV_IOVA_ANY, len);
	if (rec == NULL || rec->phys == want->phys)
		return rec;
	/* There may be several, if the memory at the VA was replaced. */
	same = vfio_cdev_record_find(domain, vfio_cdev_record_va(want), want->phys, len);
	return same != NULL ? same : rec;
}

/* Whether it is the wanted mapping, or pending and can become it. */
static bool
record_agrees(const struct vfio_cdev_record *rec, const struct vfio_cdev_record *want)
{
	return vfio_cdev_record_is(rec, vfio_cdev_record_va(want), vfio_cdev_record_len(want)) &&
		(want->any || rec->phys == want->phys || (rec->any && !rec->pinned));
}

static int
piece_map(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *want)
{
	struct vfio_cdev_record *rec = record_present(domain, want);

	if (rec == NULL || (rec->pinned && !vfio_cdev_mapping_is_known(domain, rec)))
		return vfio_cdev_mapping_create(domain, want, NULL, NULL, &rec);
	if (!record_agrees(rec, want))
		return vfio_cdev_map_fail(domain, -EEXIST, want);
	return record_share(domain, rec, want);
}

/* Plan a piece that is not planned or pinned yet. */
static int
piece_plan(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *want)
{
	struct vfio_cdev_record *rec = record_present(domain, want);

	if (rec != NULL)
		return record_agrees(rec, want) ? 0 : vfio_cdev_map_fail(domain, -EEXIST, want);
	rec = vfio_cdev_record_new(want);
	if (rec == NULL)
		return vfio_cdev_map_fail(domain, -ENOMEM, want);
	vfio_cdev_mapping_log(domain, "will map", rec);
	vfio_cdev_record_add(domain, rec);
	return 0;
}

/* Undo the pieces below an offset. */
static void
pieces_undo(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_request *req, uint64_t end)
{
	struct vfio_cdev_record piece, *rec;
	uint64_t len;
	int ret = 0;

	for (uint64_t off = 0; off < end; off += len) {
		piece = vfio_cdev_piece_at(domain, req, off);
		len = vfio_cdev_record_len(&piece);
		vfio_cdev_lock(domain);
		rec = vfio_cdev_record_find(domain, vfio_cdev_record_va(&piece), piece.phys, len);
		if (rec != NULL && (req->attempt == 0 || rec->attempt == req->attempt))
			ret = vfio_cdev_mapping_drop(domain, rec);
		vfio_cdev_unlock(domain);
		if (ret < 0)
			vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret,
					      vfio_cdev_record_va(&piece), len);
	}
}

/* Map all pieces or none. */
static int
pieces_map(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_request *req,
	   int (*map)(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *want))
{
	struct vfio_cdev_record piece;
	int ret;

	ret = vfio_cdev_args_check(domain, req->va, req->iova, req->len, req->page_size);
	if (ret < 0)
		return vfio_cdev_iova_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret, req->va, req->iova,
					   req->len);
	for (uint64_t off = 0; off < req->len; off += vfio_cdev_record_len(&piece)) {
		piece = vfio_cdev_piece_at(domain, req, off);
		vfio_cdev_lock(domain);
		ret = vfio_cdev_unlock_with(domain, map(domain, &piece));
		if (ret < 0) {
			pieces_undo(domain, req, off);
			return ret;
		}
	}
	return 0;
}

static uint64_t
page_or_base(const struct rte_vfio_cdev_domain *domain, uint64_t page_size)
{
	return page_size != 0 ? page_size : domain->ctx->page;
}

int
rte_vfio_cdev_domain_map(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			 uint64_t len, uint64_t page_size)
{
	const struct vfio_cdev_request req = { va, iova, len, page_or_base(domain, page_size), 0 };
	int ret = pieces_map(domain, &req, piece_map);

	if (ret == 0)
		vfio_cdev_provisional_replace(domain, va, len);
	return ret;
}

int
rte_vfio_cdev_domain_plan(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			  uint64_t len, uint64_t page_size)
{
	struct vfio_cdev_request req = { va, iova, len, page_or_base(domain, page_size), 0 };

	vfio_cdev_lock(domain);
	req.attempt = vfio_cdev_attempt_new(domain);
	vfio_cdev_unlock(domain);
	return pieces_map(domain, &req, piece_plan);
}

int
rte_vfio_cdev_domain_lookup(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			    uint64_t len)
{
	const struct vfio_cdev_record want = VFIO_CDEV_RECORD(va, iova, len, domain->ctx->page);
	const uint64_t key = domain->mode->key(&want);
	struct vfio_cdev_record *rec = NULL;
	int ret;

	ret = vfio_cdev_args_check(domain, va, iova, len, domain->ctx->page);
	if (ret < 0)
		return ret;
	vfio_cdev_lock(domain);
	if (vfio_cdev_record_find(domain, va, iova, len) == NULL) {
		do {
			rec = vfio_cdev_tree_next(&domain->tree, rec, key + (len - 1), key);
		} while (rec != NULL && vfio_cdev_record_is_pin(rec));
		if (rec == NULL)
			ret = -ENOENT;
		else if (!vfio_cdev_pieces_match(domain, va, iova, len))
			ret = -EOPNOTSUPP;
	}
	vfio_cdev_unlock(domain);
	return ret;
}
