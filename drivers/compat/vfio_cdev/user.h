/* SPDX-License-Identifier: BSD-3-Clause */

/* The arguments of an ioctl, which may be anything: an invalid pointer is EFAULT. */

#ifndef COMPAT_VFIO_CDEV_USER_H
#define COMPAT_VFIO_CDEV_USER_H

#include <stdbool.h>
#include <stddef.h>

bool
user_read(const void *from, void *to, size_t size);

bool
user_write(void *to, const void *from, size_t size);

/* A string; it is cut off if it is longer. */
bool
user_text(const char *from, char *to, size_t size);

#endif /* COMPAT_VFIO_CDEV_USER_H */
