/* SPDX-License-Identifier: BSD-3-Clause */

/* Processes that were forked from one that has an iommufd. */

#ifndef BUS_VFIO_CDEV_FORK_H
#define BUS_VFIO_CDEV_FORK_H

#include <stdbool.h>

/* From now on they have no part in it. 0 or -errno. */
int
fork_watch(void);

/*
 * Is this process one of them? Then nothing of the backend may be used, not even a lock.
 * Logged once.
 */
bool
is_forked(void);

#endif /* BUS_VFIO_CDEV_FORK_H */
