/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory pinned where it is: in mappings of its own, whose addresses the kernel reports
 * once they are pinned.
 */

#include <errno.h>
#include <stdlib.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_piece.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_state.h"

struct rte_vfio_cdev_pin {
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_extent *extents;
	unsigned int count;
	unsigned int room;
	unsigned int pieces;		    /* those that are pinned */
	struct vfio_cdev_record *records[]; /* of each piece: nothing else drops them */
};

/* The vfio_cdev_run_t of pinning. */
static int
extent_add(void *arg, uint64_t off, uint64_t phys, uint64_t len)
{
	struct rte_vfio_cdev_pin *pin = arg;
	const unsigned int room = pin->room == 0 ? 1 : 2 * pin->room;
	struct rte_vfio_cdev_extent *extents = pin->extents;

	(void)off;
	if (pin->count == pin->room) {
		extents = realloc(extents, room * sizeof(*extents));
		if (extents == NULL)
			return -ENOMEM;
		pin->extents = extents;
		pin->room = room;
	}
	pin->extents[pin->count++] = (struct rte_vfio_cdev_extent){ .iova = phys, .len = len };
	return 0;
}

static int
piece_unpin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	int ret;

	vfio_cdev_lock(domain);
	ret = vfio_cdev_mapping_drop(domain, rec);
	if (ret < 0)
		vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret,
				      vfio_cdev_record_va(rec), vfio_cdev_record_len(rec));
	vfio_cdev_unlock(domain);
	return ret;
}

static int
piece_pin(struct rte_vfio_cdev_pin *pin, const void *va, uint64_t len)
{
	struct rte_vfio_cdev_domain *domain = pin->domain;
	struct vfio_cdev_record piece = VFIO_CDEV_RECORD(va, RTE_VFIO_CDEV_IOVA_ANY, len,
							 domain->ctx->page);
	int ret;

	piece.attempt = VFIO_CDEV_ATTEMPT_PIN;
	vfio_cdev_lock(domain);
	ret = vfio_cdev_phys_check(domain, va, len);
	if (ret == 0)
		ret = vfio_cdev_mapping_create(domain, &piece, extent_add, pin,
					       &pin->records[pin->pieces]);
	pin->pieces += ret == 0;
	return vfio_cdev_unlock_with(domain, ret);
}

static int
pieces_pin(struct rte_vfio_cdev_pin *pin, const char *va, uint64_t len)
{
	uint64_t piece;
	int ret;

	for (uint64_t off = 0; off < len; off += piece) {
		piece = vfio_cdev_piece_len((uintptr_t)va, off, len, pin->domain->ctx->page);
		ret = piece_pin(pin, va + off, piece);
		if (ret < 0) {
			while (pin->pieces != 0)
				piece_unpin(pin->domain, pin->records[--pin->pieces]);
			return ret;
		}
	}
	return 0;
}

static void
pin_free(struct rte_vfio_cdev_pin *pin)
{
	free(pin->extents);
	free(pin);
}

int
rte_vfio_cdev_domain_pin(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len,
			 struct rte_vfio_cdev_pin **pin)
{
	struct rte_vfio_cdev_pin *p;
	int ret = vfio_cdev_args_check(domain, va, 0, len, domain->ctx->page);

	if (ret < 0)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret, va, len);
	/* Two pieces need not be whole. */
	p = calloc(1, sizeof(*p) + (len / VFIO_CDEV_PIECE + 2) * sizeof(p->records[0]));
	if (p == NULL)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENOMEM, va, len);
	p->domain = domain;
	ret = pieces_pin(p, va, len);
	if (ret < 0) {
		pin_free(p);
		return ret;
	}
	*pin = p;
	return 0;
}

unsigned int
rte_vfio_cdev_pin_extents(const struct rte_vfio_cdev_pin *pin,
			  const struct rte_vfio_cdev_extent **extents)
{
	*extents = pin->extents;
	return pin->count;
}

int
rte_vfio_cdev_pin_release(struct rte_vfio_cdev_pin *pin)
{
	int ret;

	if (pin == NULL)
		return 0;
	/* The last one first: after an error another call continues there. */
	for (; pin->pieces != 0; pin->pieces--) {
		ret = piece_unpin(pin->domain, pin->records[pin->pieces - 1]);
		if (ret < 0)
			return ret;
	}
	pin_free(pin);
	return 0;
}
