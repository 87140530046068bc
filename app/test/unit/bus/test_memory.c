/* SPDX-License-Identifier: BSD-3-Clause */

/* The EAL's memory and the events about it; RTE_VFIO_CDEV=prefer. */

#include <errno.h>

#include "test_bus.h"

static void
all_memory_is_mapped_at_first_setup(void **state)
{
	struct rte_memseg_list *msl;
	int fd;

	(void)state;
	bus_memory(3);
	msl = fake_eal_list(false, true);
	fake_eal_memseg(msl, FAKE_VA(FAR), FAKE_PHYS(FAR), FAKE_HUGE);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 4, 4 * FAKE_HUGE);
	assert_int_equal(fake_eal_callbacks(), 1);
	assert_logged(INFO, BUS_ADDR, "4 pages mapped", "4 verified");
	assert_int_equal(fake_pa_asked(), FAKE_PAGE);
}

static void
memory_without_address_is_skipped(void **state)
{
	struct rte_memseg_list *msl = fake_eal_list(false, true);
	int fd;

	(void)state;
	fake_eal_memseg(msl, FAKE_VA(0), RTE_BAD_IOVA, FAKE_HUGE);
	fake_eal_memseg(msl, FAKE_VA(FAKE_HUGE), FAKE_PHYS(FAKE_HUGE), FAKE_HUGE);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

/* rte_extmem_register(): its caller maps the memory. */
static void
external_memory_is_left_to_its_owner(void **state)
{
	int fd;

	(void)state;
	fake_eal_memseg(fake_eal_list(true, false), FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 0, 0);
}

/* Its page size is the application's claim: each base page is verified. */
static void
each_base_page_of_an_external_heap_is_verified(void **state)
{
	char mapped[32], verified[32];
	int fd;

	(void)state;
	fake_eal_memseg(fake_eal_list(true, true), FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	snprintf(mapped, sizeof(mapped), "%s pages mapped", log_number(FAKE_HUGE / FAKE_PAGE));
	snprintf(verified, sizeof(verified), "%s verified", log_number(FAKE_HUGE / FAKE_PAGE));
	assert_logged(INFO, BUS_ADDR, mapped, verified);
}

static void
base_page_of_an_external_heap_that_is_elsewhere_refuses_the_device(void **state)
{
	(void)state;
	fake_eal_memseg(fake_eal_list(true, true), FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE);
	fake_page_move(FAKE_VA(3 * FAKE_PAGE), FAKE_PHYS(FAR));
	bus_setup_fails();
	assert_logged(ERR, "cannot confirm", strerror(EADDRNOTAVAIL));
}

static void
page_that_is_not_confirmed_refuses_the_device(void **state)
{
	(void)state;
	bus_memory(4);
	fake_page_move(FAKE_VA(3 * FAKE_HUGE), FAKE_PHYS(FAR));
	bus_setup_fails();
	assert_logged(ERR, "lib.vfio_cdev", "cannot confirm", strerror(EADDRNOTAVAIL));
	assert_int_equal(backend.attached[NOIOMMU], false);
}

/* Memory events go on meanwhile, and the page that was wrong has gone. */
static void
refused_device_is_set_up_once_the_memory_is_right(void **state)
{
	int fd;

	(void)state;
	bus_memory(4);
	fake_page_move(FAKE_VA(3 * FAKE_HUGE), FAKE_PHYS(FAR));
	bus_setup_fails();
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(3 * FAKE_HUGE), FAKE_HUGE);
	fake_eal_drop(FAKE_VA(3 * FAKE_HUGE));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 3, 3 * FAKE_HUGE);
	assert_int_equal(fake_eal_callbacks(), 1);
}

