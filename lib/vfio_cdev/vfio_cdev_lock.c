/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A domain's lock, which is fair. A thread that maps piece after piece would take a plain
 * mutex again before a waiting thread has woken up. Here it has to queue for "next", which
 * the first waiting thread holds until it gets the lock.
 */

#include <stdlib.h>

#include "vfio_cdev_lock.h"
#include "vfio_cdev_state.h"

__thread unsigned int vfio_cdev_lock_depth;

void
vfio_cdev_lock_since(struct rte_vfio_cdev_domain *domain, struct iommufd_spent before)
{
	/* Counted first: a signal handler that unmaps memory must not take these locks again. */
	vfio_cdev_lock_depth++;
	pthread_mutex_lock(&domain->next);
	pthread_mutex_lock(&domain->lock);
	pthread_mutex_unlock(&domain->next);
	domain->before = before;
}

void
vfio_cdev_lock(struct rte_vfio_cdev_domain *domain)
{
	vfio_cdev_lock_since(domain, iommufd_spent());
}

void
vfio_cdev_unlock(struct rte_vfio_cdev_domain *domain)
{
	const struct iommufd_spent now = iommufd_spent();
	struct vfio_cdev_record *dropped = NULL;

	domain->stats.ioctls += now.calls - domain->before.calls;
	domain->stats.ioctl_ns += now.ns - domain->before.ns;
	if (!vfio_cdev_is_hooked()) {
		dropped = domain->dropped;
		domain->dropped = NULL;
	}
	pthread_mutex_unlock(&domain->lock);
	vfio_cdev_lock_depth--;
	vfio_cdev_records_free(dropped);
}

int
vfio_cdev_unlock_with(struct rte_vfio_cdev_domain *domain, int ret)
{
	if (ret < 0)
		domain->stats.refused++;
	vfio_cdev_unlock(domain);
	return ret;
}

void
vfio_cdev_locks_init(struct rte_vfio_cdev_domain *domain)
{
	pthread_mutex_init(&domain->attach_lock, NULL);
	pthread_mutex_init(&domain->next, NULL);
	pthread_mutex_init(&domain->lock, NULL);
}
