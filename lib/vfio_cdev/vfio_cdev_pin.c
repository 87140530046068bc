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
	uint64_t released; /* bytes unmapped so far */
	uint32_t attempt;  /* of its mappings */
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

/*
 * Drop what is left of a piece: parts of it may have been unmapped. A caller that has mapped
 * the same memory keeps it.
 */
static int
piece_unmap(const struct rte_vfio_cdev_pin *pin, uint64_t off, uint64_t len)
{
	const uint64_t va = (uintptr_t)pin->va + off, last = va + (len - 1);
	struct rte_vfio_cdev_domain *domain = pin->domain;
	struct vfio_cdev_record *rec, *next;
	int ret = 0;

	vfio_cdev_lock(domain);
	for (rec = vfio_cdev_tree_next(&domain->tree, NULL, last, va); ret == 0 && rec != NULL;
	     rec = next) {
		next = vfio_cdev_tree_next(&domain->tree, rec, last, va);
		if (rec->attempt != pin->attempt)
			continue;
		if (rec->users > 1)
			rec->attempt = 0;
		ret = vfio_cdev_mapping_drop(domain, rec);
	}
	if (ret < 0)
		vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret, pin->va + off, len);
	vfio_cdev_unlock(domain);
	return ret;
}

/* Drop the pieces below an offset. After an error another call continues there. */
static int
pieces_unmap(struct rte_vfio_cdev_pin *pin, uint64_t end)
{
	uint64_t len;
	int ret;

	for (; pin->released < end; pin->released += len) {
		len = piece_len(pin, pin->released);
		ret = piece_unmap(pin, pin->released, len);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* All numbers of a domain are different, until there have been 2^31. */
static void
attempt_new(struct rte_vfio_cdev_pin *pin)
{
	vfio_cdev_lock(pin->domain);
	pin->attempt = ++pin->domain->attempt | VFIO_CDEV_ATTEMPT_PIN;
	vfio_cdev_unlock(pin->domain);
}

static int
piece_pin(struct rte_vfio_cdev_pin *pin, const void *va, uint64_t len)
{
	struct rte_vfio_cdev_domain *domain = pin->domain;
	struct vfio_cdev_record piece = VFIO_CDEV_RECORD(va, RTE_VFIO_CDEV_IOVA_ANY, len,
							 domain->ctx->page);
	int ret;

	piece.attempt = pin->attempt;
	vfio_cdev_lock(domain);
	ret = vfio_cdev_phys_check(domain, va, len);
	if (ret == 0)
		ret = vfio_cdev_mapping_create(domain, &piece, extent_add, pin);
	return vfio_cdev_unlock_with(domain, ret);
}

static int
pieces_pin(struct rte_vfio_cdev_pin *pin)
{
	uint64_t len;
	int ret;

	attempt_new(pin);
	for (uint64_t off = 0; off < pin->len; off += len) {
		len = piece_len(pin, off);
		ret = piece_pin(pin, pin->va + off, len);
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
