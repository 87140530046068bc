/* SPDX-License-Identifier: BSD-3-Clause */

/* Does the EAL call this library? */

#ifndef BUS_VFIO_CDEV_SELFCHECK_H
#define BUS_VFIO_CDEV_SELFCHECK_H

#include <stdbool.h>

/* Before a device is set up: false is logged for the device. */
bool
selfcheck_hooks(const char *addr);

/*
 * Is the EAL of a release that has a cdev mode of its own, so that the library answers
 * nothing? The first time that is logged, unless RTE_VFIO_CDEV=off.
 */
bool
selfcheck_steps_aside(void);

#endif /* BUS_VFIO_CDEV_SELFCHECK_H */
