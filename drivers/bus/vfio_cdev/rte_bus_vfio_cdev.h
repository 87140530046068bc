/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef RTE_BUS_VFIO_CDEV_H
#define RTE_BUS_VFIO_CDEV_H

/**
 * @file
 * What the EAL backend gives a DPDK application besides the EAL's own functions:
 * all of rte_vfio_cdev.h, and the domain that the application's devices are in.
 *
 * Link the application with the backend before the EAL (pkg-config names it
 * librte_bus_vfio_cdev; put it first), or preload the backend.
 */

#include "rte_vfio_cdev.h"

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The domain of this process's devices without an IOMMU, in which it can pin
 * memory of its own with rte_vfio_cdev_domain_pin(): of those with a cdev (Linux >= 7.3);
 * if there is none, that of the others (RTE_VFIO_CDEV_PIN_ONLY, Linux >= 5.13). Thread-safe.
 *
 * @param[out] domain
 *   The domain. It is the backend's and stays to the end of the process: do not
 *   destroy it. A process that is forked later must not use it.
 * @return
 *   0; -ENODEV no memory is pinned for a device in this process (RTE_VFIO_CDEV=off,
 *   secondary process, one forked from the one with the device, no EAL, or IOVAs
 *   that are virtual addresses).
 */
int
rte_bus_vfio_cdev_domain(struct rte_vfio_cdev_domain **domain);

#ifdef __cplusplus
}
#endif

#endif /* RTE_BUS_VFIO_CDEV_H */
