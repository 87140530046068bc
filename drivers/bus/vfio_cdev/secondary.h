/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices of a secondary process, whose cdevs the primary has opened. */

#ifndef BUS_VFIO_CDEV_SECONDARY_H
#define BUS_VFIO_CDEV_SECONDARY_H

#include "rte_vfio_cdev.h"

struct vfio_device_info;

/*
 * Get the cdev from the primary: 0; 1 the device is to be set up over its group; or -errno
 * after an error was logged.
 */
int
secondary_open(const struct rte_vfio_cdev_info *info, struct rte_vfio_cdev_device **cdev,
	       struct vfio_device_info *device_info);

/* RTE_VFIO_CDEV=off, and stock failed: log it if it is not off in the primary. */
void
secondary_explain(const char *sysfs_base, const char *addr);

#endif /* BUS_VFIO_CDEV_SECONDARY_H */
