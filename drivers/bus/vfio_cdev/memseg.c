/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's memory: all that exists when a mode's first device is set up, then what the
 * EAL reports as allocated and freed. Events come with the EAL's memory lock held for
 * writing, perhaps by another process and with a heap's lock too: no EAL memory, no IPC,
 * and no other EAL lock in here.
 *
 * Existing memory is recorded first, as pending mappings, without a call of the kernel,
 * and pinned when no lock is held any more. Events that come meanwhile find pending
 * mappings as they find pinned ones.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "eal_api.h"
#include "fork.h"
#include "log_sink.h"
#include "memseg.h"
#include "state.h"

#define EVENT_NAME "vfio_cdev_mem"

/* Only the EAL's own pages are contiguous for sure; 0: base pages. */
static uint64_t
memseg_page_size(const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	return msl->external ? 0 : ms->hugepage_sz;
}

static int
memseg_lookup(struct rte_vfio_cdev_domain *domain, const struct rte_memseg *ms)
{
	return rte_vfio_cdev_domain_lookup(domain, ms->addr, ms->iova, ms->len);
}

/*
 * The EAL's own pages were pinned when their address was requested (phys.c). Where
 * there is an IOMMU their IOVA is that address as well, or their virtual one.
 */
static int
memseg_map(struct rte_vfio_cdev_domain *domain, const struct rte_memseg_list *msl,
	   const struct rte_memseg *ms)
{
	if (!msl->external && memseg_lookup(domain, ms) == 0)
		return 0;
	return rte_vfio_cdev_domain_map(domain, ms->addr, ms->iova, ms->len,
					memseg_page_size(msl, ms));
}

/* A failed map was logged; another mapping may be there. */
int
memseg_unmap(struct rte_vfio_cdev_domain *domain, const struct rte_memseg *ms)
{
	if (memseg_lookup(domain, ms) != 0)
		return 0;
	return rte_vfio_cdev_domain_unmap(domain, ms->addr, ms->iova, ms->len);
}

bool
memseg_is_used(const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	/* The EAL takes a lock in it, for reading. */
	struct rte_fbarray *array = (struct rte_fbarray *)(uintptr_t)&msl->memseg_arr;
	const int idx = eal_api()->fbarray_find_idx(array, ms);

	return idx >= 0 && eal_api()->fbarray_is_used(array, idx) == 1;
}

/* rte_memseg_walk() does not return the callback's error, and does not undo. */
struct walk {
	struct rte_vfio_cdev_domain *domain;
	const struct rte_memseg **recorded;
	size_t count;
	int err;
};

/* A pending mapping. One that the application has made as well gets another user. */
static int
walk_record(struct walk *walk, const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	const struct rte_memseg **recorded;
	int ret;

	recorded = reallocarray(walk->recorded, walk->count + 1, sizeof(*recorded));
	if (recorded == NULL)
		return -ENOMEM;
	walk->recorded = recorded;
	if (memseg_lookup(walk->domain, ms) == 0)
		ret = memseg_map(walk->domain, msl, ms);
	else
		ret = rte_vfio_cdev_domain_plan(walk->domain, ms->addr, ms->iova, ms->len,
						memseg_page_size(msl, ms));
	if (ret == 0)
		recorded[walk->count++] = ms;
	return ret;
}

/* External memory that is no heap has no events: its owner maps it. */
static int
walk_visit(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	struct walk *walk = arg;

	if ((msl->external && !msl->heap) || ms->iova == RTE_BAD_IOVA ||
	    (!msl->external && memseg_lookup(walk->domain, ms) == 0))
		return 0;
	walk->err = walk_record(walk, msl, ms);
	return walk->err;
}

static int
memseg_event(enum rte_mem_event type, struct rte_vfio_cdev_domain *domain,
	     const struct rte_memseg_list *msl, const struct rte_memseg *ms)
{
	if (ms->iova == RTE_BAD_IOVA)
		return 0;
	return type == RTE_MEM_EVENT_ALLOC ? memseg_map(domain, msl, ms) : memseg_unmap(domain, ms);
}

/*
 * The first error. Pages of the EAL that follow a bad one are worth pinning;
 * external memory has one owner and one table, so one error stands for all.
 */
static int
memsegs_event(enum rte_mem_event type, struct rte_vfio_cdev_domain *domain,
	      const struct rte_memseg_list *msl, const struct rte_memseg *ms, size_t len)
{
	int ret, err = 0;
	size_t done;

	for (done = 0; done < len && memseg_is_used(msl, ms); done += ms->len, ms++) {
		ret = memseg_event(type, domain, msl, ms);
		if (err == 0)
			err = ret;
		if (err != 0 && msl->external && type == RTE_MEM_EVENT_ALLOC)
			break;
	}
	return err;
}

