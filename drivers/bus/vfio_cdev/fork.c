/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A process that was forked shares the parent's iommufd, and the kernel maps the
 * memory of whoever calls (iommufd uses current->mm): what the child maps would
 * be reached by the parent's devices, and what it unmaps the parent would lose.
 * So it gets no answer. Where there is no iommufd to share a child may go on, as with
 * stock.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "fork.h"
#include "log.h"
#include "state.h"

static bool forked;	/* set in a process that has one thread, before it goes on */
static atomic_bool logged;
static int watch_error;
static pthread_once_t watch_once = PTHREAD_ONCE_INIT;

/* Whoever had a lock, and what it was guarding, stayed in the parent. */
static void
fork_child(void)
{
	forked |= rte_vfio_cdev_iommufds_open() > 0;
	if (forked)
		return;
	pthread_mutex_init(&backend_lock, NULL);
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
		bus_log(RTE_VFIO_CDEV_LOG_ERR,
			"cannot be used in a process that was forked after the EAL started: %s; "
			"its memory would be mapped for its parent's devices, and its parent's "
			"unmapped: use DPDK in the parent, or fork before rte_eal_init()",
			strerror(EOPNOTSUPP));
	return forked;
}
