/* SPDX-License-Identifier: BSD-3-Clause */

/* In what the modes differ (vfio_cdev_mode.c). */

#ifndef VFIO_CDEV_MODE_H
#define VFIO_CDEV_MODE_H

#include <stdbool.h>

#include "rte_vfio_cdev.h"
#include "vfio_cdev_record.h"

#ifdef __cplusplus
extern "C" {
#endif

struct vfio_cdev_mode {
	const char *prefix;	/* of the cdev's name */
	const char *text;
	/* what a mapping is known by: the memory, or where a device finds it */
	uint64_t (*key)(const struct vfio_cdev_record *rec);
	bool reports_pa;		/* IOVAs are names only; the kernel tells the addresses */
	bool own_hwpt;		/* ours, and stays; or one for each IOMMU, gone with its devices */
	bool takes_bars;	/* the registers of another device are reached at their address */
	bool splits;		/* nobody minds that a mapping gets other IOVAs */
};

/* By enum rte_vfio_cdev_mode. */
extern const struct vfio_cdev_mode vfio_cdev_modes[RTE_VFIO_CDEV_MODES];

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_MODE_H */
