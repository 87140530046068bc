/* SPDX-License-Identifier: BSD-3-Clause */

/* Provisional pins (vfio_cdev_provisional.c). The lock is held. */

#ifndef VFIO_CDEV_PROVISIONAL_H
#define VFIO_CDEV_PROVISIONAL_H

#include "vfio_cdev_record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How many there are in the process; 0: nobody need be told what happens to memory. */
unsigned int
vfio_cdev_provisional_count(void);

/* Let go of one: its memory is gone, or an ordinary mapping has taken its place. */
void
vfio_cdev_provisional_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
			   bool gone);

/* And of those in memory that is pinned otherwise now. */
void
vfio_cdev_provisional_replace_locked(struct rte_vfio_cdev_domain *domain, const void *va,
				     uint64_t len);

/*
 * All of a range is pinned, if the domain is ready: it takes the place of what was told,
 * which has to stay pinned until nothing can fail any more. Takes the lock.
 */
void
vfio_cdev_provisional_replace(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len);

/* The next one that overlaps memory, or NULL. */
struct vfio_cdev_record *
vfio_cdev_provisional_next(const struct rte_vfio_cdev_domain *domain,
			   const struct vfio_cdev_record *after, uintptr_t va, uint64_t len);

/* Has its memory gone, as far as can be told without pinning it? */
bool
vfio_cdev_provisional_is_gone(const struct rte_vfio_cdev_domain *domain,
			      const struct vfio_cdev_record *rec);

/* Is nothing mapped at a VA? Then EFAULT means just that. */
bool
vfio_cdev_provisional_is_unmapped(const struct rte_vfio_cdev_domain *domain, const void *va);

/*
 * Let go of those in a range (len 0: everywhere) whose memory has gone; with compare, which
 * takes ioctls, or been replaced. Takes the lock, several times if they are many.
 */
void
vfio_cdev_provisional_recheck(struct rte_vfio_cdev_domain *domain, uintptr_t va, uint64_t len,
			      bool compare);

/* Unpin what has no memory left. */
void
vfio_cdev_provisional_free_orphans(struct rte_vfio_cdev_domain *domain);

/* Free all of them; the kernel unpins what it has with the iommufd. */
void
vfio_cdev_provisional_free(struct rte_vfio_cdev_domain *domain);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_PROVISIONAL_H */
