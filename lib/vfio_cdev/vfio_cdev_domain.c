/* SPDX-License-Identifier: BSD-3-Clause */

/* A domain from its creation to its end. */

#include <errno.h>
#include <stdlib.h>

#include "vfio_cdev_private.h"

#define IOMMU_NODE "/dev/iommu"

/*
 * No IOAS has id 0, so -ENOENT says that the kernel went as far as looking for
 * it (drivers/iommu/iommufd/hwpt_noiommu.c).
 */
static int
get_pa_probe(const struct rte_vfio_cdev_ctx *ctx, int iommufd)
{
	uint64_t len = 1, phys;
	int ret = iommufd_noiommu_get_pa(ctx->sys, iommufd, 0, 0, &len, &phys);

	if (ret == -ENOENT)
		return 0;
	return ctx_fail(ctx, IOMMU_NODE, RTE_VFIO_CDEV_STEP_PROBE, ret == 0 ? -EPROTO : ret,
			"IOMMU_IOAS_NOIOMMU_GET_PA");
}

static int
ioas_open(struct rte_vfio_cdev_domain *domain)
{
	const struct rte_vfio_cdev_ctx *ctx = domain->ctx;
	int ret;

	ret = iommufd_node_open(ctx->sys, IOMMU_NODE, &domain->iommufd);
	if (ret < 0)
		return ctx_fail(ctx, "iommufd", RTE_VFIO_CDEV_STEP_IOMMUFD, ret, IOMMU_NODE);
	ret = domain->mode->tells_pa ? get_pa_probe(ctx, domain->iommufd) : 0;
	if (ret < 0)
		goto err_close;
	ret = iommufd_ioas_alloc(ctx->sys, domain->iommufd, &domain->ioas_id);
	if (ret < 0) {
		ctx_fail(ctx, IOMMU_NODE, RTE_VFIO_CDEV_STEP_PROBE, ret, "IOMMU_IOAS_ALLOC");
		goto err_close;
	}
	return 0;

err_close:
	ctx->sys->close(domain->iommufd);
	return ret;
}

int
rte_vfio_cdev_domain_create(struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode,
			    struct rte_vfio_cdev_domain **domain)
{
	struct rte_vfio_cdev_domain *d;
	int ret;

	if ((unsigned int)mode >= RTE_VFIO_CDEV_MODES)
		return ctx_fail(ctx, rte_vfio_cdev_mode_name(mode), RTE_VFIO_CDEV_STEP_IOMMUFD,
				-EINVAL, "an address space of this mode");
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return ctx_fail(ctx, "iommufd", RTE_VFIO_CDEV_STEP_IOMMUFD, -ENOMEM, IOMMU_NODE);
	d->ctx = ctx;
	d->sweep_from = VFIO_CDEV_SWEEP_FROM;
	d->mode = &vfio_cdev_modes[mode];
	ret = nodes_read(d);
	if (ret < 0) {
		ctx_fail(ctx, "iommufd", RTE_VFIO_CDEV_STEP_IOMMUFD, ret, IOMMU_NODE);
		goto err_free;
	}
	ret = ioas_open(d);
	if (ret < 0)
		goto err_nodes;
	pthread_mutex_init(&d->lock, NULL);
	*domain = d;
	return 0;

err_nodes:
	free(d->nodes);
err_free:
	free(d);
	return ret;
}

int
rte_vfio_cdev_domain_destroy(struct rte_vfio_cdev_domain *domain)
{
	if (domain == NULL)
		return 0;
	if (domain->stats.devices != 0)
		return -EBUSY;
	/* Closing the last file of an iommufd unmaps, unpins and frees all in it. */
	domain->ctx->sys->close(domain->iommufd);
	record_remove_all(&domain->records);
	record_remove_all(&domain->held);
	ranges_forget(domain);
	free(domain->nodes);
	pthread_mutex_destroy(&domain->lock);
	free(domain);
	return 0;
}

void
domain_lock_since(struct rte_vfio_cdev_domain *domain, struct iommufd_spent before)
{
	pthread_mutex_lock(&domain->lock);
	domain->before = before;
}

void
domain_lock(struct rte_vfio_cdev_domain *domain)
{
	domain_lock_since(domain, iommufd_spent());
}

void
domain_unlock(struct rte_vfio_cdev_domain *domain)
{
	const struct iommufd_spent now = iommufd_spent();

	domain->stats.ioctls += now.calls - domain->before.calls;
	domain->stats.ioctl_ns += now.ns - domain->before.ns;
	pthread_mutex_unlock(&domain->lock);
}

int
domain_unlock_with(struct rte_vfio_cdev_domain *domain, int ret)
{
	if (ret < 0)
		domain->stats.refused++;
	domain_unlock(domain);
	return ret;
}

int
rte_vfio_cdev_domain_fd(const struct rte_vfio_cdev_domain *domain)
{
	return domain->iommufd;
}

void
rte_vfio_cdev_domain_stats(struct rte_vfio_cdev_domain *domain,
			   struct rte_vfio_cdev_stats *stats)
{
	domain_lock(domain);
	*stats = domain->stats;
	domain_unlock(domain);
}
