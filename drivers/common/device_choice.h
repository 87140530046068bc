/* SPDX-License-Identifier: BSD-3-Clause */

/* Which of several devices may prime a domain. Thread-safe. */

#ifndef DRIVERS_COMMON_DEVICE_CHOICE_H
#define DRIVERS_COMMON_DEVICE_CHOICE_H

#include <stdbool.h>
#include <stddef.h>

#include "rte_vfio_cdev.h"

/* Are two names those of one device, as a user may write them? */
bool
device_is_same(const char *text, const char *addr);

/* Is it one of several names with commas between them? */
bool
device_is_named(const char *names, const char *addr);

/* The name in sysfs of a PCI device; of others the name itself. */
void
device_full_name(const char *name, char addr[RTE_VFIO_CDEV_ADDR_LEN]);

/* An attribute of a device in sysfs, by the bus's name there: as rte_vfio_cdev_attr(). */
int
device_attr_of(const struct rte_vfio_cdev_ctx *ctx, const char *bus, const char *addr,
	       const char *attr, char *text, size_t size);

/* Has it VFs, which others may use? To bind it resets it. */
bool
device_has_vfs(const struct rte_vfio_cdev_ctx *ctx, const char *bus, const char *addr);

/* Does no driver of DPDK drive it over VFIO? */
bool
device_is_unlikely(const struct rte_vfio_cdev_ctx *ctx, const char *bus, const char *addr);

#endif /* DRIVERS_COMMON_DEVICE_CHOICE_H */
