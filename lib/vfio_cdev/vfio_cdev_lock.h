/* SPDX-License-Identifier: BSD-3-Clause */

/* A domain's lock (vfio_cdev_lock.c). */

#ifndef VFIO_CDEV_LOCK_H
#define VFIO_CDEV_LOCK_H

#include "vfio_cdev_state.h"

/* Locks of the library that the thread holds. If any, the monitor ignores its unmapping. */
extern __thread unsigned int vfio_cdev_lock_depth __attribute__((tls_model("initial-exec")));

/*
 * Whether the thread is in a hook, which holds the monitor's lock and a domain's. An allocator
 * may have called the hook with its own lock held, so nothing may be freed or logged.
 */
static inline bool
vfio_cdev_is_hooked(void)
{
	return vfio_cdev_lock_depth > 1;
}

/*
 * A lock is about to be taken, or was given back. Between the two the thread is not cancelled:
 * munmap(2), in whose hook a file may be opened, is no cancellation point.
 */
void
vfio_cdev_lock_enter(void);

void
vfio_cdev_lock_leave(void);

/* Ioctls until the unlock are counted. Threads that wait get the lock first. */
void
vfio_cdev_lock(struct rte_vfio_cdev_domain *domain);

/* The same, and count the ioctls since an earlier iommufd_spent(). */
void
vfio_cdev_lock_since(struct rte_vfio_cdev_domain *domain, struct iommufd_spent before);

void
vfio_cdev_unlock(struct rte_vfio_cdev_domain *domain);

/* Count an error in the statistics, unlock and return it. */
int
vfio_cdev_unlock_with(struct rte_vfio_cdev_domain *domain, int ret);

void
vfio_cdev_locks_init(struct rte_vfio_cdev_domain *domain);

#endif /* VFIO_CDEV_LOCK_H */
