/* SPDX-License-Identifier: BSD-3-Clause */

/* The IOVAs that the devices' IOMMUs translate (vfio_cdev_iova_range.c). The lock is held. */

#ifndef VFIO_CDEV_IOVA_RANGE_H
#define VFIO_CDEV_IOVA_RANGE_H

#include "vfio_cdev_record.h"

/* Read them from the kernel again. */
int
vfio_cdev_iova_ranges_read(struct rte_vfio_cdev_domain *domain);

void
vfio_cdev_iova_ranges_clear(struct rte_vfio_cdev_domain *domain);

/* 0, or -ERANGE if a record has an IOVA that cannot be mapped: logged with the gap. */
int
vfio_cdev_iova_range_check(const struct rte_vfio_cdev_domain *domain,
			   const struct vfio_cdev_record *rec);

/* Log the mapping that a bound device's IOMMU cannot translate. */
void
vfio_cdev_iova_ranges_explain(const struct rte_vfio_cdev_domain *domain, int cdev);

#endif /* VFIO_CDEV_IOVA_RANGE_H */
