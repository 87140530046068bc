/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory of devices without an IOMMU and without a cdev: over a VFIO group, or UIO. Stock
 * leaves it where the kernel may move it; io_uring pins it here (lib/uring), before its
 * address is read from pagemap. No IOAS confirms the address. With RTE_VFIO_CDEV=prefer, in a
 * primary, where IOVAs are physical addresses, and unless RTE_VFIO_CDEV_PIN=off.
 */

#ifndef BUS_VFIO_CDEV_PIN_H
#define BUS_VFIO_CDEV_PIN_H

#include <stdbool.h>

#include "rte_vfio_cdev.h"

/*
 * Is there such a device that the EAL's options allow, and which? The first call looks for one,
 * and must not be made with a lock held.
 */
bool
pin_is_wanted(char addr[RTE_VFIO_CDEV_ADDR_LEN]);

/* The domain that pins, or NULL: it is not wanted, or memory cannot be pinned, which was logged. */
struct rte_vfio_cdev_domain *
pin_domain(void);

/* The same for a device that is being set up. No lock may be held. */
struct rte_vfio_cdev_domain *
pin_domain_for(const char *addr);

/* Is an error of pinning about this memory alone, not about what pins? */
bool
pin_error_is_of_memory(int err);

/* No more memory can be pinned, err is -errno: log it. What is pinned stays so. */
void
pin_give_up(int err);

#endif /* BUS_VFIO_CDEV_PIN_H */
