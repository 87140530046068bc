/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Groups of devices without an IOMMU that have a cdev. A group has one device, and its fd is the
 * cdev, which is bound when the device's fd is requested. So a process to which the fd is sent
 * gets the device by it.
 *
 * Functions return what the system call does, with errno set.
 */

#ifndef COMPAT_VFIO_CDEV_GROUP_H
#define COMPAT_VFIO_CDEV_GROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Is it the node of a group without an IOMMU? The path begins with COMPAT_DIR. */
bool
group_is_path(const char *path);

/*
 * A node of a group was opened, or could not be: kernel is what open(2) has returned. Returns
 * the cdev instead, if the group's device has one.
 */
int
group_open(const char *path, int flags, int kernel);

/* VFIO_GROUP_*, of any fd. */
int
group_ioctl(int fd, unsigned long request, void *arg);

/* The link iommu_group of a device, where the kernel has no groups: its length, or -1. */
ssize_t
group_link(const char *path, char *text, size_t size);

#endif /* COMPAT_VFIO_CDEV_GROUP_H */
