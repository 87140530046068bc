/* SPDX-License-Identifier: BSD-3-Clause */

/* Does the EAL call this library? */

#ifndef BUS_VFIO_CDEV_SELFCHECK_H
#define BUS_VFIO_CDEV_SELFCHECK_H

#include <stdbool.h>

/* Before a device is set up: false is logged for the device. */
bool
selfcheck_hooks(const char *addr);

#endif /* BUS_VFIO_CDEV_SELFCHECK_H */
