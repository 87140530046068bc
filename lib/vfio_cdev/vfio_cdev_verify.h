/* SPDX-License-Identifier: BSD-3-Clause */

/* The physical addresses of pinned memory (vfio_cdev_verify.c). The lock is held. */

#ifndef VFIO_CDEV_VERIFY_H
#define VFIO_CDEV_VERIFY_H

#include "vfio_cdev_areas.h"
#include "vfio_cdev_record.h"

/*
 * Compare the addresses that the kernel reports for a mapped area with the expected ones, and
 * store the first one in the record. On error nothing is counted, and the area is unmapped.
 */
int
vfio_cdev_verify(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
		 vfio_cdev_run_t run, void *arg);

/*
 * Check that the memory at the VA still is the memory that is mapped, at the expected
 * address. It may have been freed and replaced: the mapping keeps the old pages.
 */
int
vfio_cdev_confirm(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
		  uint64_t expected);

/*
 * Is the address of each of its pages known? Of memory that was mapped at any address only
 * the kernel knows it, if it reports those of pinned pages.
 */
bool
vfio_cdev_mapping_is_known(const struct rte_vfio_cdev_domain *domain,
			   const struct vfio_cdev_record *rec);

/* The physical address off bytes from the start of pinned memory. Errors are not logged. */
int
vfio_cdev_mapping_phys(const struct rte_vfio_cdev_domain *domain,
		       const struct vfio_cdev_record *rec, uint64_t off, uint64_t *phys);

/* A mapping that has pinned all of this memory, at this physical address; or NULL. */
struct vfio_cdev_record *
vfio_cdev_mapping_at(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len,
		     uint64_t phys);

/* The physical address of the page that is at a VA now. Errors are not logged. */
int
vfio_cdev_page_phys(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t *phys);

#endif /* VFIO_CDEV_VERIFY_H */
