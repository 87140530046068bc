/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Areas of memory that io_uring pins, where there is no cdev. An area is a registered
 * buffer; its "IOVA" says which one, and pagemap has the physical addresses of what is at
 * its virtual address now. Nothing but these few numbers is kept:
 *
 *	rings ---- slots: VA of each buffer, or the next free slot
 *	pagemap
 *
 * A ring has few buffers, since the kernel searches all of them for a hugepage that a new
 * one has (headpage_already_acct() in io_uring/rsrc.c).
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "uring.h"
#include "vfio_cdev_ring.h"

#define RING_SLOTS 1024
/* Of an IOVA: the slot, from 1 on, and the offset in the buffer. */
#define SLOT_SHIFT 40

struct vfio_cdev_rings {
	int pagemap;
	unsigned int count;
	int *rings;
	uint64_t *slots;
	uint64_t free; /* the first free slot; as many as there are: none */
};

static uint64_t
slot_count(const struct vfio_cdev_rings *rings)
{
	return (uint64_t)rings->count * RING_SLOTS;
}

static uint64_t
slot_of(uint64_t iova)
{
	return (iova >> SLOT_SHIFT) - 1;
}

static uint64_t
va_of(const struct vfio_cdev_rings *rings, uint64_t iova)
{
	return rings->slots[slot_of(iova)] + (iova & ((UINT64_C(1) << SLOT_SHIFT) - 1));
}

static int
ring_fail(const struct vfio_cdev_areas *areas, int err)
{
	return vfio_cdev_fail(areas->ctx, "memory", RTE_VFIO_CDEV_STEP_URING, err, "io_uring");
}

static int
ring_new(const struct vfio_cdev_areas *areas, struct vfio_cdev_rings *rings)
{
	const uint64_t first = slot_count(rings);
	uint64_t *slots;
	int *fds, ret;

	fds = reallocarray(rings->rings, rings->count + 1, sizeof(*fds));
	if (fds == NULL)
		return -ENOMEM;
	rings->rings = fds;
	slots = reallocarray(rings->slots, first + RING_SLOTS, sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	rings->slots = slots;
	ret = vfio_uring_open(areas->ctx->sys, RING_SLOTS, &fds[rings->count]);
	if (ret < 0)
		return ret;
	for (uint64_t i = first; i < first + RING_SLOTS; i++)
		slots[i] = i + 1;
	rings->free = first;
	rings->count++;
	return 0;
}

static int
ring_add(const struct vfio_cdev_areas *areas)
{
	const int ret = ring_new(areas, areas->rings);

	return ret < 0 ? ring_fail(areas, ret) : 0;
}

static void
ring_close(struct vfio_cdev_areas *areas)
{
	struct vfio_cdev_rings *rings = areas->rings;

	if (rings == NULL)
		return;
	for (unsigned int i = 0; i < rings->count; i++)
		areas->ctx->sys->close(rings->rings[i]);
	if (rings->pagemap >= 0)
		areas->ctx->sys->close(rings->pagemap);
	free(rings->rings);
	free(rings->slots);
	free(rings);
	areas->rings = NULL;
}

static int
pagemap_open(const struct vfio_cdev_areas *areas)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/self/pagemap", areas->ctx->proc);
	fd = areas->ctx->sys->open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return vfio_cdev_fail(areas->ctx, "memory", RTE_VFIO_CDEV_STEP_URING, -errno, "%s", path);
}

static int
ring_open(struct vfio_cdev_areas *areas, const struct rte_vfio_cdev_info *info)
{
	int ret;

	(void)info;
	if (areas->rings != NULL)
		return 0;
	areas->rings = calloc(1, sizeof(*areas->rings));
	if (areas->rings == NULL)
		return ring_fail(areas, -ENOMEM);
	areas->rings->pagemap = pagemap_open(areas);
	ret = areas->rings->pagemap < 0 ? areas->rings->pagemap : ring_add(areas);
	if (ret < 0)
		ring_close(areas);
	return ret;
}

