/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Everything at once, from several threads: TSAN sees the data that is not
 * guarded, the fake EAL a memory lock that is taken twice, and the hook of that
 * lock one that is taken in the wrong order.
 */

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "test_bus_mp.h"

#define ROUNDS 100
#define GROUP 7 /* of BUS_ADDR4 */
/* Where the threads have memory of their own: each far from the others. */
#define OWN(number) ((1000 + (uint64_t)(number)) * FAKE_HUGE)
#define IOVA UINT64_C(0x10000000)
#define GROWN (64 * FAKE_HUGE)

struct worker {
	/* How many things went wrong in a round. */
	unsigned int (*round)(const struct worker *w);
	const char *addr; /* of the device that it uses, if any */
	pthread_t thread;
	unsigned int number;
	unsigned int errors;
};

static unsigned int
device_round(const struct worker *w)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = -1, asked = 0, group;
	unsigned int errors = 0;

	if (rte_vfio_setup_device(fake_sysfs_base(), w->addr, &fd, &info) != 0)
		return 1;
	errors += rte_vfio_get_group_num(fake_sysfs_base(), w->addr, &group) != 1 ||
		rte_vfio_get_group_fd(group) != -ENOENT;
	errors += rte_vfio_get_device_info(fake_sysfs_base(), w->addr, &asked, &info) != 0;
	errors += asked != fd;
	errors += rte_vfio_release_device(fake_sysfs_base(), w->addr, fd) != 0;
	return errors;
}

/*
 * One of several that want the same device: the others get the error that it is in use.
 * So does one that comes while a secondary is given the device, for its file is bound.
 */
static unsigned int
contender_round(const struct worker *w)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = -1;

	if (rte_vfio_setup_device(fake_sysfs_base(), w->addr, &fd, &info) != 0)
		return fd != -1;
	return rte_vfio_release_device(fake_sysfs_base(), w->addr, fd) != 0;
}

static unsigned int
container_round(const struct worker *w)
{
	const uint64_t va = (uintptr_t)FAKE_VA(OWN(w->number));
	struct vfio_device_info info = { .argsz = sizeof(info) };
	const int container = rte_vfio_container_create();
	unsigned int errors = container < 0;
	int fd = -1;

	errors += rte_vfio_container_group_bind(container, GROUP) < 0;
	errors += rte_vfio_setup_device(fake_sysfs_base(), w->addr, &fd, &info) != 0;
	errors += rte_vfio_container_dma_map(container, va, IOVA, FAKE_HUGE) != 0;
	errors += rte_vfio_container_dma_unmap(container, va, IOVA, FAKE_HUGE) != 0;
	errors += rte_vfio_release_device(fake_sysfs_base(), w->addr, fd) != 0;
	errors += rte_vfio_container_group_unbind(container, GROUP) != 0;
	errors += rte_vfio_container_destroy(container) != 0;
	return errors;
}

static unsigned int
map_both_ways(uint64_t offset, uint64_t iova, uint64_t len)
{
	const uint64_t va = (uintptr_t)FAKE_VA(offset);

	return (rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, va, iova, len) != 0) +
		(rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD, va, iova, len) != 0);
}

static unsigned int
user_memory_round(const struct worker *w)
{
	const uint64_t offset = OWN(w->number);

	return (rte_mem_virt2iova(FAKE_VA(offset)) != FAKE_PHYS(offset)) +
		map_both_ways(offset, FAKE_PHYS(offset), 4 * FAKE_PAGE);
}

static unsigned int
user_memory_where_it_is_round(const struct worker *w)
{
	return map_both_ways(OWN(w->number), 0, 4 * FAKE_PAGE);
}

