/* SPDX-License-Identifier: BSD-3-Clause */

/* The devices that were set up over a cdev. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "private.h"

struct device {
	SLIST_ENTRY(device) next;
	struct rte_vfio_cdev_device *cdev;
	const struct rte_vfio_cdev_domain *domain;	/* NULL in a secondary */
	int group;		/* what rte_vfio_get_group_num() answers, or -1 */
	bool group_told;	/* that a secondary process wanted it */
};

/* Guarded by backend_lock. */
static SLIST_HEAD(, device) devices = SLIST_HEAD_INITIALIZER(devices);

static struct device *
device_find(const char *addr)
{
	struct device *dev;

	SLIST_FOREACH(dev, &devices, next)
		if (strcmp(rte_vfio_cdev_device_cdev(dev->cdev)->addr, addr) == 0)
			break;
	return dev;
}

const void *
vf_token(unsigned char token[VF_TOKEN_LEN])
{
	static const unsigned char none[VF_TOKEN_LEN];

	eal_api()->get_vf_token(token);
	return memcmp(token, none, VF_TOKEN_LEN) != 0 ? token : NULL;
}

static void
device_report(const struct rte_vfio_cdev_info *info, struct rte_vfio_cdev_domain *domain)
{
	char verified[40] = "";
	struct rte_vfio_cdev_stats stats;

	rte_vfio_cdev_domain_stats(domain, &stats);
	if (info->mode == NOIOMMU)
		snprintf(verified, sizeof(verified), ", %" PRIu64 " verified",
			 stats.pages_verified);
	bus_log(RTE_VFIO_CDEV_LOG_INFO, "%s: %s, %s, NUMA node %d, %" PRIu64 " pages mapped%s",
		info->addr, info->name, rte_vfio_cdev_mode_name(info->mode), info->numa_node,
		stats.pages_mapped, verified);
}

/* Open the device, and map the memory if it is the default container's first one. */
static int
device_open(struct rte_vfio_cdev_domain *domain, const struct rte_vfio_cdev_info *info,
	    struct device *dev, struct vfio_device_info *device_info)
{
	unsigned char token[VF_TOKEN_LEN];
	int ret;

	ret = rte_vfio_cdev_device_open(domain, info, vf_token(token), &dev->cdev);
	if (ret < 0)
		return ret;
	ret = rte_vfio_cdev_device_get_info(dev->cdev, device_info);
	if (ret == 0 && domain == backend.domains[info->mode])
		ret = memory_attach(info->mode);
	if (ret != 0)
		rte_vfio_cdev_device_close(dev->cdev);
	return ret;
}

static bool
device_is_new(const char *addr)
{
	if (device_find(addr) == NULL)
		return true;
	bus_log(RTE_VFIO_CDEV_LOG_ERR, "%s: cannot set up: %s; release the device first", addr,
		strerror(EALREADY));
	return false;
}

static struct device *
device_new(int group)
{
	struct device *dev = calloc(1, sizeof(*dev));

	if (dev != NULL)
		dev->group = group;
	return dev;
}

static int
device_setup_locked(const struct rte_vfio_cdev_info *info, int group, int *fd,
		    struct vfio_device_info *device_info)
{
	struct rte_vfio_cdev_domain *domain = created_domain(group);
	struct device *dev;
	int ret = -ENOMEM;

	if (!device_is_new(info->addr))
		return -1;
	dev = device_new(group);
	if (dev == NULL)
		goto err;
	ret = domain == NULL ? domain_open(info->mode) : 0;
	if (domain == NULL)
		domain = backend.domains[info->mode];
	if (ret == 0)
		ret = device_open(domain, info, dev, device_info);
	if (ret != 0)
		goto err_free;
	backend.kept[info->mode] |= domain == backend.domains[info->mode];
	backend.primed |= info->mode == NOIOMMU;
	dev->domain = domain;
	SLIST_INSERT_HEAD(&devices, dev, next);
	*fd = rte_vfio_cdev_device_fd(dev->cdev);
	device_report(info, domain);
	return 0;

err_free:
	domain_drop_unkept(info->mode);
	free(dev);
err:
	/* What failed is told, but if it was the memory not for which device. */
	bus_log(RTE_VFIO_CDEV_LOG_ERR, "%s: cannot set up over %s: %s; see the line before",
		info->addr, info->name, strerror(-ret));
	return -1;
}

static bool
device_add(struct device *dev)
{
	bool is_new;

	pthread_mutex_lock(&backend_lock);
	is_new = device_is_new(rte_vfio_cdev_device_cdev(dev->cdev)->addr);
	if (is_new)
		SLIST_INSERT_HEAD(&devices, dev, next);
	pthread_mutex_unlock(&backend_lock);
	return is_new;
}

/* In a secondary process. No lock is held while the primary is asked. */
static int
device_setup_shared(const struct rte_vfio_cdev_info *info, int group, int *fd,
		    struct vfio_device_info *device_info)
{
	struct device *dev = device_new(group);
	int shared;

	if (dev == NULL) {
		bus_log(RTE_VFIO_CDEV_LOG_ERR, "%s: cannot set up over %s: %s", info->addr,
			info->name, strerror(ENOMEM));
		return -1;
	}
	if (secondary_open(info, &dev->cdev, device_info) < 0)
		goto err_free;
	shared = rte_vfio_cdev_device_fd(dev->cdev);
	if (device_add(dev)) {
		*fd = shared;
		return 0;
	}
	rte_vfio_cdev_device_close(dev->cdev);
err_free:
	free(dev);
	return -1;
}

