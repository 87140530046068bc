/* SPDX-License-Identifier: BSD-3-Clause */

/* The physical addresses of pinned memory (vfio_cdev_verify.c). The lock is held. */

#ifndef VFIO_CDEV_VERIFY_H
#define VFIO_CDEV_VERIFY_H

#include "vfio_cdev_ioas.h"
#include "vfio_cdev_record.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Compare where the kernel has all of a mapped area with what is stated. On error
 * nothing is counted, and the area has gone.
 */
int
vfio_cdev_verify(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
		 vfio_cdev_run_t run, void *arg);

/*
 * Is the memory at the VA still what is mapped, and where it is stated to be? It may
 * have been freed under the mapping, which keeps the old pages, and other memory be
 * there now.
 */
int
vfio_cdev_confirm(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
		  uint64_t stated);

/* Where the page of pinned memory is that is off bytes from its start. Not logged. */
int
vfio_cdev_mapping_phys(const struct rte_vfio_cdev_domain *domain,
		       const struct vfio_cdev_record *rec, uint64_t off, uint64_t *phys);

/* Where what is at a VA now is, at this moment. Not logged. */
int
vfio_cdev_page_phys(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t *phys);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_VERIFY_H */