static int
buffer_add(struct vfio_cdev_areas *areas, uint64_t va, uint64_t len, uint64_t *iova)
{
	struct vfio_cdev_rings *rings = areas->rings;
	uint64_t slot;
	int ret;

	ret = rings->free == slot_count(rings) ? ring_add(areas) : 0;
	if (ret < 0)
		return ret;
	slot = rings->free;
	ret = vfio_uring_buffer_set(areas->ctx->sys, rings->rings[slot / RING_SLOTS],
				    slot % RING_SLOTS, (const void *)(uintptr_t)va, len);
	if (ret < 0)
		return ret;
	rings->free = rings->slots[slot];
	rings->slots[slot] = va;
	*iova = (slot + 1) << SLOT_SHIFT;
	return 0;
}

static int
ring_unmap(struct vfio_cdev_areas *areas, uint64_t iova, uint64_t len)
{
	struct vfio_cdev_rings *rings = areas->rings;
	const uint64_t slot = slot_of(iova);
	int ret;

	(void)len;
	if (rings == NULL)
		return -ENODEV;
	ret = vfio_uring_buffer_clear(areas->ctx->sys, rings->rings[slot / RING_SLOTS],
				      slot % RING_SLOTS);
	if (ret < 0)
		return ret;
	rings->slots[slot] = rings->free;
	rings->free = slot;
	return 0;
}

static int
ring_get_pa(const struct vfio_cdev_areas *areas, uint64_t iova, uint64_t *len, uint64_t *phys)
{
	if (areas->rings == NULL)
		return -ENODEV;
	return vfio_uring_phys(areas->ctx->sys, areas->rings->pagemap, va_of(areas->rings, iova),
			       len, phys);
}

/* Are the first and the last base page as far from each other in physical memory, for certain? */
static bool
is_contiguous(const struct vfio_cdev_areas *areas, uint64_t iova, uint64_t len)
{
	const uint64_t last = len - areas->ctx->page;
	uint64_t one = 1, start, end;

	return ring_get_pa(areas, iova, &one, &start) == 0 &&
		ring_get_pa(areas, iova + last, &one, &end) == 0 && end == start + last;
}

/*
 * A part of a hugepage keeps all of it in place: a folio moves as a whole, and only if no
 * part is pinned (folio_expected_refs() in mm/migrate.c). It is charged as a whole, too; and
 * Linux 6.1 keeps and searches an entry for each base page of a buffer.
 */
static int
ring_map(struct vfio_cdev_areas *areas, const void *va, uint64_t len, unsigned int page_shift,
	 uint64_t *iova)
{
	const bool is_hugepage = len > areas->ctx->page && len == UINT64_C(1) << page_shift;
	int ret = buffer_add(areas, (uintptr_t)va, is_hugepage ? areas->ctx->page : len, iova);
	uint64_t slot;

	if (ret < 0 || !is_hugepage || is_contiguous(areas, *iova, len))
		return ret;
	/* The caller may be wrong about the page: all of it takes the place of the part. */
	slot = slot_of(*iova);
	ret = vfio_uring_buffer_set(areas->ctx->sys, areas->rings->rings[slot / RING_SLOTS],
				    slot % RING_SLOTS, va, len);
	if (ret < 0)
		ring_unmap(areas, *iova, len);
	return ret;
}

static int
ring_copy(struct vfio_cdev_areas *areas, uint64_t from, uint64_t len, uint64_t *to)
{
	return buffer_add(areas, va_of(areas->rings, from), len, to);
}

const struct vfio_cdev_area_ops vfio_cdev_ring_ops = {
	.open = ring_open,
	.close = ring_close,
	.map = ring_map,
	.copy = ring_copy,
	.unmap = ring_unmap,
	.get_pa = ring_get_pa,
};
