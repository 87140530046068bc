/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's memory: all that is there when the first device comes, then what
 * the EAL says it allocates and frees. Events come with the EAL's memory lock
 * held for writing, perhaps by another process and with a heap's lock too: no
 * EAL memory, no IPC, and no other EAL lock in here.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "private.h"

#define EVENT_NAME "vfio_cdev_mem"

/* Only the EAL's own pages are known to be contiguous. */
static uint64_t
memseg_page_size(const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	return msl->external ? UINT64_C(4096) : ms->hugepage_sz;
}

/* The EAL's own pages were pinned when their address was asked for (phys.c). */
static int
memseg_map(const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	struct rte_vfio_cdev_domain *domain = backend.domain;

	if (!msl->external &&
	    rte_vfio_cdev_domain_lookup(domain, ms->addr, ms->iova, ms->len) == 0)
		return 0;
	return rte_vfio_cdev_domain_map(domain, ms->addr, ms->iova, ms->len,
					memseg_page_size(msl, ms));
}

/*
 * External memory that is no heap was never announced: its owner maps it. The
 * walk keeps an error to itself; arg gets it.
 */
static int
walk_map(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	int *err = arg;

	if ((msl->external && !msl->heap) || ms->iova == RTE_BAD_IOVA)
		return 0;
	*err = memseg_map(msl, ms);
	return *err;
}

/* What could not be mapped was told of then; something else may be there. */
int
memseg_unmap(const struct rte_memseg *ms)
{
	struct rte_vfio_cdev_domain *domain = backend.domain;

	if (rte_vfio_cdev_domain_lookup(domain, ms->addr, ms->iova, ms->len) != 0)
		return 0;
	return rte_vfio_cdev_domain_unmap(domain, ms->addr, ms->iova, ms->len);
}

static int
memseg_event(enum rte_mem_event type, const struct rte_memseg_list *msl,
	     const struct rte_memseg *ms)
{
	if (ms->iova == RTE_BAD_IOVA)
		return 0;
	return type == RTE_MEM_EVENT_ALLOC ? memseg_map(msl, ms) : memseg_unmap(ms);
}

/*
 * The first error. Pages of the EAL that follow a bad one are worth pinning;
 * external memory has one owner and one table, so one error stands for all.
 */
static int
memsegs_event(enum rte_mem_event type, const struct rte_memseg_list *msl,
	      const struct rte_memseg *ms, size_t len)
{
	int ret, err = 0;
	size_t done;

	for (done = 0; done < len && ms->len != 0; done += ms->len, ms++) {
		ret = memseg_event(type, msl, ms);
		if (err == 0)
			err = ret;
		if (err != 0 && msl->external && type == RTE_MEM_EVENT_ALLOC)
			break;
	}
	return err;
}

static void
memory_event(enum rte_mem_event type, const void *addr, size_t len, void *arg)
{
	const struct rte_memseg_list *msl = eal_api()->virt2memseg_list(addr);
	const struct rte_memseg *ms = eal_api()->virt2memseg(addr, msl);
	int err;

	(void)arg;
	if (ms == NULL)
		return;
	pthread_mutex_lock(&backend_lock);
	err = memsegs_event(type, msl, ms, len);
	pthread_mutex_unlock(&backend_lock);
	/* The EAL has no ear for an error here (eal_common_memalloc.c). */
	if (err != 0 && type == RTE_MEM_EVENT_ALLOC)
		bus_log(RTE_VFIO_CDEV_LOG_ERR,
			"memory at %p (%zu bytes) is in use but neither pinned nor verified, "
			"or not all of it: %s; stop the application and see the lines before", addr,
			len, strerror(-err));
}

int
memory_attach(void)
{
	int err = 0;

	if (backend.attached)
		return 0;
	if (eal_api()->memseg_walk(walk_map, &err) != 0)
		return err;
	/* --legacy-mem asked for addresses at places that it has left (eal_memory.c). */
	rte_vfio_cdev_domain_sweep(backend.domain);
	if (eal_api()->event_register(EVENT_NAME, memory_event, NULL) != 0)
		err = eal_errno_get() != 0 ? eal_errno_get() : EPROTO;
	/* --legacy-mem and --no-huge have no events, since nothing changes. */
	backend.attached = err == 0 || err == ENOTSUP;
	if (backend.attached)
		return 0;
	bus_log(RTE_VFIO_CDEV_LOG_ERR, "cannot ask the EAL for memory events: %s", strerror(err));
	return -err;
}
