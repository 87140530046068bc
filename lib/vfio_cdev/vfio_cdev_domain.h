/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A domain.
 *
 * Locks, in the order they are taken: the monitor's, a domain's attach_lock, its
 * lock (vfio_cdev_lock.c). The last guards its HWPT, its device count, its
 * records and its counters, and is held over the ioctls that change them, so
 * that the records never disagree with the kernel; but not over BIND, which
 * resets a device. A ctx is constant after its creation, but for its level; a device
 * after it was opened.
 */

#ifndef VFIO_CDEV_DOMAIN_H
#define VFIO_CDEV_DOMAIN_H

#include <pthread.h>

#include "vfio_cdev_ctx.h"
#include "vfio_cdev_ioas.h"
#include "vfio_cdev_mode.h"
#include "vfio_cdev_tree.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Nobody minds that much, and less is not worth a sweep. */
#define VFIO_CDEV_SWEEP_FROM (UINT64_C(64) << 20)

struct rte_vfio_cdev_domain {
	struct rte_vfio_cdev_ctx *ctx;
	const struct vfio_cdev_mode *mode;
	struct rte_vfio_cdev_domain *next_domain;	/* the monitor's */
	pid_t pid;			/* whose memory it has */
	pthread_mutex_t attach_lock;	/* one at a time gets a HWPT, attaches, settles */
	pthread_mutex_t next, lock;
	struct vfio_cdev_ioas ioas;
	uint32_t hwpt_id;		/* 0: none yet */
	bool ready;			/* new records are pinned at once */
	bool keep_provisional;			/* what was provisional goes to the orphans */
	uint32_t attempt;		/* number of the latest settling */
	struct vfio_cdev_tree tree;
	struct vfio_cdev_tree provisional;	/* by VA */
	uint64_t provisional_pending;	/* of these, as stats.pending is of the others */
	struct vfio_cdev_record *orphans;	/* by their right: pins that have no memory left */
	struct vfio_cdev_record *dropped;	/* by their right: to be freed without a lock */
	uint64_t sweep_from;		/* VFIO_CDEV_SWEEP_FROM, or a test's */
	uint64_t sweep_at;		/* and not before so many bytes */
	struct ifd_iova_range *iova_ranges;	/* what can be mapped; NULL: all */
	uint32_t iova_range_count;
	struct vfio_cdev_numa_range *numa_ranges;	/* where which NUMA node has memory */
	unsigned int numa_range_count;
	struct rte_vfio_cdev_stats stats;
	struct iommufd_spent before;	/* of whoever has the lock, when it got it */
};

/* Keep /dev/iommu open, until one leaves: 0, or -errno, logged. */
int
vfio_cdev_iommufd_get(struct rte_vfio_cdev_domain *domain);

/* The last one closes it, unless a device or its HWPT is there. */
void
vfio_cdev_iommufd_put(struct rte_vfio_cdev_domain *domain);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_DOMAIN_H */
