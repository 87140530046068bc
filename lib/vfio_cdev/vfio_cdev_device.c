/* SPDX-License-Identifier: BSD-3-Clause */

/* A cdev from open to close. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>

#include "vfio_cdev_attach.h"
#include "vfio_cdev_device.h"
#include "vfio_cdev_domain.h"
#include "vfio_cdev_front.h"
#include "vfio_cdev_ioas.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_sysfs.h"

/* The file must be of the device that sysfs shows: nodes can be renamed. */
static int
node_check(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info, int fd)
{
	dev_t rdev;

	return ctx->sys->rdev(fd, &rdev) == 0 && rdev == makedev(info->major, info->minor) ? 0 :
											     -ENXIO;
}

static int
node_open(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
	  const char *node, int *fd)
{
	int ret;

	ret = iommufd_node_open(ctx->sys, node, fd);
	if (ret < 0)
		goto out;
	ret = node_check(ctx, info, *fd);
	if (ret < 0)
		ctx->sys->close(*fd);
out:
	if (ret < 0)
		vfio_cdev_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_OPEN, ret, "%s", node);
	return ret;
}

int
rte_vfio_cdev_try_nodes(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info)
{
	char node[PATH_MAX];
	int fd, ret;

	ret = vfio_cdev_iommufd_open(ctx, info, &fd);
	if (ret < 0)
		return ret;
	ctx->sys->close(fd);
	snprintf(node, sizeof(node), VFIO_CDEV_NODE, ctx->dev, info->name);
	ret = node_open(ctx, info, node, &fd);
	if (ret == 0)
		ctx->sys->close(fd);
	return ret;
}

/* Without the domain's lock, since BIND resets the device. */
static int
node_bind(struct rte_vfio_cdev_domain *domain, const void *token, int fd, uint32_t *dev_id)
{
	const struct iommufd_spent before = iommufd_spent();
	const int ret = vfio_cdev_ioas_bind(&domain->areas, fd, token, dev_id);

	vfio_cdev_lock_since(domain, before);
	vfio_cdev_unlock(domain);
	return ret;
}

/* Other processes that have the device open are named: this one must have closed it. */
static int
bind_fail(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
	  const char *node, const void *token, int err)
{
	char openers[VFIO_CDEV_OPENERS] = "";

	if (err == -EPERM)
		vfio_cdev_neighbours_text(ctx, info, openers);
	else
		vfio_cdev_openers_text(ctx, info, err, token != NULL, openers);
	return vfio_cdev_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_BIND, err, "%s%s", node, openers);
}

/* Open the cdev and bind it. On success the caller has to call vfio_cdev_iommufd_put(). */
static int
cdev_bind(struct rte_vfio_cdev_domain *domain, const struct rte_vfio_cdev_info *info,
	  const char *node, const void *token, int *fd, uint32_t *dev_id)
{
	const struct rte_vfio_cdev_ctx *ctx = domain->ctx;
	int ret;

	/* The kernel would attach a device without an IOMMU beside others with one (device.c). */
	if (domain->mode != &vfio_cdev_modes[info->mode])
		return vfio_cdev_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_ATTACH, -EXDEV, "%s",
				      node);
	ret = vfio_cdev_iommufd_get(domain, info);
	if (ret < 0)
		return ret;
	ret = node_open(ctx, info, node, fd);
	if (ret < 0)
		goto err_put;
	ret = node_bind(domain, token, *fd, dev_id);
	if (ret < 0)
		goto err_close;
	return 0;

err_close:
	ctx->sys->close(*fd);
	bind_fail(ctx, info, node, token, ret);
err_put:
	vfio_cdev_iommufd_put(domain);
	return ret;
}

struct rte_vfio_cdev_device *
vfio_cdev_device_new(const struct rte_vfio_cdev_ctx *ctx, struct rte_vfio_cdev_domain *domain,
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
	struct rte_vfio_cdev_device *dev;
	char node[PATH_MAX];
	uint32_t dev_id;
	int ret;

	snprintf(node, sizeof(node), VFIO_CDEV_NODE, ctx->dev, info->name);
	dev = vfio_cdev_device_new(ctx, domain, info);
	if (dev == NULL)
		return vfio_cdev_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_OPEN, -ENOMEM, "%s",
				      node);
	ret = cdev_bind(domain, info, node, token, &dev->fd, &dev_id);
	if (ret < 0)
		goto err_free;
	ret = vfio_cdev_attach(domain, dev->fd, dev_id, true);
	if (ret < 0) {
		vfio_cdev_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_ATTACH, ret, "%s", node);
		goto err_detach;
	}
	vfio_cdev_iommufd_put(domain);
	*device = dev;
	return 0;

