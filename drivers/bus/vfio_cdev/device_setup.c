/* SPDX-License-Identifier: BSD-3-Clause */

/* Set up, release and query a device over its cdev. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "device_setup.h"
#include "device_table.h"
#include "domain.h"
#include "eal_api.h"
#include "log_sink.h"
#include "memseg.h"
#include "mp.h"
#include "secondary.h"
#include "selfcheck.h"
#include "state.h"

static void
device_report(const struct rte_vfio_cdev_info *info, struct rte_vfio_cdev_domain *domain)
{
	char verified[40] = "";
	struct rte_vfio_cdev_stats stats;

	rte_vfio_cdev_domain_stats(domain, &stats);
	if (info->mode == NOIOMMU)
		snprintf(verified, sizeof(verified), ", %" PRIu64 " verified",
			 stats.pages_verified);
	sink_log(RTE_VFIO_CDEV_LOG_INFO, "%s: %s, %s, NUMA node %d, %" PRIu64 " pages mapped%s",
		 info->addr, info->name, rte_vfio_cdev_mode_name(info->mode), info->numa_node,
		 stats.pages_mapped, verified);
}

static void
busy_report(const char *addr, const char *what)
{
	sink_log(RTE_VFIO_CDEV_LOG_ERR,
		 "%s: cannot %s: %s; it is being set up or released; try again", addr, what,
		 strerror(EBUSY));
}

/*
 * The kernel resets the device, and pins all memory for the first one. This takes
 * seconds: no lock may be held.
 */
static int
device_open(struct device *dev, struct rte_vfio_cdev_device **cdev,
	    struct vfio_device_info *device_info)
{
	unsigned char token[VF_TOKEN_LEN];
	int ret;

	if (dev->container == NULL)
		dev->domain = domain_of(dev->info.mode);
	if (dev->domain == NULL)
		return -ENOMEM;
	ret = rte_vfio_cdev_device_open(dev->domain, &dev->info, eal_vf_token(token), cdev);
	if (ret < 0)
		return ret;
	ret = rte_vfio_cdev_device_get_info(*cdev, device_info);
	if (ret == 0 && dev->container == NULL)
		ret = memseg_attach(dev->info.mode);
	if (ret < 0)
		rte_vfio_cdev_device_close(*cdev);
	return ret;
}

/* Memory that was mapped for devices of one mode is kept for those of the other. */
static const char *
memory_advice(const struct device *dev, int err)
{
	return dev->info.mode == NOIOMMU && err == -EADDRNOTAVAIL ?
		"; if its memory was mapped for devices with an IOMMU, at an IOVA that is not its "
		"physical address (rte_vfio_container_dma_map()), unmap it first" :
		"";
}

/* In the primary. */
static int
device_setup_own(struct device *dev, struct rte_vfio_cdev_device **cdev,
		 struct vfio_device_info *device_info)
{
	int ret;

	mp_serve();
	/* This device primes the domain; priming would reset another one as well. */
	if (dev->info.mode == NOIOMMU)
		first_time(&backend.prime_tried);
	ret = device_open(dev, cdev, device_info);
	/* The failed step is logged, but for memory without the device. */
	if (ret < 0)
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "%s: cannot set up over %s: %s; see the line before%s", dev->info.addr,
			 dev->info.name, strerror(-ret), memory_advice(dev, ret));
	else
		device_report(&dev->info, dev->domain);
	return ret;
}

/* Without an IOMMU a device needs physical addresses. */
static int
iova_check(const struct rte_vfio_cdev_info *info)
{
	if (info->mode != NOIOMMU || eal_api()->iova_mode() == RTE_IOVA_PA)
		return 0;
	sink_log(RTE_VFIO_CDEV_LOG_ERR,
		 "%s: cannot set up %s: %s; the device has no IOMMU and needs physical addresses: "
		 "%s",
		 info->addr, info->name, strerror(EINVAL),
		 addresses_are_missing() ? "a line before (no physical addresses) has the reason" :
					   "start with --iova-mode=pa and with hugepages");
	return -1;
}

int
device_setup(const struct rte_vfio_cdev_info *info, int group, int *fd,
	     struct vfio_device_info *device_info)
{
	const bool primary = eal_api()->process_type() == RTE_PROC_PRIMARY;
	struct rte_vfio_cdev_device *cdev;
	struct device *dev;
	int iommufd = -1, ret;

	if (!selfcheck_hooks(info->addr) || iova_check(info) < 0)
		return -1;
	dev = device_reserve(info, group);
	if (dev == NULL)
		return -1;
	ret = primary ? device_setup_own(dev, &cdev, device_info) :
			secondary_open(info, &cdev, device_info);
	if (ret != 0) {
		device_forget(dev);
		return ret < 0 ? -1 : 1;
	}
	*fd = rte_vfio_cdev_device_fd(cdev);
	if (primary && dev->container == NULL)
		iommufd = rte_vfio_cdev_domain_fd(dev->domain);
	pthread_mutex_lock(&backend_lock);
	dev->cdev = cdev;
	if (iommufd >= 0) {
		backend.attached[info->mode] = true;
		backend.iommufds[info->mode] = iommufd;
	}
	pthread_mutex_unlock(&backend_lock);
	return 0;
}

/* The memory stays pinned: the EAL goes on giving its addresses to drivers. */
int
device_release(const char *addr, int fd)
{
	struct rte_vfio_cdev_device *cdev = NULL;
	struct device *dev;
	int own = -1, ret;

	pthread_mutex_lock(&backend_lock);
	dev = device_find(addr);
	ret = dev == NULL ? -ENODEV : device_is_busy(dev) ? -EBUSY : 0;
	if (ret == 0)
		own = rte_vfio_cdev_device_fd(dev->cdev);
	if (ret == 0 && fd == own) {
		cdev = dev->cdev;
		dev->cdev = NULL;
	}
	pthread_mutex_unlock(&backend_lock);
	if (ret == -EBUSY)
		busy_report(addr, "release");
	if (ret < 0)
		return ret;
	if (cdev == NULL) {
		sink_log(RTE_VFIO_CDEV_LOG_ERR, "%s: cannot release: fd %d: %s; it has fd %d", addr,
			 fd, strerror(EBADF), own);
		return -EBADF;
	}
	rte_vfio_cdev_device_close(cdev);
	device_forget(dev);
	return 0;
}

int
device_get_info(const char *addr, int *fd, struct vfio_device_info *device_info)
{
	struct device *dev;
	int ret = -ENODEV;

	pthread_mutex_lock(&backend_lock);
	dev = device_find(addr);
	if (device_is_busy(dev))
		ret = -EBUSY;
	else if (dev != NULL && *fd != 0 && *fd != rte_vfio_cdev_device_fd(dev->cdev))
		ret = -EBADF;
	else if (dev != NULL)
		ret = rte_vfio_cdev_device_get_info(dev->cdev, device_info);
	if (ret == 0)
		*fd = rte_vfio_cdev_device_fd(dev->cdev);
	pthread_mutex_unlock(&backend_lock);
	if (ret == -EBUSY)
		busy_report(addr, "query");
	return ret;
}
