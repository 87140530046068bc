/* SPDX-License-Identifier: BSD-3-Clause */

/* Set up, release and query a device over its cdev. No lock may be held. */

#ifndef BUS_VFIO_CDEV_DEVICE_SETUP_H
#define BUS_VFIO_CDEV_DEVICE_SETUP_H

#include "rte_vfio_cdev.h"

struct vfio_device_info;

/* 0; 1 it is to be set up over its group; or -1 after an error was logged. */
int
device_setup(const struct rte_vfio_cdev_info *info, int group, int *fd,
	     struct vfio_device_info *device_info);

/*
 * 0; -ENODEV the device is not in the table; -EBADF fd is not the device's; -EBUSY
 * another thread is setting it up or releasing it. The last two are logged.
 */
int
device_release(const char *addr, int fd);

/* Errors as device_release(); an fd of 0 is set to the device's, as stock does. */
int
device_get_info(const char *addr, int *fd, struct vfio_device_info *device_info);

#endif /* BUS_VFIO_CDEV_DEVICE_SETUP_H */
