/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A forked process shares the parent's iommufd, and the kernel maps the memory of the
 * calling process (iommufd uses current->mm): the parent's devices would reach what the
 * child maps, and the parent would lose what the child unmaps. So every call fails in the
 * child. Where there was no iommufd, a child may go on, as with stock, and nothing that it
 * allocates is pinned.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "fork.h"
#include "log_sink.h"
#include "state.h"

static bool forked; /* set in a process that has one thread, before it goes on */
static atomic_bool logged;
static int watch_error;
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

/*
 * The rings of io_uring are the parent's too, and what the child would unpin is in use there.
 * The child goes on as with stock. What was pinned before stays so while it has the rings.
 */
static void
pins_leave(void)
{
	backend.pin_left = backend.attached[PIN_ONLY];
	backend.domains[PIN_ONLY] = NULL;
	backend.attached[PIN_ONLY] = false;
	backend.recorded[PIN_ONLY] = false;
	backend.pin_searched = backend.pin_tried = true;
}

/* A thread that held a lock, and the state it was changing, are in the parent only. */
static void
fork_child(void)
{
	forked |= rte_vfio_cdev_iommufds_open() > 0;
	if (forked)
		return;
	pthread_mutex_init(&backend_lock, NULL);
	pins_leave();
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++)
		if (backend.domains[mode] != NULL)
			rte_vfio_cdev_domain_forked(backend.domains[mode]);
}

static void
watch_start(void)
{
	watch_error = pthread_atfork(NULL, NULL, fork_child);
}

int
fork_watch(void)
{
	pthread_once(&watch_once, watch_start);
	return -watch_error;
}

bool
is_forked(void)
{
	if (forked && !atomic_exchange(&logged, true))
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "cannot be used in a process that was forked after the EAL started: %s; "
			 "its memory would be mapped for its parent's devices, and its parent's "
			 "unmapped: use DPDK in the parent, or fork before rte_eal_init()",
			 strerror(EOPNOTSUPP));
	return forked;
}
