/* SPDX-License-Identifier: BSD-3-Clause */

/* Whether the iommufd of a domain is open (vfio_cdev_domain.c). */

#ifndef VFIO_CDEV_DOMAIN_H
#define VFIO_CDEV_DOMAIN_H

#include "rte_vfio_cdev.h"

/* Open /dev/iommu if needed, for a device or for NULL, and count a user: 0, or -errno, logged. */
int
vfio_cdev_iommufd_get(struct rte_vfio_cdev_domain *domain, const struct rte_vfio_cdev_info *info);

/* Drop a user. The last one closes the iommufd, unless there is a device or a HWPT. */
void
vfio_cdev_iommufd_put(struct rte_vfio_cdev_domain *domain);

#endif /* VFIO_CDEV_DOMAIN_H */
