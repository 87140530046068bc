/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The areas of pinned memory that a domain has in the kernel. How they are made is the
 * mode's: in an IOAS (vfio_cdev_ioas.c), or by io_uring (vfio_cdev_ring.c). Only errors of
 * opening are logged.
 */

#ifndef VFIO_CDEV_AREAS_H
#define VFIO_CDEV_AREAS_H

#include "vfio_cdev_ctx.h"

struct vfio_cdev_areas;
struct vfio_cdev_rings;

/* 0 or -errno. An area is identified by its IOVA, even where no device uses it. */
struct vfio_cdev_area_ops {
	int (*open)(struct vfio_cdev_areas *areas, const struct rte_vfio_cdev_info *info);
	/* unmaps, unpins and frees everything */
	void (*close)(struct vfio_cdev_areas *areas);
	/* *iova, in: where, or RTE_VFIO_CDEV_IOVA_ANY */
	int (*map)(struct vfio_cdev_areas *areas, const void *va, uint64_t len,
		   unsigned int page_shift, uint64_t *iova);
	/* the same pages once more; they stay pinned until the last area of them goes */
	int (*copy)(struct vfio_cdev_areas *areas, uint64_t from, uint64_t len, uint64_t *to);
	int (*unmap)(struct vfio_cdev_areas *areas, uint64_t iova, uint64_t len);
	/* *len, in: bytes to look at; out: bytes that are contiguous */
	int (*get_pa)(const struct vfio_cdev_areas *areas, uint64_t iova, uint64_t *len,
		      uint64_t *phys);
};

struct vfio_cdev_areas {
	const struct rte_vfio_cdev_ctx *ctx;
	const struct vfio_cdev_area_ops *ops;
	int iommufd; /* -1: not open */
	uint32_t ioas_id;
	uint64_t next_iova; /* above all areas made so far; see iova_new() */
	struct vfio_cdev_rings *rings;
	unsigned int users; /* calls that bind a device, or that returned the fd */
};

static inline int
vfio_cdev_area_map(struct vfio_cdev_areas *areas, const void *va, uint64_t len,
		   unsigned int page_shift, uint64_t *iova)
{
	return areas->ops->map(areas, va, len, page_shift, iova);
}

static inline int
vfio_cdev_area_copy(struct vfio_cdev_areas *areas, uint64_t from, uint64_t len, uint64_t *to)
{
	return areas->ops->copy(areas, from, len, to);
}

static inline int
vfio_cdev_area_unmap(struct vfio_cdev_areas *areas, uint64_t iova, uint64_t len)
{
	return areas->ops->unmap(areas, iova, len);
}

/* Unmap after an error. A further error is only logged. */
void
vfio_cdev_area_undo(struct vfio_cdev_areas *areas, uint64_t iova, uint64_t len);

int
vfio_cdev_area_phys(const struct vfio_cdev_areas *areas, uint64_t iova, uint64_t *phys);

/* Called for each run of contiguous memory, off bytes from the start of an area. */
typedef int (*vfio_cdev_run_t)(void *arg, uint64_t off, uint64_t phys, uint64_t len);

/*
 * Query the physical addresses of an area: once per hugepage, or once per run of
 * contiguous base pages. An error of the callback ends it.
 */
int
vfio_cdev_area_runs(const struct vfio_cdev_areas *areas, uint64_t iova, uint64_t len,
		    unsigned int page_shift, vfio_cdev_run_t run, void *arg);

#endif /* VFIO_CDEV_AREAS_H */
