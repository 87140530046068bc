/* SPDX-License-Identifier: BSD-3-Clause */

/* The EAL's options that allow (-a) and block (-b) devices. No lock may be held. */

#ifndef BUS_VFIO_CDEV_ALLOW_H
#define BUS_VFIO_CDEV_ALLOW_H

#include <stdbool.h>

/* Will the bus probe the device, if it has a driver for it? */
bool
allow_has(const char *bus, const char *addr);

/*
 * May the application plug the device in later: is it not blocked? Not one with VFs, which
 * others may use: to bind it resets it.
 */
bool
allow_may_come(const char *bus, const char *addr);

/*
 * Does an option allow a device that the machine has, or make a virtual one (--vdev)? Bridges
 * do not count: applications that plug in all devices allow 0000:00:00.0 alone, where many
 * machines have one.
 */
bool
allow_names_device(void);

#endif /* BUS_VFIO_CDEV_ALLOW_H */
