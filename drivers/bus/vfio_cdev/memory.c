/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's memory: all that is there when the first device comes, then what
 * the EAL says it allocates and frees. Events come with the EAL's memory lock
 * held for writing, perhaps by another process and with a heap's lock too: no
 * EAL memory, no IPC, and no other EAL lock in here.
 */

#include <errno.h>
#include <inttypes.h>

#include "private.h"

#define EVENT_NAME "vfio_cdev_mem"

/* Only the EAL's own pages are known to be contiguous. */
static uint64_t
memseg_page_size(const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	return msl->external ? UINT64_C(4096) : ms->hugepage_sz;
}

static int
memseg_map(const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	return rte_vfio_cdev_domain_map(backend_domain(), ms->addr, ms->iova, ms->len,
					memseg_page_size(msl, ms));
}

/* External memory that is no heap was never announced: its owner maps it. */
static int
walk_map(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	(void)arg;
	if ((msl->external && !msl->heap) || ms->iova == RTE_BAD_IOVA)
		return 0;
	return memseg_map(msl, ms);
}

static void
memseg_event(enum rte_mem_event type, const struct rte_memseg_list *msl,
	     const struct rte_memseg *ms)
{
	if (ms->iova == RTE_BAD_IOVA)
		return;
	if (type == RTE_MEM_EVENT_FREE) {
		rte_vfio_cdev_domain_unmap(backend_domain(), ms->addr, ms->iova, ms->len);
		return;
	}
	/* The EAL has no ear for an error here (eal_common_memalloc.c). */
	if (memseg_map(msl, ms) < 0)
		bus_log(RTE_VFIO_CDEV_LOG_ERR,
			"memory at %p (IOVA 0x%" PRIx64 ", %zu bytes) is in use but neither pinned "
			"nor verified; stop the application and see the line before", ms->addr,
			ms->iova, ms->len);
}

static void
memory_event(enum rte_mem_event type, const void *addr, size_t len, void *arg)
{
	const struct rte_memseg_list *msl = eal_api()->virt2memseg_list(addr);
	const struct rte_memseg *ms = eal_api()->virt2memseg(addr, msl);
	size_t done;

	(void)arg;
	if (ms == NULL)
		return;
	pthread_mutex_lock(&backend_lock);
	for (done = 0; done < len && ms->len != 0; done += ms->len, ms++)
		memseg_event(type, msl, ms);
	pthread_mutex_unlock(&backend_lock);
}

int
memory_attach(void)
{
	int ret = eal_api()->memseg_walk(walk_map, NULL);

	if (ret != 0)
		return ret;
	ret = eal_api()->event_register(EVENT_NAME, memory_event, NULL);
	/* --legacy-mem and --no-huge have no events, since nothing changes. */
	if (ret == 0 || eal_errno_get() == ENOTSUP)
		return 0;
	bus_log(RTE_VFIO_CDEV_LOG_ERR, "cannot ask the EAL for memory events: error %d",
		eal_errno_get());
	return -1;
}

void
memory_detach(void)
{
	eal_api()->event_unregister(EVENT_NAME, NULL);
}
