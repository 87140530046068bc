/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's memory: all that is there when a mode's first device comes, then what
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

/*
 * The EAL's own pages were pinned when their address was asked for (phys.c). Where
 * there is an IOMMU their IOVA is that address as well, or their virtual one.
 */
static int
memseg_map(enum rte_vfio_cdev_mode mode, const struct rte_memseg_list *msl,
	   const struct rte_memseg *ms)
{
	struct rte_vfio_cdev_domain *domain = backend.domains[mode];

	if (!msl->external &&
	    rte_vfio_cdev_domain_lookup(domain, ms->addr, ms->iova, ms->len) == 0)
		return 0;
	return rte_vfio_cdev_domain_map(domain, ms->addr, ms->iova, ms->len,
					memseg_page_size(msl, ms));
}

struct walk {
	enum rte_vfio_cdev_mode mode;
	int err;	/* the walk keeps it to itself */
};

/* External memory that is no heap was never announced: its owner maps it. */
static int
walk_map(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	struct walk *walk = arg;

	if ((msl->external && !msl->heap) || ms->iova == RTE_BAD_IOVA)
		return 0;
	walk->err = memseg_map(walk->mode, msl, ms);
	return walk->err;
}

/* What could not be mapped was told of then; something else may be there. */
int
memseg_unmap(enum rte_vfio_cdev_mode mode, const struct rte_memseg *ms)
{
	struct rte_vfio_cdev_domain *domain = backend.domains[mode];

	if (rte_vfio_cdev_domain_lookup(domain, ms->addr, ms->iova, ms->len) != 0)
		return 0;
	return rte_vfio_cdev_domain_unmap(domain, ms->addr, ms->iova, ms->len);
}

static int
memseg_event(enum rte_mem_event type, enum rte_vfio_cdev_mode mode,
	     const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	if (ms->iova == RTE_BAD_IOVA)
		return 0;
	return type == RTE_MEM_EVENT_ALLOC ? memseg_map(mode, msl, ms) : memseg_unmap(mode, ms);
}

/*
 * The first error. Pages of the EAL that follow a bad one are worth pinning;
 * external memory has one owner and one table, so one error stands for all.
 */
static int
memsegs_event(enum rte_mem_event type, enum rte_vfio_cdev_mode mode,
	      const struct rte_memseg_list *msl, const struct rte_memseg *ms, size_t len)
{
	int ret, err = 0;
	size_t done;

	for (done = 0; done < len && ms->len != 0; done += ms->len, ms++) {
		ret = memseg_event(type, mode, msl, ms);
		if (err == 0)
			err = ret;
		if (err != 0 && msl->external && type == RTE_MEM_EVENT_ALLOC)
			break;
	}
	return err;
}

/* The EAL has no ear for an error in an event (eal_common_memalloc.c). */
static void
unmapped_report(enum rte_vfio_cdev_mode mode, const void *addr, size_t len, int err)
{
	bus_log(RTE_VFIO_CDEV_LOG_ERR,
		"memory at %p (%zu bytes) is in use but %s, or not all of it: %s; stop the "
		"application and see the lines before", addr, len, mode == NOIOMMU ?
		"neither pinned nor verified" : "out of reach of the devices that have an IOMMU",
		strerror(-err));
}

static void
memory_event(enum rte_mem_event type, const void *addr, size_t len, void *arg)
{
	const struct rte_memseg_list *msl = eal_api()->virt2memseg_list(addr);
	const struct rte_memseg *ms = eal_api()->virt2memseg(addr, msl);
	int err;

	(void)arg;
	if (ms == NULL || is_inherited())
		return;
	pthread_mutex_lock(&backend_lock);
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		if (!backend.attached[mode])
			continue;
		err = memsegs_event(type, mode, msl, ms, len);
		if (err != 0 && type == RTE_MEM_EVENT_ALLOC)
			unmapped_report(mode, addr, len, err);
	}
	pthread_mutex_unlock(&backend_lock);
}

static int
events_ask(void)
{
	int err = 0;

	if (backend.events)
		return 0;
	if (eal_api()->event_register(EVENT_NAME, memory_event, NULL) != 0)
		err = eal_errno_get() != 0 ? eal_errno_get() : EPROTO;
	/* --legacy-mem and --no-huge have no events, since nothing changes. */
	backend.events = err == 0 || err == ENOTSUP;
	if (backend.events)
		return 0;
	bus_log(RTE_VFIO_CDEV_LOG_ERR, "cannot ask the EAL for memory events: %s", strerror(err));
	return -err;
}

int
memory_attach(enum rte_vfio_cdev_mode mode)
{
	struct walk walk = { .mode = mode };
	int ret;

	if (backend.attached[mode])
		return 0;
	if (eal_api()->memseg_walk(walk_map, &walk) != 0)
		return walk.err;
	/* --legacy-mem asked for addresses at places that it has left (eal_memory.c). */
	rte_vfio_cdev_domain_sweep(backend.domains[mode]);
	ret = events_ask();
	if (ret < 0)
		return ret;
	backend.attached[mode] = true;
	if (backend.user_maps && backend.attached[mode == NOIOMMU ? TRANSLATED : NOIOMMU])
		bus_log(RTE_VFIO_CDEV_LOG_WARNING,
			"memory that the application has mapped itself is not mapped for %s "
			"devices, which come later: map it again", rte_vfio_cdev_mode_name(mode));
	return 0;
}