/* Wherever it fails, nothing of the first try is in the way of the second. */
static void
set_up_that_failed_half_way_can_be_tried_again(void **state)
{
	static const enum fake_op ops[] = {
		FAKE_OPEN,   FAKE_BIND,	    FAKE_IOAS_ALLOC, FAKE_HWPT_ALLOC,
		FAKE_ATTACH, FAKE_GET_INFO, FAKE_MAP,	     FAKE_GET_PA,
	};
	int fd;

	for (size_t i = 0; i < RTE_DIM(ops); i++) {
		for (unsigned int nth = 1; nth <= 3; nth++) {
			assert_int_equal(bus_begin(state), 0);
			bus_memory(3);
			fake_fail(ops[i], nth, EIO);
			if (bus_setup(BUS_ADDR, &fd) != 0) {
				assert_false(fake_node(BUS_NODE)->bound);
				assert_int_equal(fake_holds().areas, 0);
				fake_fail(ops[i], 0, 0);
				assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
			} else {
				assert_true(nth > 1);
			}
			assert_kernel_holds(2, 3, 3 * FAKE_HUGE);
			fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), 3 * FAKE_HUGE);
			assert_kernel_holds(2, 0, 0);
			assert_int_equal(bus_end(state), 0);
		}
	}
}

static void
no_events_in_legacy_mode_are_tolerated(void **state)
{
	int fd;

	(void)state;
	bus_memory(2);
	fake_eal()->register_errno = ENOTSUP;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 2, 2 * FAKE_HUGE);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	/* An external heap that was there is mapped like the rest. */
	assert_logged(INFO, "bus.vfio_cdev", "--legacy-mem", "external heaps", "dma_map");
	log_clear();
	assert_int_equal(bus_setup(BUS_ADDR2, &fd), 0);
	assert_false(log_has(RTE_VFIO_CDEV_LOG_INFO, (const char *[]){ "--legacy-mem", NULL }));
}

static void
failed_registration_refuses_the_device(void **state)
{
	int fd;

	(void)state;
	bus_memory(2);
	fake_eal()->register_errno = ENOMEM;
	bus_setup_fails();
	assert_logged(ERR, "bus.vfio_cdev", "memory events", strerror(ENOMEM));
	/* No event would have reported that. */
	fake_eal_use(FAKE_VA(0), false);
	fake_eal()->register_errno = 0;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

static void
allocated_memory_is_mapped_and_freed_memory_unmapped(void **state)
{
	struct rte_memseg_list *msl = fake_eal_list(false, true);
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	for (unsigned int i = 0; i < 3; i++)
		fake_eal_memseg(msl, FAKE_VA(i * FAKE_HUGE), FAKE_PHYS(i * FAKE_HUGE), FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(0), 3 * FAKE_HUGE);
	assert_kernel_holds(2, 3, 3 * FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(FAKE_HUGE), 2 * FAKE_HUGE);
	assert_kernel_holds(2, 1, FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
event_ends_where_it_says(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	bus_memory(3);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(FAKE_HUGE), FAKE_HUGE);
	assert_kernel_holds(2, 1, FAKE_HUGE);
	/* Longer than the list: the segments end first. */
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(2 * FAKE_HUGE), 9 * FAKE_HUGE);
	assert_kernel_holds(2, 2, 2 * FAKE_HUGE);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
event_about_memory_without_address_is_ignored(void **state)
{
	struct rte_memseg_list *msl = fake_eal_list(false, true);
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_eal_memseg(msl, FAKE_VA(0), RTE_BAD_IOVA, FAKE_HUGE);
	fake_eal_memseg(msl, FAKE_VA(FAKE_HUGE), FAKE_PHYS(FAKE_HUGE), FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(0), 2 * FAKE_HUGE);
	assert_kernel_holds(2, 1, FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), 2 * FAKE_HUGE);
	assert_kernel_holds(2, 0, 0);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(FAR), FAKE_HUGE);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

/* An external heap is announced before it is one. */
static void
event_about_a_new_external_heap_maps_it(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_eal_memseg(fake_eal_list(true, false), FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(0), FAKE_HUGE);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

static int
application_maps(uint64_t len)
{
	return rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)FAKE_VA(0),
					  FAKE_PHYS(0), len);
}

