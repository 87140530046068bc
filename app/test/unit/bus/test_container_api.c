/* SPDX-License-Identifier: BSD-3-Clause */

/* Containers that the application has created; RTE_VFIO_CDEV=prefer. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <rte_errno.h>

#include "fake_heap.h"
#include "test_bus.h"

#define IOVA UINT64_C(0x10000000)
#define GROUP 7	 /* of BUS_ADDR3 */
#define GROUP2 8 /* of BUS_ADDR, without an IOMMU */
#define GROUP3 9 /* of BUS_STOCK_ADDR, without a cdev */

static int
container_begin(void **state)
{
	if (bus_begin(state) < 0)
		return -1;
	bus_translated(false);
	bus_group_add(GROUP, BUS_ADDR3);
	bus_group_add(GROUP2, BUS_ADDR);
	bus_group_add(GROUP3, BUS_STOCK_ADDR);
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	fake_eal()->group = GROUP;
	return 0;
}

/* What a vDPA driver does; the EAL's memory is not for its device. */
static void
vdpa_driver_gets_iovas_of_its_own(void **state)
{
	int container, group_fd, fd;

	(void)state;
	bus_memory(1);
	container = rte_vfio_container_create();
	assert_true(container >= 0);
	group_fd = rte_vfio_container_group_bind(container, GROUP);
	assert_true(group_fd >= 0 && group_fd != container);
	assert_int_equal(rte_vfio_get_group_fd(GROUP), group_fd);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(fake_eal_callbacks(), 0);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(bus_map(container, 0, 0, LEN), 0);
	assert_int_equal(bus_map(container, LEN, IOVA, LEN), 0);
	assert_int_equal(bus_map(container, LEN, IOVA, 0), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_kernel_holds(2, 2, 2 * LEN);
	assert_int_equal(bus_unmap(container, 0, 0, LEN), 0);
	assert_int_equal(bus_unmap(container, 0, 0, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	assert_int_equal(rte_vfio_container_group_unbind(container, GROUP), 0);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
	assert_kernel_holds(0, 0, 0);
	assert_int_equal(stock_calls(STOCK_CREATE), 0);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
}

static void
container_that_cannot_be_opened_logs_why(void **state)
{
	(void)state;
	rte_errno = 0;
	fake_fail(FAKE_OPEN, 1, EMFILE);
	assert_int_equal(rte_vfio_container_create(), -1);
	assert_int_equal(rte_errno, EMFILE);
}

static void
device_without_an_iommu_is_refused(void **state)
{
	const int container = rte_vfio_container_create();

	(void)state;
	assert_int_equal(rte_vfio_container_group_bind(container, GROUP2), -1);
	assert_int_equal(rte_errno, EOPNOTSUPP);
	assert_logged(ERR, "cannot bind a group", strerror(EOPNOTSUPP), "no IOMMU",
		      "default container");
	assert_int_equal(rte_vfio_container_group_bind(container, 1 << 24), -1);
	assert_int_equal(stock_calls(STOCK_BIND), 0);
	assert_int_equal(bus_map(container, 0, IOVA, LEN), -1);
	assert_int_equal(rte_errno, ENODEV);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
}

/* Stock has 64 at most. */
static void
containers_and_groups_are_without_number(void **state)
{
	int containers[6];

	(void)state;
	for (size_t i = 0; i < RTE_DIM(containers); i++) {
		containers[i] = rte_vfio_container_create();
		assert_true(containers[i] >= 0);
		for (size_t j = 0; j < i; j++)
			assert_int_not_equal(containers[i], containers[j]);
	}
	for (size_t i = 0; i < RTE_DIM(containers); i++)
		assert_int_equal(rte_vfio_container_destroy(containers[i]), 0);
	assert_kernel_holds(0, 0, 0);
	for (int group = 100; group < 300; group++) {
		bus_group_add(group, BUS_ADDR3);
		assert_true(rte_vfio_container_group_bind(-1, group) >= 0);
	}
	for (int group = 100; group < 300; group++)
		assert_int_equal(rte_vfio_container_group_unbind(-1, group), 0);
}

static void
containers_have_memory_of_their_own(void **state)
{
	int first, second, fd, fd4;

	(void)state;
	first = rte_vfio_container_create();
	second = rte_vfio_container_create();
	bus_group_add(GROUP + 100, BUS_ADDR4);
	assert_true(rte_vfio_container_group_bind(first, GROUP) >= 0);
	assert_true(rte_vfio_container_group_bind(second, GROUP + 100) >= 0);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	fake_eal()->group = GROUP + 100;
	assert_int_equal(bus_setup(BUS_ADDR4, &fd4), 0);
	assert_int_equal(bus_map(first, 0, IOVA, LEN), 0);
	assert_int_equal(bus_map(second, LEN, IOVA, LEN), 0);
	assert_int_equal(bus_unmap(second, 0, IOVA, LEN), -1);
	assert_kernel_holds(4, 2, 2 * LEN);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	assert_int_equal(bus_release(BUS_ADDR4, fd4), 0);
	assert_int_equal(rte_vfio_container_destroy(first), 0);
	assert_int_equal(rte_vfio_container_destroy(second), 0);
	assert_kernel_holds(0, 0, 0);
}

static void
misuse_is_an_error_and_changes_nothing(void **state)
{
	const int container = rte_vfio_container_create();
	const int other = rte_vfio_container_create();
	int group_fd;

	(void)state;
	assert_int_equal(rte_vfio_container_group_bind(12345, GROUP), -1);
	assert_logged(ERR, "container 12345", strerror(EBADF));
	assert_int_equal(rte_vfio_container_destroy(12345), -1);
	assert_int_equal(stock_calls(STOCK_DESTROY), 1);
	assert_int_equal(rte_vfio_container_group_unbind(container, GROUP), -1);
	assert_logged(ERR, "cannot unbind", strerror(ENOENT));
	group_fd = rte_vfio_container_group_bind(container, GROUP);
	assert_int_equal(rte_vfio_container_group_bind(container, GROUP), group_fd);
	assert_int_equal(rte_vfio_container_group_bind(other, GROUP), -1);
	assert_logged(ERR, "another container", strerror(EBUSY));
	assert_int_equal(rte_vfio_container_group_unbind(other, GROUP), -1);
	assert_logged(ERR, "bound to another");
	assert_int_equal(rte_vfio_container_group_bind(container, GROUP3), -1);
	assert_logged(ERR, "no cdev", strerror(ENODEV));
	assert_int_equal(rte_vfio_clear_group(group_fd + 1000), -1);
	assert_int_equal(rte_vfio_get_group_fd(GROUP), group_fd);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
	assert_int_equal(fcntl(group_fd, F_GETFD), -1);
	assert_int_equal(rte_vfio_container_destroy(container), -1);
	assert_int_equal(rte_vfio_container_group_bind(container, GROUP), -1);
	assert_int_equal(bus_map(container, 0, IOVA, LEN), -1);
	assert_int_equal(rte_vfio_container_destroy(other), 0);
	assert_int_equal(stock_calls(STOCK_BIND), 0);
}

static void
group_of_a_device_in_use_is_not_bound(void **state)
{
	const int container = rte_vfio_container_create();
	int fd, group_fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(rte_vfio_container_group_bind(container, GROUP), -1);
	assert_logged(ERR, strerror(EBUSY), "release its device");
	/* That is where it is already. */
	group_fd = rte_vfio_container_group_bind(RTE_VFIO_DEFAULT_CONTAINER_FD, GROUP);
	assert_true(group_fd >= 0);
	assert_int_equal(rte_vfio_container_group_unbind(RTE_VFIO_DEFAULT_CONTAINER_FD, GROUP), 0);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
}

/* Stock would keep it, and close it in the end. */
static void
stock_is_not_given_our_container(void **state)
{
	int container, fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR4, &fd), 0);
	assert_true(rte_vfio_get_container_fd() >= 0);
	bus_stock_works();
	container = rte_vfio_container_create();
	assert_int_equal(rte_vfio_container_destroy(container), 0);
}

static void
device_keeps_the_container_of_its_unbound_group(void **state)
{
	const int container = rte_vfio_container_create();
	int fd;

	(void)state;
	assert_true(rte_vfio_container_group_bind(container, GROUP) >= 0);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(rte_vfio_container_group_unbind(container, GROUP), 0);
	assert_int_equal(bus_map(container, 0, IOVA, LEN), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
}

/* Drivers destroy it before the bus releases the device. */
static void
device_keeps_its_destroyed_container(void **state)
{
	const int container = rte_vfio_container_create();
	int fd;

	(void)state;
	assert_true(rte_vfio_container_group_bind(container, GROUP) >= 0);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(bus_map(container, 0, IOVA, LEN), 0);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(bus_map(container, LEN, IOVA + LEN, LEN), -1);
	assert_int_equal(rte_vfio_container_destroy(container), -1);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	assert_kernel_holds(0, 0, 0);
	assert_int_equal(fake_unpinned_live(), 0);
}

static void
cleared_group_is_forgotten_and_its_fd_left(void **state)
{
	const int container = rte_vfio_container_create();
	const int group_fd = rte_vfio_container_group_bind(container, GROUP);

	(void)state;
	assert_int_equal(rte_vfio_clear_group(group_fd), 0);
	assert_int_equal(close(group_fd), 0);
	assert_int_equal(rte_vfio_container_group_unbind(container, GROUP), -1);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
	assert_int_equal(stock_calls(STOCK_CLEAR_GROUP), 0);
}

static void
container_of_stock_has_groups_of_stock(void **state)
{
	int container;

	(void)state;
	bus_stock_works();
	container = rte_vfio_container_create();
	assert_int_equal(container, STOCK_FD);
	assert_int_equal(rte_vfio_container_group_bind(container, GROUP3), 99);
	assert_int_equal(bus_map(container, 0, IOVA, LEN), 0);
	assert_int_equal(bus_unmap(container, 0, IOVA, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 1);
	assert_int_equal(rte_vfio_container_group_unbind(container, GROUP3), 0);
	fake_eal()->bound_group = GROUP3;
	assert_int_equal(rte_vfio_container_destroy(container), 0);
	assert_int_equal(stock_calls(STOCK_DESTROY), 1);
	assert_string_equal(fake_trace(), "");
}

static void
container_has_groups_of_both(void **state)
{
	int container, fd;

	(void)state;
	bus_stock_works();
	container = rte_vfio_container_create();
	assert_int_equal(rte_vfio_container_group_bind(container, GROUP3), 99);
	assert_true(rte_vfio_container_group_bind(container, GROUP) >= 0);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(bus_map(container, 0, IOVA, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_kernel_holds(2, 1, LEN);
	fake_eal()->stock[STOCK_DMA_MAP].ret = -1;
	fake_eal()->stock[STOCK_DMA_MAP].err = ENOSPC;
	assert_int_equal(bus_map(container, LEN, IOVA + LEN, LEN), -1);
	assert_int_equal(rte_errno, ENOSPC);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(bus_unmap(container, 0, IOVA, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 1);
	assert_int_equal(rte_vfio_clear_group(99), 0);
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	assert_int_equal(bus_map(container, 0, IOVA, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 2);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	fake_eal()->bound_group = GROUP3;
	assert_int_equal(rte_vfio_container_destroy(container), 0);
	assert_kernel_holds(0, 0, 0);
}

static void
memory_may_come_before_the_device(void **state)
{
	const int container = rte_vfio_container_create();
	int fd;

	(void)state;
	assert_true(rte_vfio_container_group_bind(container, GROUP) >= 0);
	assert_int_equal(bus_map(container, 0, IOVA, LEN), 0);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
}

static void
short_memory_leaves_nothing(void **state)
{
	int container;

	(void)state;
	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_int_equal(rte_vfio_container_create(), -1);
	fake_fail(FAKE_OPEN, 1, EMFILE);
	assert_int_equal(rte_vfio_container_create(), -1);
	container = rte_vfio_container_create();
	fake_heap_fail(FAKE_HEAP_MALLOC);
	assert_int_equal(rte_vfio_container_group_bind(container, GROUP), -1);
	assert_logged(ERR, strerror(ENOMEM));
	assert_int_equal(rte_vfio_container_destroy(container), 0);
	bus_stock_works();
	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_int_equal(rte_vfio_container_create(), -1);
	assert_int_equal(stock_calls(STOCK_DESTROY), 1);
}

static void
without_cdevs_stock_answers(void **state)
{
	(void)state;
	fake_sysfs_reset();
	bus_stock_works();
	assert_int_equal(rte_vfio_container_create(), STOCK_FD);
	assert_int_equal(rte_vfio_container_group_bind(STOCK_FD, GROUP), 99);
	assert_int_equal(rte_vfio_container_group_unbind(STOCK_FD, GROUP), 0);
	assert_int_equal(rte_vfio_container_destroy(STOCK_FD), 0);
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	bus_translated(false);
	assert_int_equal(rte_vfio_container_create(), STOCK_FD);
	assert_int_equal(rte_vfio_container_group_bind(STOCK_FD, GROUP), 99);
	assert_int_equal(stock_calls(STOCK_BIND), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, container_begin, bus_end)

int
bus_container_api_tests(void)
{
	const struct CMUnitTest tests[] = {
		TEST(vdpa_driver_gets_iovas_of_its_own),
		TEST(container_that_cannot_be_opened_logs_why),
		TEST(device_without_an_iommu_is_refused),
		TEST(containers_and_groups_are_without_number),
		TEST(containers_have_memory_of_their_own),
		TEST(misuse_is_an_error_and_changes_nothing),
		TEST(group_of_a_device_in_use_is_not_bound),
		TEST(stock_is_not_given_our_container),
		TEST(device_keeps_the_container_of_its_unbound_group),
		TEST(device_keeps_its_destroyed_container),
		TEST(cleared_group_is_forgotten_and_its_fd_left),
		TEST(container_of_stock_has_groups_of_stock),
		TEST(container_has_groups_of_both),
		TEST(memory_may_come_before_the_device),
		TEST(short_memory_leaves_nothing),
		TEST(without_cdevs_stock_answers),
	};

	return cmocka_run_group_tests_name("bus: containers", tests, NULL, NULL);
}
