/* SPDX-License-Identifier: BSD-3-Clause */

/* The domain before there is a device. */

#ifndef COMPAT_VFIO_CDEV_PRIME_H
#define COMPAT_VFIO_CDEV_PRIME_H

#include <stdbool.h>

/*
 * Make the domain ready: by any device without an IOMMU that is idle, or one of those that
 * RTE_VFIO_CDEV_PRIME names; where there is no such cdev by io_uring. Tried once. Is it ready?
 */
bool
prime_domain(void);

#endif /* COMPAT_VFIO_CDEV_PRIME_H */
