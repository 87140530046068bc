/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The container: the kernel's, in which other groups may be, or where it has none a file that
 * stands for it. Its ioctls know of the groups of this library.
 */

#ifndef COMPAT_VFIO_CDEV_CONTAINER_H
#define COMPAT_VFIO_CDEV_CONTAINER_H

#include <stdbool.h>

/* kernel is what open(2) has returned for the container's node. */
int
container_open(int flags, int kernel);

/* May it be a container? */
bool
container_is(int fd);

/* VFIO_GET_API_VERSION, VFIO_CHECK_EXTENSION, VFIO_SET_IOMMU, of any fd. */
int
container_ioctl(int fd, unsigned long request, void *arg);

/* Was VFIO_SET_IOMMU called for groups of the kernel's in it, without an IOMMU or with one? */
bool
container_is_allowed(int fd);

bool
container_has_iommu(int fd);

/* A group of the kernel's has joined those of this library: set the kernel's IOMMU type too. */
void
container_join(int fd);

#endif /* COMPAT_VFIO_CDEV_CONTAINER_H */
