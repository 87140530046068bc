/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices that have an IOMMU, alone and beside others; RTE_VFIO_CDEV=prefer. */

#include <errno.h>

#include <rte_errno.h>

#include "rte_bus_vfio_cdev.h"
#include "test_bus.h"

/* The EAL has pages at their virtual addresses. */
static struct rte_memseg_list *
virtual_memory(unsigned int pages)
{
	struct rte_memseg_list *msl = fake_eal_list(false, true);

	fake_eal()->iova_mode = RTE_IOVA_VA;
	for (unsigned int i = 0; i < pages; i++)
		fake_eal_memseg(msl, FAKE_VA(i * FAKE_HUGE), (uintptr_t)FAKE_VA(i * FAKE_HUGE),
				FAKE_HUGE);
	return msl;
}

static int
lookup(enum rte_vfio_cdev_mode mode, const void *va, uint64_t iova, uint64_t len)
{
	return rte_vfio_cdev_domain_lookup(backend.domains[mode], va, iova, len);
}

static int
map(uint64_t offset, uint64_t iova, uint64_t len)
{
	return bus_map(DEFAULT, offset, iova, len);
}

static int
unmap(uint64_t offset, uint64_t iova, uint64_t len)
{
	return bus_unmap(DEFAULT, offset, iova, len);
}

static void
device_is_set_up_with_virtual_addresses(void **state)
{
	int fd;

	(void)state;
	bus_translated(true);
	virtual_memory(3);
	fake.rawio = false;
	fake.get_pa_error = ENOTTY;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
	assert_true(fake_node(BUS_NODE3)->bound);
	assert_logged(INFO, "bus.vfio_cdev",
		      BUS_ADDR3 ": " BUS_NAME3 ", translated, NUMA node -1, "
				"3 pages mapped");
	assert_false(log_has(RTE_VFIO_CDEV_LOG_INFO, (const char *[]){ "verified", NULL }));
	assert_kernel_holds(2, 3, 3 * FAKE_HUGE);
	assert_int_equal(lookup(TRANSLATED, FAKE_VA(0), (uintptr_t)FAKE_VA(0), FAKE_HUGE), 0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(5)), (uintptr_t)FAKE_VA(5));
}

static void
device_is_set_up_with_physical_addresses(void **state)
{
	int fd;

	(void)state;
	bus_translated(true);
	bus_memory(2);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_kernel_holds(2, 2, 2 * FAKE_HUGE);
	assert_int_equal(lookup(TRANSLATED, FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE), 0);
	assert_int_equal(fake_calls(FAKE_GET_PA), 0);
}

/* Per page in VA mode: one event for many segments. */
static void
memory_of_the_eal_comes_and_goes(void **state)
{
	struct rte_memseg_list *msl;
	int fd, fd4;

	(void)state;
	bus_translated(true);
	msl = virtual_memory(1);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(bus_setup(BUS_ADDR4, &fd4), 0);
	for (unsigned int i = 1; i < 4; i++)
		fake_eal_memseg(msl, FAKE_VA(i * FAKE_HUGE), (uintptr_t)FAKE_VA(i * FAKE_HUGE),
				FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(FAKE_HUGE), 3 * FAKE_HUGE);
	assert_kernel_holds(3, 4, 4 * FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(2 * FAKE_HUGE), FAKE_HUGE);
	assert_kernel_holds(3, 3, 3 * FAKE_HUGE);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	assert_int_equal(bus_release(BUS_ADDR4, fd4), 0);
	/* Not pinned without a device; what is allocated now is pending as well. */
	assert_kernel_holds(1, 0, 0);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(2 * FAKE_HUGE), FAKE_HUGE);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_kernel_holds(2, 4, 4 * FAKE_HUGE);
}

static void
memory_out_of_reach_refuses_the_device(void **state)
{
	int fd;

	(void)state;
	bus_translated(true);
	virtual_memory(2);
	fake_node(BUS_NODE3)->reserved[0].start = UINT64_C(1) << 39;
	fake_node(BUS_NODE3)->reserved[0].last = UINT64_MAX;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), -1);
	assert_logged(ERR, "cannot map", "0x8000000000-0xffffffffffffffff", strerror(ERANGE));
	assert_logged(ERR, BUS_ADDR3, BUS_NAME3, strerror(ERANGE));
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(bus_setup(BUS_ADDR4, &fd), 0);
}

static void
memory_out_of_reach_that_comes_later_is_logged(void **state)
{
	struct rte_memseg_list *msl;
	int fd;

	(void)state;
	bus_translated(true);
	msl = virtual_memory(1);
	fake_node(BUS_NODE3)->reserved[0].start = (uintptr_t)FAKE_VA(FAKE_HUGE);
	fake_node(BUS_NODE3)->reserved[0].last = UINT64_MAX;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	fake_eal_memseg(msl, FAKE_VA(FAKE_HUGE), (uintptr_t)FAKE_VA(FAKE_HUGE), FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(FAKE_HUGE), FAKE_HUGE);
	assert_logged(ERR, "out of reach", strerror(ERANGE));
}

