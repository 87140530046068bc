/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices that are left to the stock functions, which use the VFIO group. No lock may be held. */

#ifndef BUS_VFIO_CDEV_STOCK_SETUP_H
#define BUS_VFIO_CDEV_STOCK_SETUP_H

#include <stdbool.h>

#include <rte_vfio.h>

#include "rte_vfio_cdev.h"

/* As rte_vfio_setup_device() and rte_vfio_release_device(). */
int
stock_setup(const char *sysfs_base, const char *addr, int *fd, struct vfio_device_info *info);

int
stock_release(const char *sysfs_base, const char *addr, int fd);

/*
 * Pin the EAL's memory for devices that are used without a cdev: those over UIO are set up
 * without a call of rte_vfio_*().
 */
void
stock_prepare(void);

/* RTE_VFIO_CDEV=off */
int
off_setup(const char *sysfs_base, const char *addr, int *fd, struct vfio_device_info *info);

/*
 * The device has no cdev: err is ENODEV or EOPNOTSUPP. Refused with RTE_VFIO_CDEV=require;
 * otherwise its memory is pinned, if it has no IOMMU, or there is a warning.
 */
int
cdevless_setup(const char *sysfs_base, const char *addr, int err, int *fd,
	       struct vfio_device_info *info);

/*
 * With RTE_VFIO_CDEV=prefer: has the device an IOMMU, and a cdev that this process cannot
 * use? Logged. The group of such a device pins memory as well. Where the group (-1: none)
 * is bound to a container, who bound it decides. False in a secondary, which opens neither.
 */
bool
group_must_do(const struct rte_vfio_cdev_info *info, int group);

#endif /* BUS_VFIO_CDEV_STOCK_SETUP_H */
