/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What happens to memory whose address was told: for whoever stands in front of
 * munmap(2) and its like. Part of librte_vfio_cdev.a, not of its public functions.
 *
 *	bool busy = vfio_cdev_monitor_begin(va, len);
 *
 *	ret = munmap(va, len);
 *	if (busy)
 *		vfio_cdev_monitor_end(va, len, ret == 0 ? VFIO_CDEV_GONE : VFIO_CDEV_KEPT);
 *
 * They take no lock in a process that nobody told an address in, and do nothing when
 * called from inside the library, its log function included, or in a child that the
 * domain is not made for (rte_vfio_cdev_domain_forked()). Errno stays as it was.
 */

#ifndef VFIO_CDEV_MONITOR_H
#define VFIO_CDEV_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_vfio_cdev_domain;

enum vfio_cdev_fate {
	VFIO_CDEV_KEPT,		/* the call failed */
	VFIO_CDEV_GONE,		/* the memory is no more */
};

/*
 * Something is about to happen to memory (len 0: to any). true: there is some in
 * it whose address was told, and the domains are locked until the same thread calls
 * vfio_cdev_monitor_end(), which it must.
 */
bool
vfio_cdev_monitor_begin(const void *va, size_t len);

/* It has happened. */
void
vfio_cdev_monitor_end(const void *va, size_t len, enum vfio_cdev_fate fate);

/*
 * Between the two: the same pages are at another address now (mremap(2)). What was
 * there is gone.
 */
void
vfio_cdev_monitor_moved(const void *from, const void *to, size_t len);

/*
 * Memory may have lost its pages (madvise(2), fallocate(2), shmdt(2)); len 0: any
 * memory. Without vfio_cdev_monitor_begin() before it.
 */
void
vfio_cdev_monitor_recheck(const void *va, size_t len);

void
vfio_cdev_monitor_add(struct rte_vfio_cdev_domain *domain);

void
vfio_cdev_monitor_remove(struct rte_vfio_cdev_domain *domain);

/* In a child: whoever had the lock stayed in the parent, and the memory is the child's. */
void
vfio_cdev_monitor_forked(struct rte_vfio_cdev_domain *domain);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_MONITOR_H */
