/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "container_table.h"
#include "device_table.h"
#include "log_sink.h"
#include "state.h"

/* Guarded by backend_lock. */
static SLIST_HEAD(, device) devices = SLIST_HEAD_INITIALIZER(devices);

struct device *
device_find(const char *addr)
{
	struct device *dev;

	SLIST_FOREACH(dev, &devices, next)
		if (strcmp(dev->info.addr, addr) == 0)
			break;
	return dev;
}

/* One that is set up. */
static struct device *
device_find_open(const char *addr)
{
	struct device *dev = device_find(addr);

	return dev != NULL && dev->cdev != NULL ? dev : NULL;
}

bool
device_is_busy(const struct device *dev)
{
	return dev != NULL && dev->cdev == NULL;
}

static const char *
reserve_advice(int err)
{
	switch (err) {
	case EALREADY:
		return "release the device first";
	case EBUSY:
		return "it is being set up or released; try again";
	default:
		return "memory is short";
	}
}

struct device *
device_reserve(const struct rte_vfio_cdev_info *info, int group)
{
	struct device *dev = calloc(1, sizeof(*dev));
	int err = dev == NULL ? ENOMEM : 0;
	const struct device *other;

	pthread_mutex_lock(&backend_lock);
	other = device_find(info->addr);
	if (other != NULL)
		err = device_is_busy(other) ? EBUSY : EALREADY;
	if (err == 0) {
		dev->info = *info;
		dev->group = group;
		dev->container = group_container(group, &dev->domain);
		SLIST_INSERT_HEAD(&devices, dev, next);
	}
	pthread_mutex_unlock(&backend_lock);
	if (err == 0)
		return dev;
	free(dev);
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "%s: cannot set up over %s: %s; %s", info->addr, info->name,
		 strerror(err), reserve_advice(err));
	return NULL;
}

void
device_forget(struct device *dev)
{
	pthread_mutex_lock(&backend_lock);
	SLIST_REMOVE(&devices, dev, device, next);
	pthread_mutex_unlock(&backend_lock);
	container_put(dev->container);
	free(dev);
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
	if (dev != NULL && !dev->group_logged) {
		dev->group_logged = true;
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "%s: a secondary process requests its VFIO group, but it is set up over "
			 "%s: %s; preload librte_bus_vfio_cdev.so there as well, with the same "
			 "RTE_VFIO_CDEV",
			 dev->info.addr, dev->info.name, strerror(EBUSY));
	}
	pthread_mutex_unlock(&backend_lock);
}

static struct device_state
state_of(const struct device *dev)
{
	return (struct device_state){
		.info = dev->info,
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
		if (dev->cdev == NULL)
			continue;
		if (count < size)
			states[count] = state_of(dev);
		count++;
	}
	return count;
}

bool
device_get(const char *addr, struct device_state *state)
{
	const struct device *dev = device_find_open(addr);

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
	if (device_is_busy(dev))
		ret = -EAGAIN;
	else if (dev != NULL)
		ret = rte_vfio_cdev_device_dup(dev->cdev, copy);
	pthread_mutex_unlock(&backend_lock);
	return ret;
}
