/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The fds of devices that this process has requested. The kernel stops a device when its last fd
 * is closed; here the group's fd is one of the same file, so that is done when the last of
 * these is closed. A child made by fork(2) has none.
 */

#ifndef COMPAT_VFIO_CDEV_HANDLE_H
#define COMPAT_VFIO_CDEV_HANDLE_H

#include <stdbool.h>

#include "marks.h"

extern struct marks handle_marks;

/*
 * Is an fd still the cdev with this minor number? It may have been closed without a call of
 * close().
 */
bool
handle_is_live(int fd, unsigned int number);

/* Has the process an fd of the device? */
bool
handle_exists(unsigned int minor);

/* fd is one of the device from now on. */
void
handle_add(int fd, unsigned int minor);

/* copy is a copy of an fd that may be one of a device. */
void
handle_copied(int fd, int copy);

/* An fd that may be one of a device is about to be closed. */
void
handle_close(int fd);
#endif /* COMPAT_VFIO_CDEV_HANDLE_H */
