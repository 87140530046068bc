/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Checks of the arguments of calls on memory, and how their errors are logged
 * (vfio_cdev_check.c). The *_fail() functions return err.
 */

#ifndef VFIO_CDEV_CHECK_H
#define VFIO_CDEV_CHECK_H

#include "rte_vfio_cdev.h"
#include "vfio_cdev_record.h"

int
vfio_cdev_memory_fail(const struct rte_vfio_cdev_domain *domain, enum rte_vfio_cdev_step step,
		      int err, const void *va, uint64_t len);

int
vfio_cdev_iova_fail(const struct rte_vfio_cdev_domain *domain, enum rte_vfio_cdev_step step,
		    int err, const void *va, uint64_t iova, uint64_t len);

int
vfio_cdev_map_fail(const struct rte_vfio_cdev_domain *domain, int err,
		   const struct vfio_cdev_record *rec);

/* Count a page whose address is not the expected one, and log it. */
int
vfio_cdev_misplaced_fail(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t expected,
			 uint64_t phys);

int
vfio_cdev_args_check(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		     uint64_t len, uint64_t page_size);

/* Check that the kernel can report physical addresses now: 0 or -errno, logged. */
int
vfio_cdev_phys_check(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len);

#endif /* VFIO_CDEV_CHECK_H */
