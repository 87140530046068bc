/* SPDX-License-Identifier: BSD-3-Clause */

/* The list of the process's memory, which a domain keeps open. */

#include "vfio_cdev_maps.h"
#include "vfio_cdev_state.h"

int
vfio_cdev_maps_get(struct rte_vfio_cdev_domain *domain)
{
	int ret = 0;

	if (domain->maps < 0)
		ret = iommufd_maps_open(domain->ctx->sys, &domain->maps);
	return ret < 0 ? ret : domain->maps;
}

void
vfio_cdev_maps_close(struct rte_vfio_cdev_domain *domain)
{
	if (domain->maps >= 0)
		domain->ctx->sys->close(domain->maps);
	domain->maps = -1;
}

void
vfio_cdev_maps_forked(struct rte_vfio_cdev_domain *domain)
{
	const bool open = domain->maps >= 0;

	vfio_cdev_maps_close(domain);
	if (open)
		vfio_cdev_maps_get(domain);
}
