/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The state of the library, and the domain.
 *
 *	open(), ioctl(), read(), dup(), readlink()	hooks.c: is the call for this library?
 *		|
 *		+-- /dev/vfio/vfio		container.c
 *		+-- /dev/vfio/noiommu-N		group.c: the fd is that of the cdev
 *		+-- /proc/self/pagemap		pagemap.c
 *		v
 *	domain ---- one of librte_vfio_cdev, without an IOMMU (compat.c, prime.c)
 *
 * The kernel has the state where it can: a group's fd is the cdev, recognized by fstat(2), and
 * the device is in use if the cdev is bound. So an fd may come from another process, and may
 * be closed without a call of this library.
 *
 * Locks: front_lock guards the state; no call of librte_vfio_cdev is made with it held, but to
 * create the context and the domain. bind_lock is held while a device is bound.
 * Nothing here has a thread of its own. Pagemap can be read in a signal handler, unless that has
 * interrupted an allocator; one that has interrupted this library gets no frame numbers.
 */

#ifndef COMPAT_VFIO_CDEV_COMPAT_H
#define COMPAT_VFIO_CDEV_COMPAT_H

#include <pthread.h>
#include <stdbool.h>

#include "rte_vfio_cdev.h"

/*
 * The first guards the state of all files here, the others are held while a device is bound, and
 * while the domain is primed. A forked child initializes them again.
 */
extern pthread_mutex_t front_lock, bind_lock, prime_lock;

/* Is this no child made by vfork(2), which shares the memory, and not the files? */
bool
front_is_own(void);

/* Are there cdevs without an IOMMU, and is this library to answer for them? */
bool
front_is_on(void);

/* Is this a child of a process that had opened its iommufd? */
bool
front_is_forked(void);

/* Devices may have come: a program opens a container or a group. */
void
front_look_again(void);

/*
 * May this process bind them and pin memory? Not a child of a process that has opened its
 * iommufd, which is logged once.
 */
bool
front_is_usable(void);

/* Or are there none, but devices without an IOMMU that the program uses: does io_uring pin? */
bool
front_is_pinning(void);

/* NULL: memory is short. */
struct rte_vfio_cdev_ctx *
front_ctx(void);

/* The one of the cdevs, or that of io_uring. NULL: memory is short. */
struct rte_vfio_cdev_domain *
front_domain(void);

/* The program uses VFIO from now on: addresses are pinned before they are given. */
void
front_use(void);

bool
front_is_used(void);

#endif /* COMPAT_VFIO_CDEV_COMPAT_H */
