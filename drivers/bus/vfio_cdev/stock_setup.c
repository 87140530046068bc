/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices that are left to the stock functions, and what is logged about it. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "container_table.h"
#include "ctx.h"
#include "domain.h"
#include "eal_api.h"
#include "log_sink.h"
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

/*
 * The kernel names the groups that it makes for them (drivers/vfio/group.c). One whose group
 * cannot be read may be such a device.
 */
static bool
has_no_iommu(const char *sysfs_base, const char *addr)
{
	char name[32];
	const int ret = rte_vfio_cdev_attr(backend_ctx(), sysfs_base, addr, "iommu_group/name",
					   name, sizeof(name));

	return ret == 0 ? strcmp(name, "vfio-noiommu") == 0 : ret != -ENOENT;
}

/* What pins all memory for devices without an IOMMU and without a cdev. */
struct pinner {
	struct rte_vfio_cdev_domain *domain; /* NULL: nothing */
	enum rte_vfio_cdev_mode mode;
};

/*
 * The IOAS of devices that have a cdev does, if it is there; else io_uring. An error only if
 * memory has moved whose address was given.
 */
static int
memory_pin(const char *addr, struct pinner *pinner)
{
	struct rte_vfio_cdev_domain *domain = domain_of(NOIOMMU);
	int ret;

	pinner->mode = NOIOMMU;
	if (domain == NULL || !rte_vfio_cdev_domain_is_ready(domain)) {
		pinner->mode = PIN_ONLY;
		domain = pin_domain_for(addr);
	}
	ret = domain != NULL ? memseg_attach(pinner->mode) : 0;
	pinner->domain = ret == 0 ? domain : NULL;
	if (ret < 0 && ret != -EADDRNOTAVAIL && pinner->mode == PIN_ONLY)
		pin_give_up(ret);
	return ret == -EADDRNOTAVAIL ? ret : 0;
}

void
stock_prepare(void)
{
	char addr[RTE_VFIO_CDEV_ADDR_LEN];
	struct pinner pinner;
	int ret;

	if (!pin_is_wanted(addr))
		return;
	ret = memory_pin(addr, &pinner);
	if (ret < 0)
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "%s: memory that it may use has moved since its address was given: %s; "
			 "see the line before, and start again",
			 addr, strerror(-ret));
}

static void
pinned_report(const char *addr, const char *advice, const struct pinner *pinner)
{
	struct rte_vfio_cdev_stats stats;

	rte_vfio_cdev_domain_stats(pinner->domain, &stats);
	sink_log(RTE_VFIO_CDEV_LOG_INFO,
		 "%s: VFIO group, no-IOMMU, %" PRIu64 " pages pinned%s; it has no cdev: %s", addr,
		 stats.pages_mapped,
		 pinner->mode == NOIOMMU ?
			 " and verified" :
			 " by io_uring, addresses from pagemap, not confirmed by an IOAS",
		 advice);
}

static void
unpinned_report(const char *addr, int err, const char *advice)
{
	sink_log(RTE_VFIO_CDEV_LOG_WARNING,
		 "%s: set up over its VFIO group, since it has no cdev: %s; its memory is neither "
		 "pinned nor verified, and the kernel may move it while the device uses it; %s; "
		 "RTE_VFIO_CDEV=require refuses such devices",
		 addr, strerror(err), advice);
}

/* Its memory is pinned before the device can reach it. */
static int
no_iommu_setup(const char *sysfs_base, const char *addr, int err, int *fd,
	       struct vfio_device_info *info)
{
	const char *advice = rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_FIND, err);
	struct pinner pinner;
	int ret = memory_pin(addr, &pinner);

	if (ret < 0) {
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "%s: cannot set up over its VFIO group: %s; see the line before", addr,
			 strerror(-ret));
		return -1;
	}
	ret = stock_setup(sysfs_base, addr, fd, info);
	if (ret == 0 && pinner.domain != NULL)
		pinned_report(addr, advice, &pinner);
	else if (ret == 0)
		unpinned_report(addr, err, advice);
	return ret;
}

int
cdevless_setup(const char *sysfs_base, const char *addr, int err, int *fd,
	       struct vfio_device_info *info)
{
	if (policy_get() == POLICY_REQUIRE) {
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "%s: cannot set up over a cdev, as RTE_VFIO_CDEV=require demands: %s; %s",
			 addr, strerror(err), rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_FIND, err));
		return -1;
	}
	/* In a secondary the memory is the primary's, which pins it. */
	if (!has_no_iommu(sysfs_base, addr) || eal_api()->process_type() != RTE_PROC_PRIMARY)
		return stock_setup(sysfs_base, addr, fd, info);
	return no_iommu_setup(sysfs_base, addr, err, fd, info);
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
	sink_log(RTE_VFIO_CDEV_LOG_WARNING,
		 "%s: going on with its VFIO group, since %s cannot be used: see the line before; "
		 "memory behind an IOMMU is pinned there too; RTE_VFIO_CDEV=require refuses the "
		 "device instead",
		 info->addr, info->name);
	return true;
}
