/* SPDX-License-Identifier: BSD-3-Clause */

/* The IOVAs that the devices' IOMMUs translate (vfio_cdev_iova_range.c). The lock is held. */

#ifndef VFIO_CDEV_IOVA_RANGE_H
#define VFIO_CDEV_IOVA_RANGE_H

#include "vfio_cdev_record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Read them anew. */
int
vfio_cdev_iova_ranges_read(struct rte_vfio_cdev_domain *domain);

void
vfio_cdev_iova_ranges_clear(struct rte_vfio_cdev_domain *domain);

/* Can memory be mapped there? 0, or -ERANGE, which is logged with the range that cannot. */
int
vfio_cdev_iova_range_check(const struct rte_vfio_cdev_domain *domain,
			   const struct vfio_cdev_record *rec);

/* Log which memory is in the way of a bound device. */
void
vfio_cdev_iova_ranges_explain(const struct rte_vfio_cdev_domain *domain, int cdev);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_IOVA_RANGE_H */
