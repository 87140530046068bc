/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The containers that the application has created, and the groups that are bound to
 * them or to the default container. Stock may have a container of the same fd: the
 * groups bound to it decide which of the two gets the memory. Guarded by backend_lock,
 * which callers hold unless a function says that it takes the lock.
 */

#ifndef BUS_VFIO_CDEV_CONTAINER_TABLE_H
#define BUS_VFIO_CDEV_CONTAINER_TABLE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "rte_vfio_cdev.h"

/* Stands in for the group number of a device that has a cdev and no group. */
#define CDEV_GROUP_BASE (1 << 24)

struct container {
	SLIST_ENTRY(container) next;
	int fd;				     /* the application's name for it; -1: destroyed */
	bool stock;			     /* stock has created it */
	unsigned int users;		     /* the application, its devices, calls that use it */
	struct rte_vfio_cdev_domain *domain; /* for cdevs, or NULL */
};

struct group_binding {
	SLIST_ENTRY(group_binding) next;
	struct container *container; /* NULL: the default one */
	int group;
	int fd;	    /* stock's, or an eventfd that stands for the group */
	bool stock; /* bound by stock */
};

/* Log why an action on a container failed, and set rte_errno; returns -1. */
int
container_fail(const char *what, int err, int fd, const char *advice);

/* Is it one of the fds that stand for the default container? */
bool
container_is_default(int fd);

/* The container of an fd, or NULL. */
struct container *
container_find(int fd);

/* The same, in use until container_put(). */
struct container *
container_get(int fd);

/* The nth that has a domain, in use until container_put(), or NULL. */
struct container *
container_nth(unsigned int n, struct rte_vfio_cdev_domain **domain);

/* A destroyed container is freed when its last user drops it. Takes the lock. */
void
container_put(struct container *container);

/* The application is its first user. Takes the lock. */
void
container_insert(struct container *container);

/*
 * The container of a group that has a domain, in use until container_put(); NULL: the
 * group is in the default container.
 */
struct container *
group_container(int group, struct rte_vfio_cdev_domain **domain);

/* Has a container groups that were bound by the backend, or by stock? */
bool
container_has_groups(const struct container *container, bool stock);

struct group_binding *
group_binding_find(int group);

/* The fd that stands for a group bound to a created container, or -1. */
int
group_binding_fd(int group);

/* 0 or -ENOMEM. */
int
group_binding_add(struct container *container, int group, int fd, bool stock);

void
group_binding_remove(struct group_binding *binding);

/* Remove those of a container, and close the fds that stand for them. */
void
group_bindings_close(const struct container *container);

/* Remove the backend's whose fd the caller has closed; false: there is none. */
bool
group_binding_forget(int fd);

/* Remove stock's of a group or an fd. Takes the lock. */
void
group_binding_forget_stock(int group, int fd);

#endif /* BUS_VFIO_CDEV_CONTAINER_TABLE_H */