/* As eal_memalloc.c does it: the address, the event and the end under the lock. */
static unsigned int
eal_memory_round(const struct worker *w)
{
	struct rte_memseg *ms = rte_mem_virt2memseg(FAKE_VA(GROWN),
						    rte_mem_virt2memseg_list(FAKE_VA(GROWN)));
	unsigned int errors;

	(void)w;
	rte_mcfg_mem_write_lock();
	ms->iova = fake_eal_ask(ms->addr);
	fake_eal_use(ms->addr, true);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, ms->addr, ms->len);
	rte_mcfg_mem_write_unlock();
	errors = ms->iova != FAKE_PHYS(GROWN);
	rte_mcfg_mem_write_lock();
	fake_eal_event(RTE_MEM_EVENT_FREE, ms->addr, ms->len);
	fake_eal_drop(ms->addr);
	rte_mcfg_mem_write_unlock();
	return errors;
}

/*
 * Queries, each in a thread of its own: a thread that also takes a lock for
 * something else would be ordered with the others by it, and hide a missing lock
 * from TSAN.
 */
static unsigned int
info_round(const struct worker *w)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int foreign = INT_MAX;

	return rte_vfio_get_device_info(fake_sysfs_base(), w->addr, &foreign, &info) > 0;
}

static unsigned int
group_round(const struct worker *w)
{
	(void)w;
	return rte_vfio_get_group_fd(GROUP + 1) != -1;
}

static unsigned int
container_fd_round(const struct worker *w)
{
	(void)w;
	return rte_vfio_get_container_fd() < 0;
}

static unsigned int
address_round(const struct worker *w)
{
	(void)w;
	return rte_mem_virt2iova(FAKE_VA(5)) != FAKE_PHYS(5);
}

static unsigned int
enabled_round(const struct worker *w)
{
	(void)w;
	return (rte_vfio_is_enabled("vfio") != 1) + (rte_vfio_noiommu_is_enabled() != 1);
}

/* What the mp thread does for a secondary. */
static unsigned int
secondary_round(const struct worker *w)
{
	struct wire wire = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .kind = REQUEST };
	struct rte_mp_msg *msg = calloc(1, sizeof(*msg));
	unsigned int errors;

	memcpy(wire.addr, w->addr, strlen(w->addr));
	memcpy(msg->param, &wire, sizeof(wire));
	msg->len_param = WIRE_LEN;
	errors = fake_eal()->mp_action(msg, "peer") != 0;
	free(msg);
	memcpy(&wire, fake_eal_replied()->param, sizeof(wire));
	return errors + (wire.err != 0 && wire.err != ENODEV && wire.err != EAGAIN);
}

static void *
worker_run(void *arg)
{
	struct worker *w = arg;

	for (unsigned int i = 0; i < ROUNDS; i++)
		w->errors += w->round(w);
	return NULL;
}

static atomic_bool order_is_wrong;

/* Another thread may have backend_lock, but not the one that is about to take the memory lock. */
static void
order_look(void)
{
	if (pthread_mutex_lock(&backend_lock) == EDEADLK)
		order_is_wrong = true;
	else
		pthread_mutex_unlock(&backend_lock);
}

static void
backend_lock_make(int type)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutex_destroy(&backend_lock);
	assert_int_equal(pthread_mutex_init(&backend_lock, &attr), 0);
	pthread_mutexattr_destroy(&attr);
}

static void
workers_run(struct worker *workers, unsigned int count)
{
	order_is_wrong = false;
	fake_eal()->lock_hook = order_look;
	for (unsigned int i = 0; i < count; i++) {
		workers[i].number = i;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]),
				 0);
	}
	for (unsigned int i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	fake_eal()->lock_hook = NULL;
	assert_false(order_is_wrong);
	for (unsigned int i = 0; i < count; i++)
		if (workers[i].errors != 0)
			fail_msg("worker %u: %u errors:\n%s", i, workers[i].errors, log_text());
}

