/* SPDX-License-Identifier: BSD-3-Clause */

/* Addresses of devices, as users type them. */

#ifndef APP_ADDRESS_H
#define APP_ADDRESS_H

#include "host.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Make a device's address of what a user has typed: "0000:00:03.0", "00:03.0" or what
 * else the EAL takes ("0:3.0", capital letters), or the name on another bus. Returns 0;
 * -EINVAL it is no address; -ENODEV no device has it; -errno if /sys/bus cannot be listed
 * and addr is a PCI address that may be there.
 */
int
address_resolve(const struct host *host, const char *text, char addr[RTE_VFIO_CDEV_ADDR_LEN]);

#ifdef __cplusplus
}
#endif

#endif /* APP_ADDRESS_H */
