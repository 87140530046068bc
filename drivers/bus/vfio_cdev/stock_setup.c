/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices that are left to the stock functions, and what is logged about it. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "container_table.h"
#include "ctx.h"
#include "domain.h"
#include "eal_api.h"
#include "log.h"
#include "memseg.h"
#include "pin.h"
#include "policy.h"
#include "secondary.h"
#include "state.h"
#include "stock_setup.h"

int
stock_setup(const char *sysfs_base, const char *addr, int *fd, struct vfio_device_info *info)
{
	int ret = eal_api()->setup_device(sysfs_base, addr, fd, info);

	if (ret == 0) {
		pthread_mutex_lock(&backend_lock);
		backend.stock_devices++;
		pthread_mutex_unlock(&backend_lock);
	}
	return ret;
}

int
stock_release(const char *sysfs_base, const char *addr, int fd)
{
	int ret = eal_api()->release_device(sysfs_base, addr, fd);

	pthread_mutex_lock(&backend_lock);
	if (ret == 0 && backend.stock_devices > 0)
		backend.stock_devices--;
	pthread_mutex_unlock(&backend_lock);
	return ret;
}

int
off_setup(const char *sysfs_base, const char *addr, int *fd, struct vfio_device_info *info)
{
	int ret = eal_api()->setup_device(sysfs_base, addr, fd, info);

	if (ret != 0)
		secondary_explain(sysfs_base, addr);
	return ret;
}

/* The kernel names the groups that it makes for them (drivers/vfio/group.c). */
static bool
has_no_iommu(const char *sysfs_base, const char *addr)
{
	char name[32];

	return rte_vfio_cdev_attr(backend_ctx(), sysfs_base, addr, "iommu_group/name", name,
				  sizeof(name)) == 0 &&
		strcmp(name, "vfio-noiommu") == 0;
}

/* Of the domain that pins all memory, for devices without an IOMMU; false: none does. */
static bool
pinned_stats(struct rte_vfio_cdev_stats *stats, bool *confirmed)
{
	struct rte_vfio_cdev_domain *domain;

	pthread_mutex_lock(&backend_lock);
	*confirmed = backend.recorded[NOIOMMU];
	domain = *confirmed		   ? backend.domains[NOIOMMU] :
		backend.recorded[PIN_ONLY] ? backend.domains[PIN_ONLY] :
					     NULL;
	pthread_mutex_unlock(&backend_lock);
	if (domain != NULL)
		rte_vfio_cdev_domain_stats(domain, stats);
	return domain != NULL;
}

/*
 * Pin all memory for a device without an IOMMU and without a cdev: in the IOAS of those that
 * have one, if it is there. An error only if memory has moved whose address was given.
 */
static int
memory_pin(const char *addr)
{
	struct rte_vfio_cdev_domain *domain = domain_of(NOIOMMU);
	enum rte_vfio_cdev_mode mode = NOIOMMU;
	int ret;

	if (domain == NULL || !rte_vfio_cdev_domain_is_ready(domain)) {
		mode = PIN_ONLY;
		if (pin_domain_for(addr) == NULL)
			return 0;
	}
	ret = memseg_attach(mode);
	if (ret < 0 && ret != -EADDRNOTAVAIL && mode == PIN_ONLY)
		pin_give_up(ret);
	else if (ret < 0)
		bus_log(RTE_VFIO_CDEV_LOG_ERR,
			"%s: cannot be used without a cdev: %s; see the line before", addr,
			strerror(-ret));
	return ret == -EADDRNOTAVAIL || mode == NOIOMMU ? ret : 0;
}

void
stock_prepare(void)
{
	char addr[RTE_VFIO_CDEV_ADDR_LEN];

	if (pin_is_wanted(addr))
		memory_pin(addr);
}

static void
cdevless_report(const char *addr, int err, const char *advice)
{
	struct rte_vfio_cdev_stats stats;
	bool confirmed;

	if (!pinned_stats(&stats, &confirmed))
		bus_log(RTE_VFIO_CDEV_LOG_WARNING,
			"%s: set up over its VFIO group, since it has no cdev: %s; its memory is "
			"neither pinned nor verified, and the kernel may move it while the device "
			"uses it; %s; RTE_VFIO_CDEV=require refuses such devices",
			addr, strerror(err), advice);
	else
		bus_log(RTE_VFIO_CDEV_LOG_INFO,
			"%s: VFIO group, no-IOMMU, %" PRIu64 " pages pinned%s; it has no cdev: %s",
			addr, stats.pages_mapped,
			confirmed ?
				" and verified" :
				" by io_uring, addresses from pagemap, not confirmed by an IOAS",
			advice);
}

int
cdevless_setup(const char *sysfs_base, const char *addr, int err, int *fd,
	       struct vfio_device_info *info)
{
	const char *advice = rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_FIND, err);
	int ret;

	if (policy_get() == POLICY_REQUIRE) {
		bus_log(RTE_VFIO_CDEV_LOG_ERR,
			"%s: cannot set up over a cdev, as RTE_VFIO_CDEV=require demands: %s; %s",
			addr, strerror(err), advice);
		return -1;
	}
	if (!has_no_iommu(sysfs_base, addr))
		return stock_setup(sysfs_base, addr, fd, info);
	/* Before the device can reach it. In a secondary it is the primary's. */
	if (eal_api()->process_type() == RTE_PROC_PRIMARY && memory_pin(addr) < 0)
		return -1;
	ret = stock_setup(sysfs_base, addr, fd, info);
	if (ret == 0)
		cdevless_report(addr, err, advice);
	return ret;
}

static bool
nodes_are_usable(const struct rte_vfio_cdev_info *info)
{
	int ret;

	lib_log_defer();
	ret = rte_vfio_cdev_try_nodes(backend_ctx(), info);
	lib_log_flush(true);
	return ret == 0;
}

/* Is the group bound: by stock, or by this library? */
static bool
group_is_bound(int group, bool *stock)
{
	const struct group_binding *b;

	pthread_mutex_lock(&backend_lock);
	b = group_binding_find(group);
	*stock = b != NULL && b->stock;
	pthread_mutex_unlock(&backend_lock);
	return b != NULL;
}

bool
group_must_do(const struct rte_vfio_cdev_info *info, int group)
{
	bool stock;

	if (info->mode != TRANSLATED || policy_get() != POLICY_PREFER ||
	    eal_api()->process_type() != RTE_PROC_PRIMARY)
		return false;
	/* The application has its memory in that container, and in no other. */
	if (group_is_bound(group, &stock))
		return stock;
	if (nodes_are_usable(info))
		return false;
	bus_log(RTE_VFIO_CDEV_LOG_WARNING,
		"%s: going on with its VFIO group, since %s cannot be used: see the line before; "
		"memory behind an IOMMU is pinned there too; RTE_VFIO_CDEV=require refuses the "
		"device instead",
		info->addr, info->name);
	return true;
}
