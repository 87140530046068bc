/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Changes of memory that is pinned provisionally, for hooks of munmap(2) and similar
 * functions. Part of librte_vfio_cdev.a, but not of its public functions.
 *
 *	bool busy = vfio_cdev_monitor_begin(va, len);
 *
 *	ret = munmap(va, len);
 *	if (busy)
 *		vfio_cdev_monitor_end(va, len, ret == 0 ? VFIO_CDEV_GONE : VFIO_CDEV_KEPT);
 *
 * In a process without provisional pins these functions take no lock. They do nothing
 * when called from inside the library, its log function included, or in a child of the
 * process that created the domain (see rte_vfio_cdev_domain_forked()). They keep errno.
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
	VFIO_CDEV_KEPT, /* the call failed */
	VFIO_CDEV_GONE, /* the memory is unmapped */
};

/*
 * Memory is about to change (len 0: any memory). true: some of it is pinned
 * provisionally. The domains are locked then until the same thread calls
 * vfio_cdev_monitor_end(), which it must do. A page of a shared file that the process maps
 * elsewhere too stays pinned: its pin is that of the other mapping from now on.
 */
bool
vfio_cdev_monitor_begin(const void *va, size_t len);

/* The memory has changed. */
void
vfio_cdev_monitor_end(const void *va, size_t len, enum vfio_cdev_fate fate);

/*
 * The length of a System V segment that is about to be detached (shmdt(2)); 0: it is not
 * known, or nothing is pinned.
 */
size_t
vfio_cdev_monitor_segment(const void *va);

/*
 * After a begin with len 0: this memory will be replaced (mremap(2)). Pages that are mapped
 * elsewhere too stay pinned.
 */
void
vfio_cdev_monitor_replaced(const void *va, size_t len);

/* Shared memory of a file is mapped: pages may be mapped several times. Takes no lock. */
void
vfio_cdev_monitor_shared(void);

/*
 * Between the two: the pages have moved to another address (mremap(2)). The memory that
 * was there is gone.
 */
void
vfio_cdev_monitor_moved(const void *from, const void *to, size_t len);

/*
 * Memory may have lost its pages (madvise(2), fallocate(2), shmdt(2)); len 0: any
 * memory. Called without vfio_cdev_monitor_begin().
 */
void
vfio_cdev_monitor_recheck(const void *va, size_t len);

/* Is this thread inside the library, or in a signal handler that has interrupted it there? */
bool
vfio_cdev_monitor_is_inside(void);

/* The list of domains, for vfio_cdev_domain.c. */
void
vfio_cdev_monitor_add(struct rte_vfio_cdev_domain *domain);

void
vfio_cdev_monitor_remove(struct rte_vfio_cdev_domain *domain);

/* In a child: initialize the lock again, and watch the child's memory. */
void
vfio_cdev_monitor_forked(struct rte_vfio_cdev_domain *domain);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_MONITOR_H */
