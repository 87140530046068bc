/* SPDX-License-Identifier: BSD-3-Clause */

/* For libraries that stand in front of others: part of librte_vfio_cdev.a, but not public. */

#ifndef VFIO_CDEV_FRONT_H
#define VFIO_CDEV_FRONT_H

#include <stdint.h>

#include "rte_vfio_cdev.h"

#ifdef __cplusplus
extern "C" {
#endif

/* rte_vfio_cdev_count(), or -errno: it is not known. */
int
vfio_cdev_count(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode);

/*
 * rte_vfio_cdev_domain_provide(), which also reports how many bytes from there on are in the
 * same page, whatever its size.
 */
int
vfio_cdev_provide(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys,
		  uint64_t *rest);

/*
 * Bind a cdev that the caller has opened to the domain's iommufd, and attach it. The fd stays
 * the caller's: the kernel detaches the device when the last copy of the fd is closed, in any
 * process. The domain has to be ready, by rte_vfio_cdev_domain_prime(); it does not count the
 * device. After an error of the attachment the fd stays bound, and is to be closed.
 *
 * Returns 0; -EXDEV the domain or the device is not of RTE_VFIO_CDEV_NOIOMMU; -ENODEV the
 * domain is not ready, or the device is being removed; -ENXIO the fd is not this device's; or
 * an error of BIND as from rte_vfio_cdev_device_open(), -EINVAL also if the fd is bound already.
 */
int
vfio_cdev_domain_attach(struct rte_vfio_cdev_domain *domain, const struct rte_vfio_cdev_info *info,
			int fd, const void *token);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_FRONT_H */
