/* SPDX-License-Identifier: BSD-3-Clause */

/* Areas in an IOAS, and its devices (vfio_cdev_ioas.c). Nothing is logged, except when opening. */

#ifndef VFIO_CDEV_IOAS_H
#define VFIO_CDEV_IOAS_H

#include "vfio_cdev_areas.h"

extern const struct vfio_cdev_area_ops vfio_cdev_noiommu_ops, vfio_cdev_translated_ops;

/* The node of a cdev, of a context's dev and its name. */
#define VFIO_CDEV_NODE "%s/vfio/devices/%s"

/*
 * Open /dev/iommu: 0 or -errno. info: the device that it is for, or NULL; if both of their
 * nodes are missing, the message names both.
 */
int
vfio_cdev_iommufd_open(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		       int *fd);

int
vfio_cdev_ioas_hwpt(const struct vfio_cdev_areas *areas, uint32_t dev_id, uint32_t *hwpt_id);

int
vfio_cdev_ioas_destroy(const struct vfio_cdev_areas *areas, uint32_t hwpt_id);

int
vfio_cdev_ioas_bind(const struct vfio_cdev_areas *areas, int cdev, const void *token,
		    uint32_t *dev_id);

/* Attach a bound device to a HWPT, or with pt_id 0 to the IOAS. */
int
vfio_cdev_ioas_attach(const struct vfio_cdev_areas *areas, int cdev, uint32_t pt_id);

/* The IOVAs that can be mapped. The caller frees *ranges. */
int
vfio_cdev_ioas_iova_ranges(const struct vfio_cdev_areas *areas, struct ifd_iova_range **ranges,
			   uint32_t *count);

/* The same for one bound device, without the others in the IOAS. */
int
vfio_cdev_ioas_iova_ranges_of(const struct vfio_cdev_areas *areas, int cdev,
			      struct ifd_iova_range **ranges, uint32_t *count);

#endif /* VFIO_CDEV_IOAS_H */