static int
threads_begin(void **state)
{
	int fd;

	if (bus_begin(state) < 0)
		return -1;
	backend_lock_make(PTHREAD_MUTEX_ERRORCHECK);
	bus_memory(1);
	fake_eal_memseg(fake_eal_list(false, true), FAKE_VA(GROWN), RTE_BAD_IOVA, FAKE_HUGE);
	fake_eal_use(FAKE_VA(GROWN), false);
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	/* So that there is a domain, whose fd can be asked for. */
	return bus_setup(BUS_ADDR, &fd) == 0 && bus_release(BUS_ADDR, fd) == 0 ? 0 : -1;
}

static int
threads_end(void **state)
{
	backend_lock_make(PTHREAD_MUTEX_NORMAL);
	return bus_end(state);
}

/* The EAL's memory is, and nothing else that came and went. */
static void
assert_only_the_eals_memory_is_mapped(enum rte_vfio_cdev_mode mode, const char *addr)
{
	struct rte_vfio_cdev_stats stats;
	int fd;

	rte_vfio_cdev_domain_stats(backend.domains[mode], &stats);
	assert_int_equal(stats.devices, 0);
	/* With an IOMMU it is mapped while there is a device. */
	assert_int_equal(bus_setup(addr, &fd), 0);
	rte_vfio_cdev_domain_stats(backend.domains[mode], &stats);
	assert_int_equal(bus_release(addr, fd), 0);
	assert_int_equal(stats.mappings, 1);
	assert_int_equal(stats.bytes, FAKE_HUGE);
	assert_int_equal(stats.provisional, 0);
}

static void
devices_memory_and_questions_at_once(void **state)
{
	struct worker workers[] = {
		{ .round = device_round, .addr = BUS_ADDR },
		{ .round = contender_round, .addr = BUS_ADDR2 },
		{ .round = contender_round, .addr = BUS_ADDR2 },
		{ .round = user_memory_round },
		{ .round = user_memory_where_it_is_round },
		{ .round = eal_memory_round },
		{ .round = info_round, .addr = BUS_ADDR },
		{ .round = group_round },
		{ .round = container_fd_round },
		{ .round = address_round },
		{ .round = enabled_round },
		{ .round = secondary_round, .addr = BUS_ADDR2 },
	};

	(void)state;
	workers_run(workers, RTE_DIM(workers));
	assert_only_the_eals_memory_is_mapped(NOIOMMU, BUS_ADDR);
	assert_kernel_holds(1, 1, FAKE_HUGE);
	assert_true(fake_calls(FAKE_BIND) > ROUNDS);
}

static void
devices_of_both_modes_and_containers_at_once(void **state)
{
	struct worker workers[] = {
		{ .round = device_round, .addr = BUS_ADDR },
		{ .round = device_round, .addr = BUS_ADDR3 },
		{ .round = container_round, .addr = BUS_ADDR4 },
		{ .round = user_memory_round },
		{ .round = eal_memory_round },
		{ .round = info_round, .addr = BUS_ADDR },
		{ .round = group_round },
		{ .round = container_fd_round },
		{ .round = address_round },
		{ .round = enabled_round },
	};

	(void)state;
	bus_translated(false);
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	fake_eal()->group = GROUP;
	fake_eal()->group_addr = BUS_ADDR4;
	bus_group_add(GROUP, BUS_ADDR4);
	workers_run(workers, RTE_DIM(workers));
	assert_only_the_eals_memory_is_mapped(NOIOMMU, BUS_ADDR);
	assert_only_the_eals_memory_is_mapped(TRANSLATED, BUS_ADDR3);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

#define THREADS_TEST(name) cmocka_unit_test_setup_teardown(name, threads_begin, threads_end)

int
bus_threads_tests(void)
{
	const struct CMUnitTest tests[] = {
		THREADS_TEST(devices_memory_and_questions_at_once),
		THREADS_TEST(devices_of_both_modes_and_containers_at_once),
	};

	return cmocka_run_group_tests_name("bus: threads", tests, NULL, NULL);
}
