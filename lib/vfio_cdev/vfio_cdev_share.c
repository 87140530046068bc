/* SPDX-License-Identifier: BSD-3-Clause */

/* One open cdev in several processes, which share its file (SCM_RIGHTS). */

#include <errno.h>
#include <stddef.h>
#include <sys/sysmacros.h>

#include "vfio_cdev_ctx.h"
#include "vfio_cdev_device.h"

/* It has no domain: that is in another process. */
static int
device_take(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info, int fd,
	    struct rte_vfio_cdev_device **device)
{
	struct rte_vfio_cdev_device *dev = vfio_cdev_device_new(ctx, NULL, info);

	if (dev == NULL)
		return -ENOMEM;
	dev->fd = fd;
	*device = dev;
	return 0;
}

int
rte_vfio_cdev_device_dup(const struct rte_vfio_cdev_device *device,
			 struct rte_vfio_cdev_device **copy)
{
	const struct iommufd_sys *sys = device->ctx->sys;
	int fd = sys->dup(device->fd);
	int ret;

	if (fd < 0)
		return -errno;
	ret = device_take(device->ctx, &device->info, fd, copy);
	if (ret < 0)
		sys->close(fd);
	return ret;
}

/* The owner of the fd is checked first: only an fd from a message may be closed here. */
static int
fd_adopt(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info, int fd)
{
	int ret = 0;
	dev_t rdev;

	if (ctx->sys->adopt(fd) < 0)
		return -errno;
	if (ctx->sys->rdev(fd, &rdev) < 0)
		ret = -errno;
	else if (rdev != makedev(info->major, info->minor))
		ret = -ENXIO;
	if (ret < 0)
		ctx->sys->close(fd);
	return ret;
}

int
rte_vfio_cdev_device_import(const struct rte_vfio_cdev_ctx *ctx,
			    const struct rte_vfio_cdev_info *info, int fd,
			    struct rte_vfio_cdev_device **device)
{
	int ret = fd_adopt(ctx, info, fd);

	if (ret == 0) {
		ret = device_take(ctx, info, fd, device);
		if (ret < 0)
			ctx->sys->close(fd);
	}
	if (ret < 0)
		vfio_cdev_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_IMPORT, ret,
			       "the file that was sent for %s", info->name);
	return ret;
}