/* The EAL ignores errors of the callback (eal_common_memalloc.c). */
static void
unmapped_report(enum rte_vfio_cdev_mode mode, const void *addr, size_t len, int err)
{
	sink_log(RTE_VFIO_CDEV_LOG_ERR,
		 "memory at %p (%zu bytes) is in use but %s, or not all of it: %s; stop the "
		 "application and see the lines before",
		 addr, len,
		 mode == NOIOMMU	  ? "neither pinned nor verified" :
			 mode == PIN_ONLY ? "not pinned" :
					    "out of reach of the devices that have an IOMMU",
		 strerror(-err));
}

/* Events concern those domains that the EAL's memory has been recorded in. */
static struct rte_vfio_cdev_domain *
recorded_domain(enum rte_vfio_cdev_mode mode)
{
	struct rte_vfio_cdev_domain *domain;

	pthread_mutex_lock(&backend_lock);
	domain = backend.recorded[mode] ? backend.domains[mode] : NULL;
	pthread_mutex_unlock(&backend_lock);
	return domain;
}

/*
 * Memory that the thread's last FREE event has unmapped. The EAL removes these pages from
 * their list next, on the same thread (eal_memalloc_free_seg_bulk() in eal_memalloc.c),
 * before it adds another one.
 */
static __thread struct {
	const void *addr;
	size_t len;
	bool from[RTE_VFIO_CDEV_MODES];
} freed;

bool
memseg_is_freed(const void *page, enum rte_vfio_cdev_mode mode)
{
	return freed.from[mode] && page >= freed.addr && RTE_PTR_DIFF(page, freed.addr) < freed.len;
}

void
memseg_freed_reset(void)
{
	freed.len = 0;
}

static void
memory_event(enum rte_mem_event type, const void *addr, size_t len, void *arg)
{
	const struct rte_memseg_list *msl = eal_api()->virt2memseg_list(addr);
	const struct rte_memseg *ms = eal_api()->virt2memseg(addr, msl);
	struct rte_vfio_cdev_domain *domain;
	int err;

	(void)arg;
	if (ms == NULL || is_forked())
		return;
	freed.addr = addr;
	freed.len = len;
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		domain = recorded_domain(mode);
		err = domain != NULL ? memsegs_event(type, domain, msl, ms, len) : 0;
		if (err != 0 && type == RTE_MEM_EVENT_ALLOC)
			unmapped_report(mode, addr, len, err);
		freed.from[mode] = domain != NULL && type == RTE_MEM_EVENT_FREE && err == 0;
	}
}

static int
events_register(void)
{
	int err = 0;

	if (backend.events)
		return 0;
	if (eal_api()->event_register(EVENT_NAME, memory_event, NULL) != 0)
		err = eal_errno_get() != 0 ? eal_errno_get() : EPROTO;
	/* With --legacy-mem and --no-huge there are no events: the EAL's memory is fixed. */
	backend.events = err == 0 || err == ENOTSUP;
	if (err == ENOTSUP)
		sink_log(RTE_VFIO_CDEV_LOG_INFO,
			 "the EAL reports no memory (--legacy-mem or --no-huge): external heaps "
			 "that are added from now on are not mapped; add them before the first "
			 "device, or map them with rte_vfio_container_dma_map()");
	if (backend.events)
		return 0;
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "cannot register for memory events of the EAL: %s",
		 strerror(err));
	return -err;
}

/* Both locks are held, so that nothing changes between the walk and the events. */
static int
memseg_record(enum rte_vfio_cdev_mode mode)
{
	struct walk walk = { .domain = backend.domains[mode] };

	if (backend.recorded[mode])
		return 0;
	if (eal_api()->memseg_walk(walk_visit, &walk) == 0)
		walk.err = events_register();
	backend.recorded[mode] = walk.err == 0;
	while (walk.err != 0 && walk.count > 0)
		memseg_unmap(walk.domain, walk.recorded[--walk.count]);
	free(walk.recorded);
	return walk.err;
}

static int
memseg_is_own(const struct rte_memseg_list *msl, const struct rte_memseg *ms, void *arg)
{
	(void)ms;
	(void)arg;
	return !msl->external;
}

bool
memseg_any_own(void)
{
	int ret;

	eal_api()->mem_read_lock();
	ret = eal_api()->memseg_walk(memseg_is_own, NULL);
	eal_api()->mem_read_unlock();
	return ret == 1;
}

int
memseg_attach(enum rte_vfio_cdev_mode mode)
{
	int ret;

	eal_api()->mem_read_lock();
	pthread_mutex_lock(&backend_lock);
	ret = memseg_record(mode);
	pthread_mutex_unlock(&backend_lock);
	eal_api()->mem_read_unlock();
	if (ret == 0)
		ret = rte_vfio_cdev_domain_settle(backend.domains[mode]);
	if (mode != TRANSLATED)
		domain_keep_provisional_end();
	return ret;
}
