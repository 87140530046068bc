/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A domain's lock, which is fair. A thread that maps piece after piece would take a plain
 * mutex again before a waiting thread has woken up. Here it has to queue for "next", which
 * the first waiting thread holds until it gets the lock.
 */

#include <stdlib.h>

#include "vfio_cdev_lock.h"
#include "vfio_cdev_state.h"

/* initial-exec: a hook that reads it first in a thread must not allocate (lock.h). */
__thread unsigned int vfio_cdev_lock_depth __attribute__((tls_model("initial-exec")));
static __thread int cancel_state __attribute__((tls_model("initial-exec")));

void
vfio_cdev_lock_enter(void)
{
	if (vfio_cdev_lock_depth++ == 0)
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
}

void
vfio_cdev_lock_leave(void)
{
	int ignored;

	if (--vfio_cdev_lock_depth == 0)
		pthread_setcancelstate(cancel_state, &ignored);
}

void
vfio_cdev_lock_since(struct rte_vfio_cdev_domain *domain, struct iommufd_spent before)
{
	/* Counted first: a signal handler that unmaps memory must not take these locks again. */
	vfio_cdev_lock_enter();
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
	vfio_cdev_lock_leave();
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
