/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's memory: segments that are there when a mode's first device is set up, and
 * events about the rest.
 */

#ifndef BUS_VFIO_CDEV_MEMSEG_H
#define BUS_VFIO_CDEV_MEMSEG_H

#include <stdbool.h>

#include <rte_memory.h>

#include "rte_vfio_cdev.h"

/*
 * Pin all memory that is there for a mode's devices, and register for events about the
 * rest. 0, or -errno after an error was logged. No lock may be held.
 */
int
memseg_attach(enum rte_vfio_cdev_mode mode);

/* Has the EAL memory of its own yet? Its memory lock must not be held for writing. */
bool
memseg_any_own(void);

/* Is the segment's element of the list's array in use? */
bool
memseg_is_used(const struct rte_memseg_list *msl, const struct rte_memseg *ms);

/* Unmap a segment if it is mapped. */
int
memseg_unmap(struct rte_vfio_cdev_domain *domain, const struct rte_memseg *ms);

/* Has the last FREE event on this thread unmapped the page in the mode's domain? */
bool
memseg_is_freed(const void *page, enum rte_vfio_cdev_mode mode);

/* Forget that event: the EAL adds a page on this thread. */
void
memseg_freed_reset(void);

#endif /* BUS_VFIO_CDEV_MEMSEG_H */
