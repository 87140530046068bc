/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Priming: the domain of devices without an IOMMU gets a HWPT through a device that the
 * application may come to use, so that it can pin memory and give addresses before the
 * application has set up one. No lock may be held.
 */

#ifndef BUS_VFIO_CDEV_PRIME_H
#define BUS_VFIO_CDEV_PRIME_H

#include <stdbool.h>

#include "rte_vfio_cdev.h"

/* Can the domain pin memory? If no device was set up yet, this primes it, tried once. */
bool
prime_domain(struct rte_vfio_cdev_domain *domain);

/* The first device without an IOMMU that the EAL's options allow; false: there is none. */
bool
prime_find_allowed(struct rte_vfio_cdev_info *info);

/*
 * Is there one; or one that RTE_VFIO_CDEV_PRIME names; or, where the options allow none at all,
 * one that may be plugged in later?
 */
bool
prime_find(void);

/* Is there one of these that DPDK may have a driver for, and that this process can open? */
bool
prime_has_usable(void);

#endif /* BUS_VFIO_CDEV_PRIME_H */