/* Any that the IOMMU translates; 0 is one, too. */
static void
application_maps_at_iovas_of_its_own(void **state)
{
	int fd;

	(void)state;
	bus_translated(true);
	fake_node(BUS_NODE3)->reserved[0].start = 0xfee00000;
	fake_node(BUS_NODE3)->reserved[0].last = 0xfeefffff;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(map(0, 0, LEN), 0);
	assert_int_equal(map(LEN, 0x10000000, LEN), 0);
	assert_int_equal(map(LEN, 0xfee00000, LEN), -1);
	assert_int_equal(rte_errno, ERANGE);
	assert_int_equal(unmap(0, FAKE_PAGE, FAKE_PAGE), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(unmap(0, 0, FAKE_PAGE), -1);
	assert_int_equal(rte_errno, ENOTSUP);
	assert_kernel_holds(2, 2, 2 * LEN);
	assert_int_equal(unmap(0, 0, LEN), 0);
	assert_int_equal(unmap(0, 0, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(unmap(LEN, 0x10000000, LEN), 0);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 0);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 0);
}

static void
domain_without_an_iommu_is_not_given_out(void **state)
{
	struct rte_vfio_cdev_domain *domain;
	int fd;

	(void)state;
	bus_translated(true);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(rte_bus_vfio_cdev_domain(&domain), -ENODEV);
	assert_int_equal(rte_vfio_get_container_fd(),
			 rte_vfio_cdev_domain_fd(backend.domains[TRANSLATED]));
}

/* One address space each, and the memory in both. */
static void
modes_stand_side_by_side(void **state)
{
	int fd, fd3;

	(void)state;
	bus_translated(false);
	bus_memory(2);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(fake_eal_callbacks(), 1);
	assert_kernel_holds(4, 4, 4 * FAKE_HUGE);
	assert_logged(INFO, BUS_ADDR, "no-IOMMU", "2 pages mapped", "2 verified");
	assert_logged(INFO, BUS_ADDR3, "translated", "2 pages mapped");
	assert_int_equal(map(2 * FAKE_HUGE, FAKE_PHYS(2 * FAKE_HUGE), LEN), 0);
	assert_kernel_holds(4, 6, 4 * FAKE_HUGE + 2 * LEN);
	assert_int_equal(unmap(2 * FAKE_HUGE, FAKE_PHYS(2 * FAKE_HUGE), LEN), 0);
	assert_kernel_holds(4, 4, 4 * FAKE_HUGE);
	assert_int_equal(bus_release(BUS_ADDR3, fd3), 0);
	assert_kernel_holds(3, 2, 2 * FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	assert_kernel_holds(3, 1, FAKE_HUGE);
	assert_int_equal(lookup(TRANSLATED, FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE), -ENOENT);
}

/* An address that is not the memory's is good for one of them only. */
static void
memory_is_mapped_for_both_modes_or_for_none(void **state)
{
	int fd, fd3;

	(void)state;
	bus_translated(false);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(map(0, 0x10000000, LEN), -1);
	assert_int_equal(rte_errno, EADDRNOTAVAIL);
	fake_fail(FAKE_MAP, 2, ENOMEM);
	assert_int_equal(map(0, FAKE_PHYS(0), LEN), -1);
	assert_int_equal(rte_errno, ENOMEM);
	assert_int_equal(map(0, 0, LEN), -1);
	assert_int_equal(rte_errno, ENOTSUP);
	assert_logged(ERR, "IOVA 0", "physical address");
	assert_kernel_holds(4, 0, 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 0);
}

static void
virtual_addresses_are_for_translated_devices_only(void **state)
{
	int fd, fd3;

	(void)state;
	bus_translated(false);
	virtual_memory(1);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_logged(ERR, BUS_ADDR, "--iova-mode=pa");
	assert_int_equal(map(FAKE_HUGE, 0x10000000, LEN), 0);
	assert_int_equal(unmap(FAKE_HUGE, 0x10000000, LEN), 0);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

/* An address was asked for through a device that is not in use. */
static void
mode_without_devices_does_not_get_the_memory(void **state)
{
	int fd3;

	(void)state;
	bus_translated(false);
	fake_eal()->iova_mode = RTE_IOVA_DC;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), FAKE_PHYS(0));
	fake_eal()->iova_mode = RTE_IOVA_PA;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	assert_int_equal(map(0, 0x10000000, LEN), 0);
	assert_kernel_holds(3, 1, LEN);
	assert_int_equal(map(LEN, 0, LEN), 0);
	assert_int_equal(unmap(LEN, 0, LEN), 0);
	assert_int_equal(unmap(0, 0x10000000, LEN), 0);
	assert_kernel_holds(3, 0, 0);
}

static void
mode_that_comes_later_gets_the_applications_memory(void **state)
{
	int fd, fd3;

	(void)state;
	bus_translated(false);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	assert_int_equal(map(0, FAKE_PHYS(0), LEN), 0);
	assert_int_equal(map(LEN, FAKE_PHYS(LEN), LEN), 0);
	assert_int_equal(unmap(LEN, FAKE_PHYS(LEN), LEN), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(4, 2, 2 * LEN);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
	assert_int_equal(unmap(0, FAKE_PHYS(0), LEN), 0);
	assert_kernel_holds(4, 0, 0);
}

static void
memory_that_refuses_a_later_mode_is_logged(void **state)
{
	int fd, fd3;

	(void)state;
	bus_translated(false);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	assert_int_equal(map(0, 0x10000000, LEN), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR, "rte_vfio_container_dma_map()", "IOMMU");
	assert_int_equal(unmap(0, 0x10000000, LEN), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
}

/* Without an IOMMU memory has one address, and what the other mode has is not it. */
static void
memory_at_two_iovas_is_unmapped_from_both(void **state)
{
	int fd3;

	(void)state;
	bus_translated(false);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	assert_int_equal(map(0, 0x10000000, LEN), 0);
	assert_int_equal(map(0, 0x20000000, LEN), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
	assert_int_equal(unmap(0, 0x20000000, LEN), 0);
	assert_int_equal(lookup(TRANSLATED, FAKE_VA(0), 0x20000000, LEN), -ENOENT);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, 0x10000000, LEN), 0);
	assert_int_equal(lookup(NOIOMMU, FAKE_VA(0), 0x10000000, LEN), -ENOENT);
	assert_kernel_holds(2, 0, 0);
}

/* With an IOMMU an address has one memory. */
static void
second_view_of_a_page_is_unmapped(void **state)
{
	int fd;

	(void)state;
	bus_translated(false);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_page_move(FAKE_VA(FAKE_HUGE), FAKE_PHYS(0));
	assert_int_equal(map(0, FAKE_PHYS(0), FAKE_PAGE), 0);
	assert_int_equal(map(FAKE_HUGE, FAKE_PHYS(0), FAKE_PAGE), 0);
	assert_int_equal(unmap(FAKE_HUGE, FAKE_PHYS(0), FAKE_PAGE), 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(lookup(TRANSLATED, FAKE_VA(0), FAKE_PHYS(0), FAKE_PAGE), 0);
	assert_int_equal(unmap(0, FAKE_PHYS(0), FAKE_PAGE), 0);
	assert_int_equal(lookup(TRANSLATED, FAKE_VA(0), FAKE_PHYS(0), FAKE_PAGE), -ENOENT);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
memory_before_the_first_device_is_for_either_mode(void **state)
{
	int fd3;

	(void)state;
	bus_translated(false);
	assert_int_equal(map(0, FAKE_PHYS(0), LEN), 0);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, FAKE_PHYS(0), LEN), 0);
	assert_int_equal(unmap(0, FAKE_PHYS(0), LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_kernel_holds(2, 0, 0);
}

static void
device_of_stock_stands_beside_a_translated_one(void **state)
{
	int fd, stock_fd;

	(void)state;
	bus_translated(true);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &stock_fd), 0);
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	assert_int_equal(map(0, 0x10000000, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = 0;
	assert_int_equal(unmap(0, 0x10000000, LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_UNMAP), 1);
	assert_kernel_holds(2, 0, 0);
}

static void
secondary_asks_the_primary(void **state)
{
	int fd;

	(void)state;
	bus_translated(true);
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), -1);
	assert_int_equal(fake_eal()->mp_requests, 1);
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR3, "the primary process", strerror(ETIMEDOUT));
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

int
bus_translated_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(device_is_set_up_with_virtual_addresses),
		BUS_TEST(device_is_set_up_with_physical_addresses),
		BUS_TEST(memory_of_the_eal_comes_and_goes),
		BUS_TEST(memory_out_of_reach_refuses_the_device),
		BUS_TEST(memory_out_of_reach_that_comes_later_is_logged),
		BUS_TEST(application_maps_at_iovas_of_its_own),
		BUS_TEST(domain_without_an_iommu_is_not_given_out),
		BUS_TEST(modes_stand_side_by_side),
		BUS_TEST(memory_is_mapped_for_both_modes_or_for_none),
		BUS_TEST(virtual_addresses_are_for_translated_devices_only),
		BUS_TEST(mode_without_devices_does_not_get_the_memory),
		BUS_TEST(mode_that_comes_later_gets_the_applications_memory),
		BUS_TEST(memory_that_refuses_a_later_mode_is_logged),
		BUS_TEST(memory_at_two_iovas_is_unmapped_from_both),
		BUS_TEST(second_view_of_a_page_is_unmapped),
		BUS_TEST(memory_before_the_first_device_is_for_either_mode),
		BUS_TEST(device_of_stock_stands_beside_a_translated_one),
		BUS_TEST(secondary_asks_the_primary),
	};

	return cmocka_run_group_tests_name("bus: translated", tests, NULL, NULL);
}
