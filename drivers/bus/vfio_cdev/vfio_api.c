/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * rte_vfio_*() but those of containers (container_api.c, container_map.c): a device with a
 * cdev is the backend's, any other the stock function's. Return values are those of
 * lib/eal/linux/eal_vfio.c.
 */

#include <errno.h>
#include <string.h>

#include "container_table.h"
#include "ctx.h"
#include "device_setup.h"
#include "device_table.h"
#include "eal_api.h"
#include "fork.h"
#include "gate.h"
#include "iova_mode.h"
#include "log_sink.h"
#include "mp.h"
#include "phys.h"
#include "policy.h"
#include "prime.h"
#include "rte_bus_vfio_cdev.h"
#include "state.h"
#include "stock_setup.h"
#include "telemetry.h"

/* Log once which option of the EAL makes a device without an IOMMU unusable. */
static void
unusable_report(const char *option, const char *advice)
{
	struct rte_vfio_cdev_info info;

	if (prime_find_allowed(&info) && first_time(&backend.unusable_logged))
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "%s: cannot be used with %s: %s; the device has no "
			 "IOMMU and needs %s",
			 info.addr, option, strerror(EOPNOTSUPP), advice);
}

/*
 * The EAL and the bus log only which IOVA mode they need. The EAL never requests addresses
 * of memory that is not hugepages, and drivers rely on more of it being contiguous than a
 * page of 4K. It has chosen the mode when VFIO is enabled; some releases query the bus
 * before, even where an option gives the mode.
 */
static void
options_check(void)
{
	if (!eal_api()->has_hugepages())
		unusable_report(
			"--no-huge",
			"memory with physical addresses that are known and "
			"stay, and of the EAL's memory only hugepages have them: leave --no-huge "
			"out (-m 64 --in-memory needs no hugetlbfs mount); ordinary memory can be "
			"pinned for payload beside them, with rte_vfio_cdev_domain_pin()");
	else if (eal_api()->iova_mode() == RTE_IOVA_VA)
		unusable_report(
			"virtual addresses (IOVA as VA)",
			addresses_are_missing() ?
				"physical ones, which there are none of: the line before (no "
				"physical addresses) has the reason" :
				"physical ones: leave --iova-mode=va out, or start with "
				"--iova-mode=pa if there is no such device yet");
}

/*
 * Called once the EAL has chosen the IOVA mode, and before it has memory (eal.c). Stock
 * initializes tables that its other functions index, so it is always called.
 */
int
rte_vfio_enable(const char *modname)
{
	int ret;

	GATE_USABLE_OR_ERR_RET(-1);
	mp_serve();
	if (!gate_is_off()) {
		telemetry_register();
		options_check();
		iova_mode_report();
		phys_prepare();
	}
	ret = eal_api()->enable(modname);
	if (ret < 0 && !gate_is_off() && have_cdevs()) {
		sink_log(RTE_VFIO_CDEV_LOG_WARNING,
			 "VFIO groups are not usable in this process; going on with cdevs");
		return 0;
	}
	return ret;
}

int
rte_vfio_is_enabled(const char *modname)
{
	int ret;

	GATE_USABLE_OR_ERR_RET(0);
	ret = eal_api()->is_enabled(modname);
	if (ret != 0 || gate_is_off())
		return ret;
	if (modname == NULL || (strcmp(modname, "vfio") != 0 && strcmp(modname, "vfio_pci") != 0))
		return 0;
	return have_cdevs();
}

/*
 * The bus calls this once, to choose between physical and virtual addresses. The devices
 * decide: the module's parameter, which stock reads, may have been turned off since one
 * got its cdev, or be on where each has an IOMMU. It counts for devices without a cdev.
 */
int
rte_vfio_noiommu_is_enabled(void)
{
	struct rte_vfio_cdev_info info;

	GATE_ON_OR_STOCK_RET(-1, eal_api()->noiommu_is_enabled());
	options_check();
	if (have_cdevs_of(TRANSLATED) && rte_vfio_cdev_count_without(backend_ctx()) == 0)
		return prime_find_allowed(&info);
	return have_cdevs_of(NOIOMMU) ? 1 : eal_api()->noiommu_is_enabled();
}

int
rte_vfio_setup_device(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd,
		      struct vfio_device_info *device_info)
{
	struct rte_vfio_cdev_info info;
	int group, ret;

