/* SPDX-License-Identifier: BSD-3-Clause */

/* A cdev from open to close. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "vfio_cdev_private.h"

/* The node has to be the device that sysfs showed: nodes get renamed. */
static int
node_open(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
	  const char *node, int *fd)
{
	dev_t rdev;
	int ret;

	ret = iommufd_node_open(ctx->sys, node, fd);
	if (ret < 0)
		goto out;
	if (ctx->sys->rdev(*fd, &rdev) < 0 || rdev != makedev(info->major, info->minor)) {
		ctx->sys->close(*fd);
		ret = -ENXIO;
	}
out:
	if (ret < 0)
		ctx_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_OPEN, ret, "%s", node);
	return ret;
}

int
cdev_bind(const struct rte_vfio_cdev_domain *domain, const struct rte_vfio_cdev_info *info,
	  const char *node, const void *token, int *fd, uint32_t *dev_id)
{
	const struct rte_vfio_cdev_ctx *ctx = domain->ctx;
	char holders[HOLDERS_LEN];
	int ret;

	/* The kernel would let one without an IOMMU join those that have one (device.c). */
	if (domain->mode != &vfio_cdev_modes[info->mode])
		return ctx_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_ATTACH, -EXDEV, "%s", node);
	ret = node_open(ctx, info, node, fd);
	if (ret < 0)
		return ret;
	ret = iommufd_device_bind(ctx->sys, *fd, domain->iommufd, token, dev_id);
	if (ret < 0) {
		ctx->sys->close(*fd);
		holders_tell(ctx, info, ret, holders);
		return ctx_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_BIND, ret, "%s%s", node,
				holders);
	}
	return 0;
}

struct rte_vfio_cdev_device *
device_new(const struct rte_vfio_cdev_ctx *ctx, struct rte_vfio_cdev_domain *domain,
	   const struct rte_vfio_cdev_info *info)
{
	struct rte_vfio_cdev_device *dev = malloc(sizeof(*dev));

	if (dev != NULL)
		*dev = (struct rte_vfio_cdev_device){
			.ctx = ctx,
			.domain = domain,
			.info = *info,
			.fd = -1,
		};
	return dev;
}

int
rte_vfio_cdev_device_open(struct rte_vfio_cdev_domain *domain,
			  const struct rte_vfio_cdev_info *info, const void *token,
			  struct rte_vfio_cdev_device **device)
{
	const struct rte_vfio_cdev_ctx *ctx = domain->ctx;
	const struct iommufd_spent before = iommufd_spent();
	struct rte_vfio_cdev_device *dev;
	char node[NODE_LEN];
	uint32_t dev_id;
	int ret;

	snprintf(node, sizeof(node), NODE_FORMAT, info->name);
	dev = device_new(ctx, domain, info);
	if (dev == NULL)
		return ctx_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_OPEN, -ENOMEM, "%s", node);
	ret = cdev_bind(domain, info, node, token, &dev->fd, &dev_id);
	if (ret < 0)
		goto err_free;
	domain_lock_since(domain, before);
	ret = domain_attach(domain, dev->fd, dev_id);
	domain_unlock(domain);
	if (ret < 0) {
		ctx_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_ATTACH, ret, "%s", node);
		goto err_close;
	}
	*device = dev;
	return 0;

err_close:
	ctx->sys->close(dev->fd);
err_free:
	free(dev);
	return ret;
}

void
rte_vfio_cdev_device_close(struct rte_vfio_cdev_device *device)
{
	struct rte_vfio_cdev_domain *domain;

	if (device == NULL)
		return;
	domain = device->domain;
	/* Detaches and unbinds, after the device was stopped (vfio_main.c). */
	device->ctx->sys->close(device->fd);
	if (domain != NULL) {
		domain_lock(domain);
		domain_detached(domain);
		domain_unlock(domain);
	}
	free(device);
}

int
rte_vfio_cdev_device_fd(const struct rte_vfio_cdev_device *device)
{
	return device->fd;
}

const struct rte_vfio_cdev_info *
rte_vfio_cdev_device_cdev(const struct rte_vfio_cdev_device *device)
{
	return &device->info;
}

int
rte_vfio_cdev_device_get_info(const struct rte_vfio_cdev_device *device, void *info)
{
	const struct rte_vfio_cdev_device *dev = device;
	int ret = iommufd_device_get_info(dev->ctx->sys, dev->fd, info);

	if (ret < 0)
		ctx_fail(dev->ctx, dev->info.addr, RTE_VFIO_CDEV_STEP_ATTACH, ret,
			 "and read the device's information");
	return ret;
}
