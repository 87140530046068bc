/* SPDX-License-Identifier: BSD-3-Clause */

/* The devices that are set up over a cdev. Guarded by backend_lock. */

#ifndef BUS_VFIO_CDEV_DEVICE_TABLE_H
#define BUS_VFIO_CDEV_DEVICE_TABLE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "rte_vfio_cdev.h"

struct container;

/* The thread that sets one up or releases it reads it without the lock. */
struct device {
	SLIST_ENTRY(device) next;
	struct rte_vfio_cdev_info info;
	struct rte_vfio_cdev_device *cdev;   /* NULL: being set up or released */
	struct rte_vfio_cdev_domain *domain; /* NULL in a secondary */
	struct container *container;	     /* NULL: the default one */
	int group;			     /* what rte_vfio_get_group_num() returns, or -1 */
	bool group_logged;		     /* a secondary process wanted the group */
};

/* Is it being set up or released? NULL is not. */
bool
device_is_busy(const struct device *dev);

/* The device of an address, or NULL. The lock is held. */
struct device *
device_find(const char *addr);

/* A place in the table, or NULL, logged. Takes the lock, as the rest does. */
struct device *
device_reserve(const struct rte_vfio_cdev_info *info, int group);

void
device_forget(struct device *dev);

/* Is it the group of a device in the table? */
bool
device_has_group(int group);

/* Say, once a device, that a secondary process wants the group instead of the cdev. */
void
device_group_refuse(int group);

/*
 * Another fd of a device in the table, or -ENODEV, -EAGAIN it is being set up or released,
 * or -errno. Not logged.
 */
int
device_dup(const char *addr, struct rte_vfio_cdev_device **copy);

/* A copy of what there is to report of a device. */
struct device_state {
	struct rte_vfio_cdev_info info;
	int fd;
	int group;				   /* or -1 */
	const struct rte_vfio_cdev_domain *domain; /* NULL: the primary's */
};

/* The first so many devices of the table; returns how many it has. The lock is held. */
unsigned int
device_list(struct device_state *states, unsigned int size);

/* The device of an address; false if it is not set up. The lock is held. */
bool
device_get(const char *addr, struct device_state *state);

#endif /* BUS_VFIO_CDEV_DEVICE_TABLE_H */