	GATE_ON_OR_STOCK_RET(-1, off_setup(sysfs_base, dev_addr, vfio_dev_fd, device_info));
	ret = rte_vfio_cdev_find(backend_ctx(), sysfs_base, dev_addr, &info);
	if (ret == -ENODEV || ret == -EOPNOTSUPP)
		return cdevless_setup(sysfs_base, dev_addr, -ret, vfio_dev_fd, device_info);
	if (ret < 0)
		return -1;
	if (rte_vfio_get_group_num(sysfs_base, dev_addr, &group) != 1)
		group = -1;
	if (group_must_do(&info, group))
		return stock_setup(sysfs_base, dev_addr, vfio_dev_fd, device_info);
	ret = device_setup(&info, group, vfio_dev_fd, device_info);
	if (ret == 1)
		return stock_setup(sysfs_base, dev_addr, vfio_dev_fd, device_info);
	return ret;
}

/* The EAL has its memory now, and no device yet (eal.c). */
int
rte_bus_probe(void)
{
	void *symbol = eal_symbol_of(__builtin_return_address(0), "rte_bus_probe");
	__typeof__(rte_bus_probe) *probe;

	if (eal_api() == NULL)
		return -1;
	if (gate_is_usable() && !gate_is_off())
		stock_prepare();
	*(void **)&probe = symbol;
	return probe != NULL ? probe() : eal_api()->bus_probe();
}

int
rte_vfio_release_device(const char *sysfs_base, const char *dev_addr, int fd)
{
	int ret;

	GATE_USABLE_OR_ERR_RET(-1);
	ret = device_release(dev_addr, fd);
	if (ret != -ENODEV)
		return ret < 0 ? -1 : 0;
	return stock_release(sysfs_base, dev_addr, fd);
}

/* Declared experimental, and from 24.03 on only. */
int
rte_vfio_get_device_info(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd,
			 struct vfio_device_info *device_info);

int
rte_vfio_get_device_info(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd,
			 struct vfio_device_info *device_info)
{
	int ret;

	GATE_USABLE_OR_ERR_RET(-1);
	if (device_info == NULL || *vfio_dev_fd < 0)
		return -1;
	ret = device_get_info(dev_addr, vfio_dev_fd, device_info);
	if (ret != -ENODEV)
		return ret < 0 ? -1 : 0;
	if (*vfio_dev_fd == 0) {
		ret = rte_vfio_setup_device(sysfs_base, dev_addr, vfio_dev_fd, device_info);
		return ret != 0 ? -1 : 0;
	}
	if (eal_api()->get_device_info == NULL)
		return -1;
	return eal_api()->get_device_info(sysfs_base, dev_addr, vfio_dev_fd, device_info);
}

/* Kernels without groups link no iommu_group to a device without an IOMMU. */
int
rte_vfio_get_group_num(const char *sysfs_base, const char *dev_addr, int *iommu_group_num)
{
	struct rte_vfio_cdev_info info;
	int ret;

	GATE_USABLE_OR_ERR_RET(-1);
	ret = eal_api()->get_group_num(sysfs_base, dev_addr, iommu_group_num);
	if (ret != 0 || gate_is_off())
		return ret;
	ret = rte_vfio_cdev_find(backend_ctx(), sysfs_base, dev_addr, &info);
	if (ret < 0)
		return ret == -ENODEV || ret == -EOPNOTSUPP ? 0 : -1;
	*iommu_group_num = CDEV_GROUP_BASE + info.minor;
	return 1;
}

static bool
is_cdev_group(int group)
{
	return group >= CDEV_GROUP_BASE || device_has_group(group);
}

/*
 * A device that is bound over its cdev has no group to open: EBUSY otherwise.
 * -ENOENT would make a secondary without the backend skip it as if it were none.
 */
int
rte_vfio_get_group_fd(int iommu_group_num)
{
	int fd = -1;

	GATE_ON_OR_STOCK_RET(-1, eal_api()->get_group_fd(iommu_group_num));
	if (!eal_is_mp_thread()) {
		pthread_mutex_lock(&backend_lock);
		fd = group_binding_fd(iommu_group_num);
		pthread_mutex_unlock(&backend_lock);
	}
	if (fd >= 0)
		return fd;
	if (!is_cdev_group(iommu_group_num))
		return eal_api()->get_group_fd(iommu_group_num);
	if (!eal_is_mp_thread())
		return -ENOENT;
	device_group_refuse(iommu_group_num);
	return -1;
}

int
rte_bus_vfio_cdev_domain(struct rte_vfio_cdev_domain **domain)
{
	int ret = -ENODEV;

	if (is_forked())
		return ret;
	pthread_mutex_lock(&backend_lock);
	for (int mode = RTE_VFIO_CDEV_MODES - 1; mode >= 0; mode--) {
		if (mode == TRANSLATED || !backend.attached[mode])
			continue;
		*domain = backend.domains[mode];
		ret = 0;
	}
	pthread_mutex_unlock(&backend_lock);
	return ret;
}
