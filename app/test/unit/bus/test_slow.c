/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * BIND of a device and MAP of large memory take long, and no other call waits for
 * them; RTE_VFIO_CDEV=prefer.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include <rte_errno.h>

#include "device_table.h"
#include "fake_telemetry.h"
#include "test_bus_mp.h"

#define GROUP 12
/* Until the others have gone on; whoever waits for it finds it done. */
#define SLOW_MS 100000
#define GROWN (64 * FAKE_HUGE)

/* A device that is plugged in another thread. */
static struct {
	pthread_t thread;
	atomic_bool done;
	int ret;
	int fd;
} plug;

static void *
plug_run(void *arg)
{
	plug.ret = bus_setup(arg, &plug.fd);
	plug.done = true;
	return NULL;
}

static void
wait_ms(unsigned int ms)
{
	const struct timespec time = { .tv_nsec = ms * 1000000L };

	nanosleep(&time, NULL);
}

/* Until it has its place, and a little more: it is being bound. */
static void
plug_begin(void)
{
	fake.bind_ms = SLOW_MS;
	fake_eal()->group = GROUP;
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	plug.done = false;
	assert_int_equal(pthread_create(&plug.thread, NULL, plug_run, (void *)(uintptr_t)BUS_ADDR),
			 0);
	while (!device_has_group(GROUP))
		wait_ms(1);
	wait_ms(50);
}

static void
plug_end(void)
{
	const bool waited = plug.done;

	__atomic_store_n(&fake.bind_ms, 0, __ATOMIC_RELAXED);
	pthread_join(plug.thread, NULL);
	assert_false(waited);
	assert_int_equal(plug.ret, 0);
}

static int
slow_begin(void **state)
{
	bus_begin(state);
	fake_eal()->pagemap = fake_phys;
	bus_memory(2);
	fake_eal_memseg(fake_eal_list(false, true), FAKE_VA(GROWN), RTE_BAD_IOVA, FAKE_HUGE);
	fake_eal_use(FAKE_VA(GROWN), false);
	return bus_enable_unprimed();
}

/* As eal_memalloc.c does it. */
static void
heap_grows(void)
{
	struct rte_memseg *ms = rte_mem_virt2memseg(FAKE_VA(GROWN),
						    rte_mem_virt2memseg_list(FAKE_VA(GROWN)));

	rte_mcfg_mem_write_lock();
	ms->iova = fake_eal_ask(ms->addr);
	fake_eal_use(ms->addr, true);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, ms->addr, ms->len);
	rte_mcfg_mem_write_unlock();
	assert_int_equal(ms->iova, FAKE_PHYS(GROWN));
}

static void
heap_shrinks(void *va)
{
	rte_mcfg_mem_write_lock();
	fake_eal_event(RTE_MEM_EVENT_FREE, va, FAKE_HUGE);
	fake_eal_drop(va);
	rte_mcfg_mem_write_unlock();
}

static void
secondary_asks(int err)
{
	struct wire wire = {
		.magic = WIRE_MAGIC, .version = WIRE_VERSION, .kind = REQUEST, .addr = BUS_ADDR
	};
	struct rte_mp_msg *msg = calloc(1, sizeof(*msg));

	memcpy(msg->param, &wire, sizeof(wire));
	msg->len_param = WIRE_LEN;
	assert_int_equal(fake_eal()->mp_action(msg, "peer"), 0);
	free(msg);
	memcpy(&wire, fake_eal_replied()->param, sizeof(wire));
	assert_int_equal(wire.err, err);
}

static void
telemetry_asks(void)
{
	char *reply = fake_telemetry_ask("/vfio_cdev/devices");

	assert_string_equal(reply, "{\"process\":\"primary\",\"count\":0,\"devices\":[]}");
	free(reply);
	free(fake_telemetry_ask("/vfio_cdev/domains"));
	free(fake_telemetry_ask("/vfio_cdev/mappings"));
	free(fake_telemetry_ask("/vfio_cdev/stats"));
}

static void
application_maps(void)
{
	const uint64_t va = (uintptr_t)FAKE_VA(FAR);
	const int container = RTE_VFIO_DEFAULT_CONTAINER_FD;

	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), FAKE_PHYS(FAR));
	assert_int_equal(rte_vfio_container_dma_map(container, va, FAKE_PHYS(FAR), FAKE_PAGE), 0);
	assert_int_equal(rte_vfio_container_dma_map(container, va + FAKE_PAGE,
						    FAKE_PHYS(FAR + FAKE_PAGE), FAKE_PAGE),
			 0);
	assert_int_equal(rte_vfio_container_dma_unmap(container, va, FAKE_PHYS(FAR), FAKE_PAGE), 0);
}

