/* SPDX-License-Identifier: BSD-3-Clause */

/* What differs between the modes (vfio_cdev_mode.c). */

#ifndef VFIO_CDEV_MODE_H
#define VFIO_CDEV_MODE_H

#include <stdbool.h>

#include "vfio_cdev_areas.h"
#include "vfio_cdev_record.h"

struct vfio_cdev_mode {
	const struct vfio_cdev_area_ops *areas;
	const char *prefix; /* of the cdev's name, or NULL */
	const char *text;
	/* what identifies a mapping: its VA, or its IOVA */
	uint64_t (*key)(const struct vfio_cdev_record *rec);
	bool reports_pa; /* devices use physical addresses */
	bool confirms;	 /* and the kernel reports those of the pinned pages */
	bool own_hwpt;	 /* made and kept by us; else the kernel's, one per IOMMU */
	bool takes_bars; /* BARs of other devices can be mapped */
	bool splits;	 /* a part of a mapping can move to another IOVA */
};

/* By enum rte_vfio_cdev_mode. */
extern const struct vfio_cdev_mode vfio_cdev_modes[RTE_VFIO_CDEV_MODES];

#endif /* VFIO_CDEV_MODE_H */
