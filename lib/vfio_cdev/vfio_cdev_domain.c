/* SPDX-License-Identifier: BSD-3-Clause */

/* A domain, from creation to destruction. */

#include <errno.h>
#include <stdlib.h>

#include "vfio_cdev_domain.h"
#include "vfio_cdev_iova_range.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_maps.h"
#include "vfio_cdev_monitor.h"
#include "vfio_cdev_numa.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_state.h"

int
rte_vfio_cdev_domain_create(struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode,
			    struct rte_vfio_cdev_domain **domain)
{
	struct rte_vfio_cdev_domain *d;

	if ((unsigned int)mode >= RTE_VFIO_CDEV_MODES)
		return vfio_cdev_fail(ctx, rte_vfio_cdev_mode_name(mode),
				      RTE_VFIO_CDEV_STEP_IOMMUFD, -EINVAL,
				      "an address space of this mode");
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return vfio_cdev_fail(ctx, "memory", RTE_VFIO_CDEV_STEP_IOMMUFD, -ENOMEM,
				      "an address space");
	d->ctx = ctx;
	d->mode = &vfio_cdev_modes[mode];
	d->areas = (struct vfio_cdev_areas){
		.ctx = ctx,
		.ops = d->mode->areas,
		.iommufd = -1,
	};
	d->maps = -1;
	d->tree.key = d->mode->key;
	d->provisional.key = vfio_cdev_modes[RTE_VFIO_CDEV_NOIOMMU].key;
	d->sweep_from = VFIO_CDEV_SWEEP_FROM;
	vfio_cdev_locks_init(d);
	vfio_cdev_monitor_add(d);
	*domain = d;
	return 0;
}

int
rte_vfio_cdev_domain_destroy(struct rte_vfio_cdev_domain *domain)
{
	if (domain == NULL)
		return 0;
	if (domain->stats.devices != 0)
		return -EBUSY;
	vfio_cdev_monitor_remove(domain);
	vfio_cdev_provisional_free(domain);
	domain->areas.ops->close(&domain->areas);
	vfio_cdev_maps_close(domain);
	vfio_cdev_records_clear(domain, &domain->tree);
	vfio_cdev_iova_ranges_clear(domain);
	free(domain->numa_ranges);
	pthread_mutex_destroy(&domain->attach_lock);
	pthread_mutex_destroy(&domain->next);
	pthread_mutex_destroy(&domain->lock);
	free(domain);
	return 0;
}

int
vfio_cdev_iommufd_get(struct rte_vfio_cdev_domain *domain, const struct rte_vfio_cdev_info *info)
{
	int ret;

	vfio_cdev_lock(domain);
	ret = vfio_cdev_numa_read(domain);
	if (ret < 0)
		vfio_cdev_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_IOMMUFD, ret,
			       "an address space");
	else
		ret = domain->areas.ops->open(&domain->areas, info);
	domain->areas.users += ret == 0;
	vfio_cdev_unlock(domain);
	return ret;
}

void
vfio_cdev_iommufd_put(struct rte_vfio_cdev_domain *domain)
{
	vfio_cdev_lock(domain);
	if (--domain->areas.users == 0 && domain->hwpt_id == 0 && domain->stats.devices == 0)
		domain->areas.ops->close(&domain->areas);
	vfio_cdev_unlock(domain);
}

/* No put: the caller may use the fd until the domain is destroyed. */
int
rte_vfio_cdev_domain_fd(struct rte_vfio_cdev_domain *domain)
{
	int ret = domain->mode->prefix != NULL ? vfio_cdev_iommufd_get(domain, NULL) : -EOPNOTSUPP;

	return ret < 0 ? ret : domain->areas.iommufd;
}

void
rte_vfio_cdev_domain_stats(struct rte_vfio_cdev_domain *domain, struct rte_vfio_cdev_stats *stats)
{
	vfio_cdev_lock(domain);
	*stats = domain->stats;
	vfio_cdev_unlock(domain);
}

void
rte_vfio_cdev_domain_keep_provisional(struct rte_vfio_cdev_domain *domain, bool on)
{
	vfio_cdev_lock(domain);
	domain->keep_provisional = on;
	if (!on)
		vfio_cdev_provisional_free_orphans(domain);
	vfio_cdev_unlock(domain);
}

void
rte_vfio_cdev_domain_forked(struct rte_vfio_cdev_domain *domain)
{
	vfio_cdev_locks_init(domain);
	vfio_cdev_maps_forked(domain);
	vfio_cdev_monitor_forked(domain);
}
