/* SPDX-License-Identifier: BSD-3-Clause */

/* The list of the process's memory, which a domain keeps open. */

#include "vfio_cdev_maps.h"
#include "vfio_cdev_state.h"

/* After closefrom(3) in the application its number may be that of another file. */
static bool
maps_are_open(const struct rte_vfio_cdev_domain *domain)
{
	return domain->maps >= 0 && domain->ctx->sys->file_id(domain->maps) == domain->maps_id;
}

int
vfio_cdev_maps_get(struct rte_vfio_cdev_domain *domain)
{
	int ret;

	if (maps_are_open(domain))
		return domain->maps;
	domain->maps = -1;
	ret = iommufd_maps_open(domain->ctx->sys, &domain->maps);
	if (ret < 0)
		return ret;
	domain->maps_id = domain->ctx->sys->file_id(domain->maps);
	return domain->maps;
}

void
vfio_cdev_maps_close(struct rte_vfio_cdev_domain *domain)
{
	if (maps_are_open(domain))
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
