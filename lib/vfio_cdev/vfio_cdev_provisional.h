/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Provisional pins (vfio_cdev_provisional.c). The lock is held, unless a function takes it.
 */

#ifndef VFIO_CDEV_PROVISIONAL_H
#define VFIO_CDEV_PROVISIONAL_H

#include "vfio_cdev_record.h"

/* Number in the process. With 0 no change of memory needs to be watched. */
unsigned int
vfio_cdev_provisional_count(void);

void
vfio_cdev_provisional_add(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/* Drop one, because its memory is gone or because an ordinary mapping replaces it. */
void
vfio_cdev_provisional_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
			   bool gone);

/* Drop those that lie in memory which an ordinary mapping has pinned. */
void
vfio_cdev_provisional_replace_locked(struct rte_vfio_cdev_domain *domain, const void *va,
				     uint64_t len);

/*
 * The same after a whole request was mapped; nothing if the domain is not ready. Until then
 * provisional pins stay, since a later piece may fail. Takes the lock.
 */
void
vfio_cdev_provisional_replace(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len);

/* The next one that overlaps this memory, or NULL. */
struct vfio_cdev_record *
vfio_cdev_provisional_next(const struct rte_vfio_cdev_domain *domain,
			   const struct vfio_cdev_record *after, uintptr_t va, uint64_t len);

/* Whether its memory is gone, as far as mincore(2) shows. */
bool
vfio_cdev_provisional_is_gone(const struct rte_vfio_cdev_domain *domain,
			      const struct vfio_cdev_record *rec);

/*
 * Whether no memory is mapped at a VA. It explains EFAULT, which the kernel also returns for
 * read-only memory.
 */
bool
vfio_cdev_provisional_is_unmapped(const struct rte_vfio_cdev_domain *domain, const void *va);

/*
 * Drop those in a range (len 0: everywhere) whose memory is gone. compare: also those whose
 * memory was replaced, which takes ioctls. Takes the lock, again for every 256 pins.
 */
void
vfio_cdev_provisional_recheck(struct rte_vfio_cdev_domain *domain, uintptr_t va, uint64_t len,
			      bool compare);

/* Whether many pins were made since the last sweep. */
bool
vfio_cdev_provisional_is_sweep_due(const struct rte_vfio_cdev_domain *domain);

/* Unpin orphans. */
void
vfio_cdev_provisional_free_orphans(struct rte_vfio_cdev_domain *domain);

/* Free all records. Closing the iommufd unpins the memory. */
void
vfio_cdev_provisional_free(struct rte_vfio_cdev_domain *domain);

#endif /* VFIO_CDEV_PROVISIONAL_H */
