/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How a domain gets a HWPT, without which nothing is pinned and no address is
 * told. With one of our own, pins do not come and go with the devices
 * (drivers/iommu/iommufd/device.c destroys an automatic one with the last
 * detach). That would be one IOMMU's, so where there are any the kernel chooses
 * for each device, and memory waits for the next one after the last.
 */

#include <errno.h>
#include <stdio.h>

#include "vfio_cdev_private.h"

/* Undo records_map() up to a record. */
static void
records_unmap(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *end)
{
	const struct vfio_cdev_record *rec;
	int ret;

	for (rec = record_next(&domain->records, 0); rec != end;
	     rec = record_after(&domain->records, rec)) {
		ret = mapping_unmap(domain, rec);
		if (ret < 0)
			ctx_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_UNMAP, ret, "%p",
				 (void *)(uintptr_t)rec->va);
	}
}

/* Map what was waiting: all of it, or it goes on waiting. */
static int
records_map(struct rte_vfio_cdev_domain *domain)
{
	struct vfio_cdev_record *rec;
	int ret;

	for (rec = record_next(&domain->records, 0); rec != NULL;
	     rec = record_after(&domain->records, rec)) {
		ret = mapping_map(domain, rec);
		if (ret < 0) {
			records_unmap(domain, rec);
			return ret;
		}
	}
	domain->stats.pending = 0;
	return 0;
}

/* Make sure that there is our HWPT, and map what was waiting for it. */
static int
domain_make_ready(struct rte_vfio_cdev_domain *domain, uint32_t dev_id)
{
	int ret = 0;

	if (domain->hwpt_id == 0)
		ret = iommufd_hwpt_alloc(domain->ctx->sys, domain->iommufd, dev_id,
					 domain->ioas_id, &domain->hwpt_id);
	if (ret == 0 && !domain->ready)
		ret = records_map(domain);
	if (ret == 0)
		domain->ready = true;
	return ret;
}

static int
attach_to_hwpt(struct rte_vfio_cdev_domain *domain, int cdev, uint32_t dev_id)
{
	int ret = domain_make_ready(domain, dev_id);

	return ret < 0 ? ret : iommufd_device_attach(domain->ctx->sys, cdev, domain->hwpt_id);
}

/* Memory comes after the device, since it is known only then where it can be. */
static int
attach_to_ioas(struct rte_vfio_cdev_domain *domain, int cdev)
{
	int ret;

	ret = iommufd_device_attach(domain->ctx->sys, cdev, domain->ioas_id);
	if (ret == -EADDRINUSE)
		ranges_explain(domain, cdev);
	if (ret == 0)
		ret = ranges_read(domain);
	if (ret == 0 && !domain->ready)
		ret = records_map(domain);
	if (ret == 0)
		domain->ready = true;
	return ret;
}

int
domain_attach(struct rte_vfio_cdev_domain *domain, int cdev, uint32_t dev_id)
{
	int ret = domain->mode->own_hwpt ? attach_to_hwpt(domain, cdev, dev_id) :
		attach_to_ioas(domain, cdev);

	if (ret == 0)
		domain->stats.devices++;
	return ret;
}

void
domain_detached(struct rte_vfio_cdev_domain *domain)
{
	domain->stats.devices--;
	if (domain->mode->own_hwpt)
		return;
	if (domain->stats.devices != 0) {
		ranges_read(domain);
		return;
	}
	/* The kernel has unpinned it all. */
	domain->stats.pending = domain->stats.mappings;
	records_unmap(domain, NULL);
	domain->ready = false;
}

static int
domain_prime(struct rte_vfio_cdev_domain *domain, const struct rte_vfio_cdev_info *info,
	     const void *token)
{
	char node[NODE_LEN];
	uint32_t dev_id;
	int fd, ret;

	snprintf(node, sizeof(node), NODE_FORMAT, info->name);
	ret = cdev_bind(domain, info, node, token, &fd, &dev_id);
	if (ret < 0)
		return ret;
	ret = domain_make_ready(domain, dev_id);
	if (ret < 0)
		ctx_fail(domain->ctx, info->addr, RTE_VFIO_CDEV_STEP_ATTACH, ret, "%s", node);
	domain->ctx->sys->close(fd);
	return ret;
}

int
rte_vfio_cdev_domain_prime(struct rte_vfio_cdev_domain *domain,
			   const struct rte_vfio_cdev_info *info, const void *token)
{
	int ret;

	if (!domain->mode->own_hwpt)
		return ctx_fail(domain->ctx, info->addr, RTE_VFIO_CDEV_STEP_VERIFY, -EOPNOTSUPP,
				"physical addresses through %s", info->name);
	domain_lock(domain);
	/* A device does not matter any more once there is a HWPT. */
	ret = domain->hwpt_id != 0 ? domain_make_ready(domain, 0) :
		domain_prime(domain, info, token);
	domain_unlock(domain);
	return ret;
}
