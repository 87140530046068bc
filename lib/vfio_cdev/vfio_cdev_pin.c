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
	const char *va;
	uint64_t len;
	struct rte_vfio_cdev_extent *extents;
	unsigned int count;
	unsigned int room;
	uint64_t released; /* bytes unmapped so far, in passed extents */
	unsigned int passed;
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

static uint64_t
piece_len(const struct rte_vfio_cdev_pin *pin, uint64_t off)
{
	return vfio_cdev_piece_len((uintptr_t)pin->va, off, pin->len, pin->domain->ctx->page);
}

/* The address skip bytes after the start of an extent, in it or a later one. */
static uint64_t
extent_phys(const struct rte_vfio_cdev_extent *extent, uint64_t skip)
{
	for (; skip >= extent->len; extent++)
		skip -= extent->len;
	return extent->iova + skip;
}

/* A part of a piece was unmapped before: drop the rest of it. */
static int
rest_unmap(struct rte_vfio_cdev_domain *domain, uint64_t va, uint64_t len,
	   const struct rte_vfio_cdev_extent *extent)
{
	struct vfio_cdev_record *rec, *next;
	int ret = 0;

	for (rec = vfio_cdev_tree_next(&domain->tree, NULL, va + (len - 1), va);
	     ret == 0 && rec != NULL; rec = next) {
		next = vfio_cdev_tree_next(&domain->tree, rec, va + (len - 1), va);
		if (rec->any && rec->va >= va && rec->va - va + vfio_cdev_record_len(rec) <= len &&
		    rec->phys == extent_phys(extent, rec->va - va))
			ret = vfio_cdev_mapping_drop(domain, rec);
	}
	return ret;
}

/* Drop the piece at an offset. It begins with extent. */
static int
piece_unmap(const struct rte_vfio_cdev_pin *pin, uint64_t off, uint64_t len,
	    const struct rte_vfio_cdev_extent *extent)
{
	struct vfio_cdev_record *rec;
	int ret;

	vfio_cdev_lock(pin->domain);
	rec = vfio_cdev_record_find(pin->domain, pin->va + off, extent->iova, len);
	ret = rec != NULL ? vfio_cdev_mapping_drop(pin->domain, rec) :
			    rest_unmap(pin->domain, (uintptr_t)pin->va + off, len, extent);
	if (ret < 0)
		vfio_cdev_memory_fail(pin->domain, RTE_VFIO_CDEV_STEP_UNMAP, ret, pin->va + off,
				      len);
	vfio_cdev_unlock(pin->domain);
	return ret;
}

/* Drop the pieces below an offset. After an error another call continues there. */
static int
pieces_unmap(struct rte_vfio_cdev_pin *pin, uint64_t end)
{
	uint64_t len;
	int ret;

	while (pin->released < end) {
		len = piece_len(pin, pin->released);
		ret = piece_unmap(pin, pin->released, len, &pin->extents[pin->passed]);
		if (ret < 0)
			return ret;
		for (pin->released += len; len > 0; pin->passed++)
			len -= pin->extents[pin->passed].len;
	}
	return 0;
}

static int
pieces_pin(struct rte_vfio_cdev_pin *pin)
{
	struct rte_vfio_cdev_domain *domain = pin->domain;
	const char *va;
	uint64_t len;
	int ret;

	for (uint64_t off = 0; off < pin->len; off += len) {
		len = piece_len(pin, off);
		va = pin->va + off;
		vfio_cdev_lock(domain);
		ret = vfio_cdev_phys_check(domain, va, len);
		if (ret == 0)
			ret = vfio_cdev_mapping_create(domain,
						       &VFIO_CDEV_RECORD(va, RTE_VFIO_CDEV_IOVA_ANY,
									 len, domain->ctx->page),
						       extent_add, pin);
		ret = vfio_cdev_unlock_with(domain, ret);
		if (ret < 0) {
			pieces_unmap(pin, off);
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
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENOMEM, va, len);
	p->domain = domain;
	p->va = va;
	p->len = len;
	ret = pieces_pin(p);
	if (ret < 0) {
		pin_free(p);
		return ret;
	}
	vfio_cdev_provisional_replace(domain, va, len);
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
	ret = pieces_unmap(pin, pin->len);
	if (ret == 0)
		pin_free(pin);
	return ret;
}
