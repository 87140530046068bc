/* SPDX-License-Identifier: BSD-3-Clause */

/* The context of librte_vfio_cdev, and which cdevs the machine has. Needs no lock. */

#ifndef BUS_VFIO_CDEV_CTX_H
#define BUS_VFIO_CDEV_CTX_H

#include <stdbool.h>

#include "rte_vfio_cdev.h"

/* NULL: memory is short. */
struct rte_vfio_cdev_ctx *
backend_ctx(void);

/* Has the machine cdevs of a mode, or any? If that cannot be found out it may have. */
bool
have_cdevs_of(enum rte_vfio_cdev_mode mode);

bool
have_cdevs(void);

/* An attribute of a device in sysfs, by the bus's name there: as rte_vfio_cdev_attr(). */
int
device_attr(const char *bus, const char *addr, const char *attr, char *text, size_t size);

#endif /* BUS_VFIO_CDEV_CTX_H */
