/* SPDX-License-Identifier: BSD-3-Clause */

/* The name in VFIO_GROUP_GET_DEVICE_FD, as vfio_pci_core_match() in the kernel reads it. */

#ifndef COMPAT_VFIO_CDEV_TOKEN_H
#define COMPAT_VFIO_CDEV_TOKEN_H

#include <stdbool.h>

#define TOKEN_LEN 16

/*
 * Compare a name with a device's address, and read the VF token behind it.
 *
 * Returns 0; -ENODEV another device's; -EINVAL what follows is no token.
 */
int
token_parse(const char *name, const char *addr, unsigned char token[TOKEN_LEN], bool *has_token);

#endif /* COMPAT_VFIO_CDEV_TOKEN_H */
