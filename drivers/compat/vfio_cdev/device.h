/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Devices without an IOMMU that have a cdev: found by their group or by an open fd, bound and
 * attached; and what this process has done with their groups.
 */

#ifndef COMPAT_VFIO_CDEV_DEVICE_H
#define COMPAT_VFIO_CDEV_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "rte_vfio_cdev.h"

/* Groups of cdevs where the kernel has none: no kernel counts so far. */
#define DEVICE_FIRST_GROUP 1000000

/* The one device of a group: 0; -ENODEV it has no such cdev; others if sysfs cannot be read. */
int
device_of_group(unsigned int number, struct rte_vfio_cdev_info *info);

/* The device whose cdev this is. */
bool
device_of_fd(int fd, struct rte_vfio_cdev_info *info);

/* The device whose directory in sysfs are the first bytes of a path. */
bool
device_of_dir(const char *path, size_t len, struct rte_vfio_cdev_info *info);

/* Is the cdev bound, by this or another process that has the file? */
bool
device_is_bound(int fd);

/*
 * The group with this fd is in a container from now on, for which VFIO_SET_IOMMU was called or
 * not. false: memory is short.
 */
bool
device_set(int fd, const struct rte_vfio_cdev_info *info, int container, bool allowed);

/* VFIO_SET_IOMMU for a container. */
void
device_allow(int container);

bool
device_is_set(const struct rte_vfio_cdev_info *info);

/* Is any group in this container? */
bool
device_is_any_in(int container);

/* The group is in no container; its fd was opened anew, or nobody uses the device. */
void
device_forget(const struct rte_vfio_cdev_info *info);

/*
 * VFIO_GROUP_GET_DEVICE_FD: bind the cdev, unless it is, and return a copy of its fd. The name
 * is the device's address, perhaps with " vf_token=UUID". Returns -1 with errno on an error.
 */
int
device_open(int fd, const struct rte_vfio_cdev_info *info, const char *name);

#endif /* COMPAT_VFIO_CDEV_DEVICE_H */
