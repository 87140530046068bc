/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One mapping (vfio_cdev_mapping.c). The lock is held; what fails is logged, except by unpin
 * and drop.
 */

#ifndef VFIO_CDEV_MAPPING_H
#define VFIO_CDEV_MAPPING_H

#include "vfio_cdev_ioas.h"
#include "vfio_cdev_record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Log that a record has changed. */
void
vfio_cdev_mapping_log(const struct rte_vfio_cdev_domain *domain, const char *change,
		      const struct vfio_cdev_record *rec);

/* Count a pinned record, or a part of one, in or out. */
void
vfio_cdev_mapping_count(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
			bool in);

/*
 * Pin, verify and count what a record says that is in no tree yet, or waits in one;
 * that of a BAR is marked as one. run, unless NULL, is told where the memory is.
 */
int
vfio_cdev_mapping_pin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
		      vfio_cdev_run_t run, void *arg);

/* Unpin and uncount it: it waits then. */
int
vfio_cdev_mapping_unpin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

int
vfio_cdev_mapping_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/* Pin a new record, or let it wait for a HWPT. Frees it on error. */
int
vfio_cdev_mapping_create(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *value,
			 vfio_cdev_run_t run, void *arg);

/* Pin an ordinary one that waits, in a domain that is ready. */
int
vfio_cdev_mapping_pin_pending(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_MAPPING_H */
