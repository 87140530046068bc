/* SPDX-License-Identifier: BSD-3-Clause */

/* The memory of the fake EAL: its lists, its lock and its events. */

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal_memconfig.h>
#include <rte_errno.h>
#include <rte_fbarray.h>

#include "fake_eal_private.h"

#define LISTS 4
#define SEGS 16

static struct {
	struct rte_memseg_list msl;
	struct rte_memseg segs[SEGS];
	bool used[SEGS];
	unsigned int count;
} lists[LISTS];
static unsigned int list_count;
static struct {
	rte_mem_event_callback_t func;
	char name[64];
	void *arg;
} callback;
/*
 * A reader that comes while a writer waits has to wait, too, as in the EAL. A lock
 * for which a thread would wait for itself is noted as misuse and not taken.
 */
static pthread_rwlock_t lock = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static __thread unsigned int readers; /* of this thread */
static __thread bool writing;

void
fake_eal_memory_reset(void)
{
	memset(lists, 0, sizeof(lists));
	memset(&callback, 0, sizeof(callback));
	list_count = 0;
}

bool
fake_eal_memory_is_locked(void)
{
	return writing || readers != 0;
}

static void
lock_announce(void)
{
	expect(readers == 0, "the memory lock is taken twice");
	expect(!writing, "the memory lock is taken in an event");
	if (fake_eal()->lock_hook != NULL)
		fake_eal()->lock_hook();
}

void
rte_mcfg_mem_read_lock(void)
{
	lock_announce();
	if (!fake_eal_memory_is_locked())
		pthread_rwlock_rdlock(&lock);
	readers++;
}

void
rte_mcfg_mem_read_unlock(void)
{
	expect(readers != 0, "the memory lock is released twice");
	if (readers > 0 && --readers == 0 && !writing)
		pthread_rwlock_unlock(&lock);
}

void
rte_mcfg_mem_write_lock(void)
{
	lock_announce();
	if (!fake_eal_memory_is_locked())
		pthread_rwlock_wrlock(&lock);
	writing = true;
}

void
rte_mcfg_mem_write_unlock(void)
{
	writing = false;
	if (readers == 0)
		pthread_rwlock_unlock(&lock);
}

struct rte_memseg_list *
fake_eal_list(bool external, bool heap)
{
	struct rte_memseg_list *msl = &lists[list_count++].msl;

	msl->external = external;
	msl->heap = heap;
	msl->page_sz = FAKE_HUGE;
	msl->memseg_arr.elt_sz = sizeof(struct rte_memseg);
	return msl;
}

void
fake_eal_memseg(struct rte_memseg_list *msl, void *addr, rte_iova_t iova, size_t len)
{
	unsigned int i = 0;

	while (&lists[i].msl != msl)
		i++;
	if (lists[i].count == 0)
		msl->base_va = addr;
	lists[i].used[lists[i].count] = true;
	lists[i].segs[lists[i].count++] = (struct rte_memseg){
		.addr = addr,
		.iova = iova,
		.len = len,
		.hugepage_sz = msl->page_sz,
	};
	msl->len += len;
}

void
fake_eal_event(enum rte_mem_event type, void *addr, size_t len)
{
	const bool locked = writing;

	if (!locked)
		rte_mcfg_mem_write_lock();
	if (callback.func != NULL)
		callback.func(type, addr, len, callback.arg);
	if (!locked)
		rte_mcfg_mem_write_unlock();
}

unsigned int
fake_eal_callbacks(void)
{
	return callback.func != NULL;
}

int
rte_memseg_walk_thread_unsafe(rte_memseg_walk_t func, void *arg)
{
	int ret;

	expect(readers != 0, "memory is walked without its lock");
	for (unsigned int i = 0; i < list_count; i++) {
		for (unsigned int j = 0; j < lists[i].count; j++) {
			if (!lists[i].used[j])
				continue;
			ret = func(&lists[i].msl, &lists[i].segs[j], arg);
			if (ret != 0)
				return ret < 0 ? -1 : 1;
		}
	}
	return 0;
}

struct rte_memseg_list *
rte_mem_virt2memseg_list(const void *virt)
{
	for (unsigned int i = 0; i < list_count; i++)
		if (virt >= lists[i].msl.base_va &&
		    virt < (void *)((char *)lists[i].msl.base_va + lists[i].msl.len))
			return &lists[i].msl;
	return NULL;
}

struct rte_memseg *
rte_mem_virt2memseg(const void *virt, const struct rte_memseg_list *msl)
{
	if (msl == NULL)
		return NULL;
	for (unsigned int i = 0; i < list_count; i++)
		for (unsigned int j = 0; &lists[i].msl == msl && j < lists[i].count; j++)
			if (lists[i].segs[j].addr <= virt &&
			    virt < (void *)((char *)lists[i].segs[j].addr + msl->page_sz))
				return &lists[i].segs[j];
	return NULL;
}

/* Segments are found by their list's array, and an index. */
void *
rte_fbarray_get(const struct rte_fbarray *arr, unsigned int idx)
{
	for (unsigned int i = 0; i < list_count; i++)
		if (&lists[i].msl.memseg_arr == arr && idx < lists[i].count)
			return &lists[i].segs[idx];
	return NULL;
}

static bool *
fbarray_used(const struct rte_fbarray *arr, unsigned int idx)
{
	for (unsigned int i = 0; i < list_count; i++)
		if (&lists[i].msl.memseg_arr == arr && idx < lists[i].count)
			return &lists[i].used[idx];
	return NULL;
}

int
rte_fbarray_is_used(struct rte_fbarray *arr, unsigned int idx)
{
	const bool *used = fbarray_used(arr, idx);

	return used != NULL ? *used : -1;
}

int
rte_fbarray_find_idx(const struct rte_fbarray *arr, const void *elt)
{
	for (unsigned int i = 0; i < list_count; i++)
		for (unsigned int j = 0; &lists[i].msl.memseg_arr == arr && j < lists[i].count; j++)
			if (elt == &lists[i].segs[j])
				return j;
	return -1;
}

/* What is in the element stays. */
int
rte_fbarray_set_free(struct rte_fbarray *arr, unsigned int idx)
{
	bool *used = fbarray_used(arr, idx);

	if (used == NULL)
		return -1;
	*used = false;
	return 0;
}

void
fake_eal_use(const void *addr, bool used)
{
	const struct rte_memseg_list *msl = rte_mem_virt2memseg_list(addr);

	*fbarray_used(&msl->memseg_arr, RTE_PTR_DIFF(addr, msl->base_va) / msl->page_sz) = used;
}

int
rte_mem_event_callback_register(const char *name, rte_mem_event_callback_t clb, void *arg)
{
	expect(!writing, "a callback is registered in an event");
	RTE_PER_LCORE(_rte_errno) = fake_eal()->register_errno;
	if (fake_eal()->register_errno != 0)
		return -1;
	expect(callback.func == NULL, "the callback is registered twice");
	expect(readers != 0, "memory can change between the walk and the registration");
	callback.func = clb;
	callback.arg = arg;
	snprintf(callback.name, sizeof(callback.name), "%s", name);
	return 0;
}

int
rte_mem_event_callback_unregister(const char *name, void *arg)
{
	expect(!writing, "a callback is unregistered in an event");
	if (fake_eal()->register_errno != 0)
		return -1;
	expect(callback.func != NULL && strcmp(name, callback.name) == 0 && arg == callback.arg,
	       "a callback that is not registered is unregistered");
	callback.func = NULL;
	return 0;
}
