/* SPDX-License-Identifier: BSD-3-Clause */

/* An open cdev (vfio_cdev_device.c). */

#ifndef VFIO_CDEV_DEVICE_H
#define VFIO_CDEV_DEVICE_H

#include "rte_vfio_cdev.h"

struct rte_vfio_cdev_device {
	const struct rte_vfio_cdev_ctx *ctx;
	struct rte_vfio_cdev_domain *domain; /* NULL: the file is shared with another process */
	struct rte_vfio_cdev_info info;
	int fd;
};

/* A device that is not open yet, or NULL if memory is short. */
struct rte_vfio_cdev_device *
vfio_cdev_device_new(const struct rte_vfio_cdev_ctx *ctx, struct rte_vfio_cdev_domain *domain,
		     const struct rte_vfio_cdev_info *info);

#endif /* VFIO_CDEV_DEVICE_H */
