/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The state of a domain, which the files below vfio_cdev_domain.c work on.
 *
 * Locks, in the order they are taken: the monitor's, a domain's attach_lock, its
 * lock (vfio_cdev_lock.c). The last one guards the HWPT, the device count, the
 * records and the statistics. It is held over the ioctls that change them, so
 * that the records always agree with the kernel; but not over BIND, which resets
 * a device. A ctx is constant after its creation, except its level; a device
 * after it was opened.
 */

#ifndef VFIO_CDEV_STATE_H
#define VFIO_CDEV_STATE_H

#include <pthread.h>

#include "vfio_cdev_areas.h"
#include "vfio_cdev_ctx.h"
#include "vfio_cdev_mode.h"
#include "vfio_cdev_tree.h"

/* Fewer bytes of provisional pins are not worth a sweep. */
#define VFIO_CDEV_SWEEP_FROM (UINT64_C(64) << 20)

struct rte_vfio_cdev_domain {
	struct rte_vfio_cdev_ctx *ctx;
	const struct vfio_cdev_mode *mode;
	struct rte_vfio_cdev_domain *next_domain; /* in the monitor's list */
	pid_t pid;				  /* process whose memory it maps */
	pthread_mutex_t attach_lock;		  /* for creating the HWPT, attaching, settling */
	pthread_mutex_t next, lock;
	struct vfio_cdev_areas areas;
	uint32_t hwpt_id;      /* 0: none yet */
	bool ready;	       /* new records are pinned at once */
	int maps;	       /* /proc/self/maps (vfio_cdev_maps.h), or -1 */
	uint64_t maps_id;      /* of that file */
	bool keep_provisional; /* pins whose memory goes become orphans */
	uint32_t attempt;      /* number of the latest settle() or plan */
	struct vfio_cdev_tree tree;
	struct vfio_cdev_tree provisional;  /* by VA */
	uint64_t provisional_pending;	    /* as stats.pending, but of this tree */
	struct vfio_cdev_record *orphans;   /* linked by right: pins whose memory is gone */
	struct vfio_cdev_record *dropped;   /* linked by right: to be freed after unlocking */
	uint64_t sweep_from;		    /* no sweep below; VFIO_CDEV_SWEEP_FROM or a test's */
	uint64_t sweep_at;		    /* twice the bytes that the last sweep left */
	struct ifd_iova_range *iova_ranges; /* IOVAs that can be mapped; NULL: all */
	uint32_t iova_range_count;
	struct vfio_cdev_numa_range *numa_ranges; /* physical memory of each node */
	unsigned int numa_range_count;
	struct rte_vfio_cdev_stats stats;
	struct iommufd_spent before; /* of the thread with the lock, when it got it */
};

#endif /* VFIO_CDEV_STATE_H */