/* Without an IOMMU a device needs physical addresses. */
static int
iova_check(const struct rte_vfio_cdev_info *info)
{
	if (info->mode != NOIOMMU || eal_api()->iova_mode() == RTE_IOVA_PA)
		return 0;
	bus_log(RTE_VFIO_CDEV_LOG_ERR,
		"%s: cannot set up %s: %s; the device has no IOMMU and needs physical "
		"addresses: start with --iova-mode=pa and with hugepages", info->addr,
		info->name, strerror(EINVAL));
	return -1;
}

int
device_setup(const struct rte_vfio_cdev_info *info, int group, int *fd,
	     struct vfio_device_info *device_info)
{
	int ret;

	if (iova_check(info) < 0 || !selfcheck_hooks(info->addr))
		return -1;
	if (eal_api()->process_type() != RTE_PROC_PRIMARY)
		return device_setup_shared(info, group, fd, device_info);
	mp_serve();
	eal_api()->mem_read_lock();
	pthread_mutex_lock(&backend_lock);
	ret = device_setup_locked(info, group, fd, device_info);
	pthread_mutex_unlock(&backend_lock);
	eal_api()->mem_read_unlock();
	return ret;
}

/* The memory stays pinned: the EAL goes on handing out its addresses. */
static int
device_release_locked(const char *addr, int fd)
{
	struct device *dev = device_find(addr);

	if (dev == NULL)
		return -ENODEV;
	if (fd != rte_vfio_cdev_device_fd(dev->cdev)) {
		bus_log(RTE_VFIO_CDEV_LOG_ERR, "%s: cannot release: fd %d: %s; it has fd %d", addr,
			fd, strerror(EBADF), rte_vfio_cdev_device_fd(dev->cdev));
		return -EBADF;
	}
	SLIST_REMOVE(&devices, dev, device, next);
	rte_vfio_cdev_device_close(dev->cdev);
	created_settle();
	free(dev);
	return 0;
}

int
device_release(const char *addr, int fd)
{
	int ret;

	eal_api()->mem_read_lock();
	pthread_mutex_lock(&backend_lock);
	ret = device_release_locked(addr, fd);
	pthread_mutex_unlock(&backend_lock);
	eal_api()->mem_read_unlock();
	return ret;
}

int
device_get_info(const char *addr, int *fd, struct vfio_device_info *device_info)
{
	struct device *dev;
	int ret = -ENODEV;

	pthread_mutex_lock(&backend_lock);
	dev = device_find(addr);
	if (dev != NULL && *fd != 0 && *fd != rte_vfio_cdev_device_fd(dev->cdev))
		ret = -EBADF;
	else if (dev != NULL)
		ret = rte_vfio_cdev_device_get_info(dev->cdev, device_info);
	if (ret == 0)
		*fd = rte_vfio_cdev_device_fd(dev->cdev);
	pthread_mutex_unlock(&backend_lock);
	return ret;
}

/* The device of a group, or NULL. */
static struct device *
device_of_group(int group)
{
	struct device *dev;

	SLIST_FOREACH(dev, &devices, next)
		if (dev->group >= 0 && dev->group == group)
			break;
	return dev;
}

bool
device_has_group(int group)
{
	bool found;

	pthread_mutex_lock(&backend_lock);
	found = device_of_group(group) != NULL;
	pthread_mutex_unlock(&backend_lock);
	return found;
}

void
device_group_refuse(int group)
{
	struct device *dev;

	pthread_mutex_lock(&backend_lock);
	dev = device_of_group(group);
	if (dev != NULL && !dev->group_told) {
		dev->group_told = true;
		bus_log(RTE_VFIO_CDEV_LOG_ERR,
			"%s: a secondary process asks for its VFIO group, but it is set up over "
			"%s: %s; preload librte_bus_vfio_cdev.so there as well, with the same "
			"RTE_VFIO_CDEV", rte_vfio_cdev_device_cdev(dev->cdev)->addr,
			rte_vfio_cdev_device_cdev(dev->cdev)->name, strerror(EBUSY));
	}
	pthread_mutex_unlock(&backend_lock);
}

static struct device_state
state_of(const struct device *dev)
{
	return (struct device_state){
		.info = *rte_vfio_cdev_device_cdev(dev->cdev),
		.fd = rte_vfio_cdev_device_fd(dev->cdev),
		.group = dev->group,
		.domain = dev->domain,
	};
}

unsigned int
device_list(struct device_state *states, unsigned int size)
{
	const struct device *dev;
	unsigned int count = 0;

	SLIST_FOREACH(dev, &devices, next) {
		if (count < size)
			states[count] = state_of(dev);
		count++;
	}
	return count;
}

bool
device_get(const char *addr, struct device_state *state)
{
	const struct device *dev = device_find(addr);

	if (dev != NULL)
		*state = state_of(dev);
	return dev != NULL;
}

int
device_dup(const char *addr, struct rte_vfio_cdev_device **copy)
{
	struct device *dev;
	int ret = -ENODEV;

	pthread_mutex_lock(&backend_lock);
	dev = device_find(addr);
	if (dev != NULL)
		ret = rte_vfio_cdev_device_dup(dev->cdev, copy);
	pthread_mutex_unlock(&backend_lock);
	return ret;
}
