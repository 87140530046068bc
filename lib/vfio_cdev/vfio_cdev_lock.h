/* SPDX-License-Identifier: BSD-3-Clause */

/* A domain's lock (vfio_cdev_lock.c). */

#ifndef VFIO_CDEV_LOCK_H
#define VFIO_CDEV_LOCK_H

#include "vfio_cdev_domain.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many of the library's locks the thread has: what it unmaps is not looked at then. */
extern __thread unsigned int vfio_cdev_lock_depth;

/*
 * Is it inside a hook, which has the monitor's lock besides? An allocator may have called
 * that with a lock of its own: nothing is freed or logged there.
 */
static inline bool
vfio_cdev_is_hooked(void)
{
	return vfio_cdev_lock_depth > 1;
}

/* What the thread spends until it unlocks is counted. Whoever waits is next. */
void
vfio_cdev_lock(struct rte_vfio_cdev_domain *domain);

/* And what it has spent since it had spent so much. */
void
vfio_cdev_lock_since(struct rte_vfio_cdev_domain *domain, struct iommufd_spent before);

void
vfio_cdev_unlock(struct rte_vfio_cdev_domain *domain);

/* And count an error as one. Returns it. */
int
vfio_cdev_unlock_with(struct rte_vfio_cdev_domain *domain, int ret);

void
vfio_cdev_locks_init(struct rte_vfio_cdev_domain *domain);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_LOCK_H */