static void
external_heap_that_the_application_mapped_has_two_users(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(application_maps(FAKE_HUGE), 0);
	fake_eal_memseg(fake_eal_list(true, true), FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(0), FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

/* A part of the page, say, before the EAL got it. */
static void
mapping_of_the_application_outlives_the_memory(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(application_maps(FAKE_PAGE), 0);
	bus_memory(1);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(0), FAKE_HUGE);
	assert_kernel_holds(2, 2, FAKE_HUGE + FAKE_PAGE);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
}

static void
memory_that_cannot_be_pinned_later_is_logged(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	bus_memory(3);
	fake_page_move(FAKE_VA(FAKE_HUGE), FAKE_PHYS(FAR));
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(0), 3 * FAKE_HUGE);
	assert_logged(ERR, "lib.vfio_cdev", "cannot confirm", strerror(EADDRNOTAVAIL));
	assert_logged(ERR, "bus.vfio_cdev", "neither pinned nor verified", "stop the application");
	assert_kernel_holds(2, 2, 2 * FAKE_HUGE);
	/* Logged once; the end of the page that was never mapped is not logged. */
	log_clear();
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), 3 * FAKE_HUGE);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

/* It is still pinned, so this is no reason to stop the application. */
static void
memory_that_cannot_be_unpinned_is_logged_once(void **state)
{
	int fd;

	(void)state;
	bus_memory(1);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_fail(FAKE_UNMAP, 1, EBUSY);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	assert_logged(ERR, "lib.vfio_cdev", "cannot unmap", strerror(EBUSY));
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

static void
wrong_table_of_external_memory_is_logged_once(void **state)
{
	struct rte_memseg_list *msl = fake_eal_list(true, true);
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	for (unsigned int i = 0; i < 3; i++)
		fake_eal_memseg(msl, FAKE_VA(i * FAKE_PAGE), FAKE_PHYS(FAR + i * FAKE_PAGE),
				FAKE_PAGE);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(0), 3 * FAKE_PAGE);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 2);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), 3 * FAKE_PAGE);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 2);
}

static void
memory_of_a_second_device_is_mapped_once(void **state)
{
	int first, second;

	(void)state;
	bus_memory(2);
	assert_int_equal(bus_setup(BUS_ADDR, &first), 0);
	assert_int_equal(bus_setup(BUS_ADDR2, &second), 0);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), 2 * FAKE_HUGE);
	assert_kernel_holds(3, 0, 0);
}

int
bus_memory_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(all_memory_is_mapped_at_first_setup),
		BUS_TEST(memory_without_address_is_skipped),
		BUS_TEST(external_memory_is_left_to_its_owner),
		BUS_TEST(each_base_page_of_an_external_heap_is_verified),
		BUS_TEST(base_page_of_an_external_heap_that_is_elsewhere_refuses_the_device),
		BUS_TEST(page_that_is_not_confirmed_refuses_the_device),
		BUS_TEST(refused_device_is_set_up_once_the_memory_is_right),
		cmocka_unit_test(set_up_that_failed_half_way_can_be_tried_again),
		BUS_TEST(no_events_in_legacy_mode_are_tolerated),
		BUS_TEST(failed_registration_refuses_the_device),
		BUS_TEST(allocated_memory_is_mapped_and_freed_memory_unmapped),
		BUS_TEST(event_ends_where_it_says),
		BUS_TEST(event_about_memory_without_address_is_ignored),
		BUS_TEST(event_about_a_new_external_heap_maps_it),
		BUS_TEST(external_heap_that_the_application_mapped_has_two_users),
		BUS_TEST(mapping_of_the_application_outlives_the_memory),
		BUS_TEST(memory_that_cannot_be_pinned_later_is_logged),
		BUS_TEST(memory_that_cannot_be_unpinned_is_logged_once),
		BUS_TEST(wrong_table_of_external_memory_is_logged_once),
		BUS_TEST(memory_of_a_second_device_is_mapped_once),
	};

	return cmocka_run_group_tests_name("bus: memory", tests, NULL, NULL);
}
