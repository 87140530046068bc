/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices that the command line of the program names, as most DPDK programs have options for. */

#ifndef COMPAT_VFIO_CDEV_ARGUMENTS_H
#define COMPAT_VFIO_CDEV_ARGUMENTS_H

#include <stdbool.h>

/* Does it name any PCI device, but to block it? */
bool
arguments_name_any(void);

/* Does it name this one? */
bool
arguments_name(const char *addr);

#endif /* COMPAT_VFIO_CDEV_ARGUMENTS_H */
