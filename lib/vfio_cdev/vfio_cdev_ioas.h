/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A domain's address space in the kernel (vfio_cdev_ioas.c). Nothing is logged, except
 * when opening.
 */

#ifndef VFIO_CDEV_IOAS_H
#define VFIO_CDEV_IOAS_H

#include "vfio_cdev_ctx.h"

struct vfio_cdev_ioas {
	const struct rte_vfio_cdev_ctx *ctx;
	int iommufd; /* -1: not open */
	uint32_t id;
	uint64_t next_iova; /* above all areas made so far; see iova_new() */
	unsigned int users; /* calls that bind a device, or that returned the fd */
};

/* The node of a cdev, of a context's dev and its name. */
#define VFIO_CDEV_NODE "%s/vfio/devices/%s"

/*
 * Open /dev/iommu: 0 or -errno. info: the device that it is for, or NULL; if both of their
 * nodes are missing, the message names both.
 */
int
vfio_cdev_iommufd_open(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		       int *fd);

/* The same for an address space, if it is not open. reports_pa: check that GET_PA works. */
int
vfio_cdev_ioas_open(struct vfio_cdev_ioas *ioas, bool reports_pa,
		    const struct rte_vfio_cdev_info *info);

void
vfio_cdev_ioas_close(struct vfio_cdev_ioas *ioas);

int
vfio_cdev_ioas_map(struct vfio_cdev_ioas *ioas, const void *va, uint64_t len, uint64_t *iova);

int
vfio_cdev_ioas_copy(struct vfio_cdev_ioas *ioas, uint64_t from, uint64_t len, uint64_t *to);

int
vfio_cdev_ioas_unmap(const struct vfio_cdev_ioas *ioas, uint64_t iova, uint64_t len);

/* Unmap after an error. A further error is only logged. */
void
vfio_cdev_ioas_undo(const struct vfio_cdev_ioas *ioas, uint64_t iova, uint64_t len);

int
vfio_cdev_ioas_phys(const struct vfio_cdev_ioas *ioas, uint64_t iova, uint64_t *phys);

/* Called for each run of contiguous memory, off bytes from the start of an area. */
typedef int (*vfio_cdev_run_t)(void *arg, uint64_t off, uint64_t phys, uint64_t len);

/*
 * Query the physical addresses of an area: once per hugepage, or once per run of
 * contiguous base pages. An error of the callback ends it.
 */
int
vfio_cdev_ioas_runs(const struct vfio_cdev_ioas *ioas, uint64_t iova, uint64_t len,
		    unsigned int page_shift, vfio_cdev_run_t run, void *arg);

int
vfio_cdev_ioas_hwpt(const struct vfio_cdev_ioas *ioas, uint32_t dev_id, uint32_t *hwpt_id);

int
vfio_cdev_ioas_destroy(const struct vfio_cdev_ioas *ioas, uint32_t hwpt_id);

int
vfio_cdev_ioas_bind(const struct vfio_cdev_ioas *ioas, int cdev, const void *token,
		    uint32_t *dev_id);

/* Attach a bound device to a HWPT, or with pt_id 0 to the IOAS. */
int
vfio_cdev_ioas_attach(const struct vfio_cdev_ioas *ioas, int cdev, uint32_t pt_id);

/* The IOVAs that can be mapped. The caller frees *ranges. */
int
vfio_cdev_ioas_iova_ranges(const struct vfio_cdev_ioas *ioas, struct ifd_iova_range **ranges,
			   uint32_t *count);

/* The same for one bound device, without the others in the IOAS. */
int
vfio_cdev_ioas_iova_ranges_of(const struct vfio_cdev_ioas *ioas, int cdev,
			      struct ifd_iova_range **ranges, uint32_t *count);

#endif /* VFIO_CDEV_IOAS_H */