err_detach:
	vfio_cdev_detach(domain, dev->fd, false);
	vfio_cdev_iommufd_put(domain);
err_free:
	free(dev);
	return ret;
}

/* Once there is a HWPT no device is needed. */
int
rte_vfio_cdev_domain_prime(struct rte_vfio_cdev_domain *domain,
			   const struct rte_vfio_cdev_info *info, const void *token)
{
	char node[PATH_MAX];
	uint32_t dev_id = 0;
	int fd = -1, ret = 0;
	bool has_hwpt;

	if (!domain->mode->own_hwpt)
		return vfio_cdev_fail(domain->ctx, info->addr, RTE_VFIO_CDEV_STEP_VERIFY,
				      -EOPNOTSUPP, "physical addresses through %s", info->name);
	snprintf(node, sizeof(node), VFIO_CDEV_NODE, domain->ctx->dev, info->name);
	vfio_cdev_lock(domain);
	has_hwpt = domain->hwpt_id != 0;
	vfio_cdev_unlock(domain);
	if (!has_hwpt)
		ret = cdev_bind(domain, info, node, token, &fd, &dev_id);
	if (ret < 0)
		return ret;
	ret = vfio_cdev_make_ready(domain, dev_id);
	if (ret < 0)
		vfio_cdev_fail(domain->ctx, info->addr, RTE_VFIO_CDEV_STEP_ATTACH, ret, "%s", node);
	if (fd >= 0) {
		domain->ctx->sys->close(fd);
		vfio_cdev_iommufd_put(domain);
	}
	return ret;
}

/* No HWPT, no physical addresses: that is for the caller to do first. */
int
vfio_cdev_domain_attach(struct rte_vfio_cdev_domain *domain, const struct rte_vfio_cdev_info *info,
			int fd, const void *token)
{
	char node[PATH_MAX];
	uint32_t dev_id;
	int ret;

	snprintf(node, sizeof(node), VFIO_CDEV_NODE, domain->ctx->dev, info->name);
	if (!domain->mode->own_hwpt || domain->mode != &vfio_cdev_modes[info->mode])
		ret = -EXDEV;
	else
		ret = rte_vfio_cdev_domain_is_ready(domain) ? 0 : -ENODEV;
	if (ret == 0)
		ret = node_check(domain->ctx, info, fd);
	if (ret < 0)
		return vfio_cdev_fail(domain->ctx, info->addr, RTE_VFIO_CDEV_STEP_ATTACH, ret, "%s",
				      node);
	ret = node_bind(domain, token, fd, &dev_id);
	if (ret < 0)
		return vfio_cdev_fail(domain->ctx, info->addr, RTE_VFIO_CDEV_STEP_BIND, ret, "%s",
				      node);
	ret = vfio_cdev_attach(domain, fd, dev_id, false);
	if (ret < 0)
		vfio_cdev_fail(domain->ctx, info->addr, RTE_VFIO_CDEV_STEP_ATTACH, ret, "%s", node);
	return ret;
}

/* The last to use io_uring is the domain itself. */
int
rte_vfio_cdev_domain_start(struct rte_vfio_cdev_domain *domain)
{
	const bool was_ready = rte_vfio_cdev_domain_is_ready(domain);
	int ret;

	if (domain->mode->prefix != NULL)
		return vfio_cdev_fail(domain->ctx, domain->mode->text, RTE_VFIO_CDEV_STEP_URING,
				      -EOPNOTSUPP, "io_uring: devices have cdevs");
	ret = vfio_cdev_iommufd_get(domain, NULL);
	if (ret < 0)
		return ret;
	ret = vfio_cdev_make_ready(domain, 0);
	if (ret < 0 || was_ready)
		vfio_cdev_iommufd_put(domain);
	return ret;
}

void
rte_vfio_cdev_device_close(struct rte_vfio_cdev_device *device)
{
	if (device == NULL)
		return;
	if (device->domain != NULL)
		vfio_cdev_detach(device->domain, device->fd, true);
	else
		device->ctx->sys->close(device->fd);
	free(device);
}

int
rte_vfio_cdev_device_fd(const struct rte_vfio_cdev_device *device)
{
	return device->fd;
}

const struct rte_vfio_cdev_info *
rte_vfio_cdev_device_info(const struct rte_vfio_cdev_device *device)
{
	return &device->info;
}

int
rte_vfio_cdev_device_get_info(const struct rte_vfio_cdev_device *device, void *info)
{
	const struct rte_vfio_cdev_device *dev = device;
	int ret = iommufd_device_get_info(dev->ctx->sys, dev->fd, info);

	if (ret < 0)
		vfio_cdev_fail(dev->ctx, dev->info.addr, RTE_VFIO_CDEV_STEP_ATTACH, ret,
			       "and read the device's information");
	return ret;
}
