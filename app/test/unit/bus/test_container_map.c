/* SPDX-License-Identifier: BSD-3-Clause */

/* An application's own memory in the default container; RTE_VFIO_CDEV=prefer. */

#include <errno.h>

#include <rte_errno.h>

#include "test_bus.h"

static int
map(int container, uint64_t offset, uint64_t len)
{
	return bus_map(container, offset, FAKE_PHYS(offset), len);
}

static int
unmap(int container, uint64_t offset, uint64_t len)
{
	return bus_unmap(container, offset, FAKE_PHYS(offset), len);
}

/* A device of each kind; stock maps and unmaps as requested. */
static void
both_setup(void)
{
	int fd, stock_fd;

	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &stock_fd), 0);
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	fake_eal()->stock[STOCK_DMA_MAP].err = 0;
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = 0;
	fake_eal()->stock[STOCK_DMA_UNMAP].err = 0;
}

static void
memory_is_mapped_and_unmapped(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(DEFAULT, 0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(map(rte_vfio_get_container_fd(), 0, LEN), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(rte_vfio_get_container_fd(), 0, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 0);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 0);
}

/* Its pages may be of any size. */
static void
each_base_page_is_verified(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_page_move(FAKE_VA(5 * FAKE_PAGE), FAKE_PHYS(FAKE_HUGE));
	assert_int_equal(map(DEFAULT, 0, FAKE_HUGE), -1);
	assert_int_equal(rte_errno, EADDRNOTAVAIL);
	assert_kernel_holds(2, 0, 0);
}

/* vhost takes ENODEV and EINVAL as "no device needs it". */
static void
without_any_cdev_stock_answers(void **state)
{
	(void)state;
	fake_sysfs_reset();
	assert_int_equal(map(DEFAULT, 0, LEN), -1);
	assert_int_equal(rte_errno, ENODEV);
	assert_int_equal(unmap(DEFAULT, 0, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 1);
}

static void
errors_are_those_of_stock(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(map(DEFAULT, 0, 0), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(map(DEFAULT, 1, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(unmap(DEFAULT, 0, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	assert_int_equal(rte_vfio_container_dma_map(DEFAULT, (uintptr_t)FAKE_VA(0),
						    FAKE_PHYS(FAKE_PAGE), LEN),
			 -1);
	assert_int_equal(rte_errno, EEXIST);
	assert_int_equal(unmap(DEFAULT, LEN / 2, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
	fake_fail(FAKE_MAP, 1, ENOMEM);
	assert_int_equal(map(DEFAULT, LEN, LEN), -1);
	assert_int_equal(rte_errno, ENOMEM);
	assert_kernel_holds(2, 1, LEN);
}

static void
part_of_a_mapping_is_unmapped(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	assert_int_equal(unmap(DEFAULT, FAKE_PAGE, FAKE_PAGE), 0);
	assert_kernel_holds(2, 2, LEN - FAKE_PAGE);
	assert_int_equal(unmap(DEFAULT, FAKE_PAGE, FAKE_PAGE), -1);
	assert_int_equal(rte_errno, EINVAL);
}

static void
other_containers_go_to_stock(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = 0;
	assert_int_equal(map(55, 0, LEN), 0);
	assert_int_equal(unmap(55, 0, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 1);
	assert_kernel_holds(2, 0, 0);
}

/* The domain, and what is in it, is the primary's. */
static void
memory_of_a_secondary_is_stocks(void **state)
{
	(void)state;
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

/* Addresses were asked for, then the EAL chose virtual ones as IOVA. */
static void
memory_by_virtual_address_is_stocks(void **state)
{
	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_DC;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), FAKE_PHYS(0));
	fake_eal()->iova_mode = RTE_IOVA_VA;
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = 0;
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	assert_int_equal(unmap(DEFAULT, 0, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 1);
	assert_kernel_holds(1, 0, 0);
}

static void
both_kinds_of_device_get_the_memory(void **state)
{
	(void)state;
	both_setup();
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(DEFAULT, 0, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 1);
	assert_kernel_holds(2, 0, 0);
}

static void
memory_that_stock_refuses_is_unmapped_again(void **state)
{
	(void)state;
	both_setup();
	fake_eal()->stock[STOCK_DMA_MAP].ret = -1;
	fake_eal()->stock[STOCK_DMA_MAP].err = ENOSPC;
	assert_int_equal(map(DEFAULT, 0, LEN), -1);
	assert_int_equal(rte_errno, ENOSPC);
	assert_kernel_holds(2, 0, 0);
}

static void
memory_that_is_not_confirmed_does_not_reach_stock(void **state)
{
	(void)state;
	both_setup();
	fake_page_move(FAKE_VA(0), FAKE_PHYS(FAKE_HUGE));
	assert_int_equal(map(DEFAULT, 0, LEN), -1);
	assert_int_equal(rte_errno, EADDRNOTAVAIL);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 0);
}

static void
memory_that_is_not_unpinned_stays_mapped_for_stock(void **state)
{
	(void)state;
	both_setup();
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	fake_fail(FAKE_UNMAP, 1, EBUSY);
	assert_int_equal(unmap(DEFAULT, 0, LEN), -1);
	assert_int_equal(rte_errno, EBUSY);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 0);
	assert_kernel_holds(2, 1, LEN);
}

/* Mapped for a device of stock before there was one with a cdev. */
static void
memory_that_only_stock_knows_is_unmapped_by_stock(void **state)
{
	(void)state;
	both_setup();
	assert_int_equal(unmap(DEFAULT, 0, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 1);
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = -1;
	fake_eal()->stock[STOCK_DMA_UNMAP].err = EINVAL;
	assert_int_equal(unmap(DEFAULT, 0, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
}

static void
released_device_of_stock_is_not_asked_any_more(void **state)
{
	int fd, stock_fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &stock_fd), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(bus_release(BUS_STOCK_ADDR, stock_fd), 0);
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	assert_int_equal(unmap(DEFAULT, 0, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 0);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 0);
}

/* Their teardown order is the application's. */
static void
memory_of_the_application_outlives_the_last_device(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	assert_kernel_holds(1, 1, LEN);
	assert_int_equal(unmap(DEFAULT, 0, LEN), 0);
	assert_kernel_holds(1, 0, 0);
}

static void
memory_before_the_first_device_is_pinned_for_it(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	assert_int_equal(map(DEFAULT, LEN, LEN), 0);
	assert_kernel_holds(0, 0, 0);
	assert_int_equal(unmap(DEFAULT, LEN, LEN), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(DEFAULT, 0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

static void
wrong_memory_before_the_first_device_refuses_it(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(map(DEFAULT, 0, LEN), 0);
	fake_page_move(FAKE_VA(FAKE_PAGE), FAKE_PHYS(FAKE_HUGE));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_kernel_holds(0, 0, 0);
	assert_int_equal(unmap(DEFAULT, 0, LEN), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
}

int
bus_container_map_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(memory_is_mapped_and_unmapped),
		BUS_TEST(each_base_page_is_verified),
		BUS_TEST(without_any_cdev_stock_answers),
		BUS_TEST(errors_are_those_of_stock),
		BUS_TEST(part_of_a_mapping_is_unmapped),
		BUS_TEST(other_containers_go_to_stock),
		BUS_TEST(memory_of_a_secondary_is_stocks),
		BUS_TEST(memory_by_virtual_address_is_stocks),
		BUS_TEST(both_kinds_of_device_get_the_memory),
		BUS_TEST(memory_that_stock_refuses_is_unmapped_again),
		BUS_TEST(memory_that_is_not_confirmed_does_not_reach_stock),
		BUS_TEST(memory_that_is_not_unpinned_stays_mapped_for_stock),
		BUS_TEST(memory_that_only_stock_knows_is_unmapped_by_stock),
		BUS_TEST(released_device_of_stock_is_not_asked_any_more),
		BUS_TEST(memory_of_the_application_outlives_the_last_device),
		BUS_TEST(memory_before_the_first_device_is_pinned_for_it),
		BUS_TEST(wrong_memory_before_the_first_device_refuses_it),
	};

	return cmocka_run_group_tests_name("bus: container", tests, NULL, NULL);
}