/* What happened meanwhile is as if it had happened before. */
static void
others_go_on_while_a_device_is_bound(void **state)
{
	(void)state;
	plug_begin();
	heap_grows();
	heap_shrinks(FAKE_VA(0));
	secondary_asks(EAGAIN);
	telemetry_asks();
	application_maps();
	plug_end();
	/* The address of what was unmapped again was given all the same. */
	assert_kernel_holds(2, 4, 2 * FAKE_HUGE + 2 * FAKE_PAGE);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	heap_shrinks(FAKE_VA(GROWN));
	assert_kernel_holds(2, 3, FAKE_HUGE + 2 * FAKE_PAGE);
}

/* Its place is taken, and it is not there. */
static void
device_that_is_being_bound_is_in_use(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = 5;

	(void)state;
	plug_begin();
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_logged(ERR, BUS_ADDR, "cannot set up", strerror(EBUSY), "try again");
	assert_int_equal(rte_vfio_release_device(fake_sysfs_base(), BUS_ADDR, 5), -1);
	assert_logged(ERR, BUS_ADDR, "cannot release", strerror(EBUSY), "try again");
	for (fd = 0; fd <= 5; fd += 5)
		assert_int_equal(rte_vfio_get_device_info(fake_sysfs_base(), BUS_ADDR, &fd, &info),
				 -1);
	assert_logged(ERR, BUS_ADDR, "cannot query", strerror(EBUSY), "try again");
	assert_int_equal(stock_calls(STOCK_RELEASE), 0);
	assert_int_equal(stock_calls(STOCK_DEVICE_INFO), 0);
	plug_end();
}

/* Mapping the application's memory takes as long. */
static uint64_t mapped_from;
static int mapped_ret;
static atomic_bool mapped;

static void *
map_run(void *container)
{
	mapped_ret = rte_vfio_container_dma_map(*(int *)container, (uintptr_t)FAKE_VA(FAR),
						mapped_from, FAKE_PAGE);
	mapped = true;
	return NULL;
}

static void
others_go_on_while_memory_is_mapped(void **state)
{
	int fd, fd2, container = RTE_VFIO_DEFAULT_CONTAINER_FD;
	pthread_t thread;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	mapped_from = FAKE_PHYS(FAR);
	mapped = false;
	fake.map_ms = SLOW_MS;
	assert_int_equal(pthread_create(&thread, NULL, map_run, &container), 0);
	wait_ms(50);
	secondary_asks(0);
	assert_true(rte_vfio_get_container_fd() >= 0);
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd2), 0);
	assert_int_equal(bus_release(BUS_STOCK_ADDR, fd2), 0);
	assert_false(mapped);
	__atomic_store_n(&fake.map_ms, 0, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(mapped_ret, 0);
	assert_int_equal(rte_vfio_container_dma_unmap(container, (uintptr_t)FAKE_VA(FAR),
						      FAKE_PHYS(FAR), FAKE_PAGE),
			 0);
}

/* It is freed when its last user drops it. */
static void
container_is_destroyed_while_memory_is_mapped(void **state)
{
	int container, fd;
	pthread_t thread;

	(void)state;
	bus_translated(true);
	bus_group_add(GROUP, BUS_ADDR3);
	fake_eal()->group = GROUP;
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	container = rte_vfio_container_create();
	assert_true(container >= 0);
	assert_true(rte_vfio_container_group_bind(container, GROUP) >= 0);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	mapped_from = 0x10000000;
	fake.map_ms = 500;
	assert_int_equal(pthread_create(&thread, NULL, map_run, &container), 0);
	wait_ms(50);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
	assert_int_equal(rte_vfio_container_destroy(container), -1);
	pthread_join(thread, NULL);
	assert_kernel_holds(0, 0, 0);
}

#define SLOW_TEST(name) cmocka_unit_test_setup_teardown(name, slow_begin, bus_end)

int
bus_slow_tests(void)
{
	const struct CMUnitTest tests[] = {
		SLOW_TEST(others_go_on_while_a_device_is_bound),
		SLOW_TEST(device_that_is_being_bound_is_in_use),
		SLOW_TEST(others_go_on_while_memory_is_mapped),
		SLOW_TEST(container_is_destroyed_while_memory_is_mapped),
	};

	return cmocka_run_group_tests_name("bus: what takes long", tests, NULL, NULL);
}
