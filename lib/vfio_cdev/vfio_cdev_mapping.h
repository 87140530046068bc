/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One mapping: its record and its area (vfio_cdev_mapping.c). The lock is held. Errors are
 * logged, except those of unpin and drop.
 */

#ifndef VFIO_CDEV_MAPPING_H
#define VFIO_CDEV_MAPPING_H

#include "vfio_cdev_ioas.h"
#include "vfio_cdev_record.h"

/* Log a change of a record. */
void
vfio_cdev_mapping_log(const struct rte_vfio_cdev_domain *domain, const char *change,
		      const struct vfio_cdev_record *rec);

/* Add a pinned record, or a part of one, to the statistics, or subtract it. */
void
vfio_cdev_mapping_count(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
			bool in);

/*
 * Pin, verify and count the memory of a record that is new or pending. A BAR is only
 * recorded. run, unless NULL, is called for each run of contiguous memory.
 */
int
vfio_cdev_mapping_pin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
		      vfio_cdev_run_t run, void *arg);

/* Unpin a record and subtract it from the statistics: it is pending then. */
int
vfio_cdev_mapping_unpin(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/* Drop a user. The last one unpins and frees the record. */
int
vfio_cdev_mapping_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/* Make a record, and pin it if the domain is ready; else it is pending. */
int
vfio_cdev_mapping_create(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *value,
			 vfio_cdev_run_t run, void *arg, struct vfio_cdev_record **created);

/* Pin a pending record. */
int
vfio_cdev_mapping_pin_pending(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

#endif /* VFIO_CDEV_MAPPING_H */
