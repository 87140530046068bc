/* SPDX-License-Identifier: BSD-3-Clause */

/* Physical addresses; RTE_VFIO_CDEV=prefer. */

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "test_bus.h"

/*
 * A page of the EAL that is being added: its list is there, its segment is not one yet, and
 * has what is left of the page before it.
 */
static void
new_page(uint64_t offset)
{
	fake_eal_memseg(fake_eal_list(false, true), FAKE_VA(offset), FAKE_PHYS(70 * FAKE_HUGE),
			FAKE_HUGE);
	fake_eal_use(FAKE_VA(offset), false);
}

/* The EAL has added the page. */
static void
page_added(uint64_t offset, rte_iova_t iova)
{
	struct rte_memseg *ms = rte_mem_virt2memseg(FAKE_VA(offset),
						    rte_mem_virt2memseg_list(FAKE_VA(offset)));

	ms->iova = iova;
	fake_eal_use(FAKE_VA(offset), true);
}

/* As rte_eal_using_phys_addrs() asks: on its stack, before it has chosen. */
static void
address_before_the_mode_is_chosen_comes_from_pagemap(void **state)
{
	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_DC;
	fake_eal()->pagemap = fake_phys;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(5)), FAKE_PHYS(5));
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

static void
address_before_the_mode_is_chosen_comes_from_the_ioas_without_pagemap(void **state)
{
	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_DC;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(5)), FAKE_PHYS(5));
	assert_kernel_holds(1, 0, 0);
	assert_false(fake_node(BUS_NODE)->bound);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
unknown_address_before_the_mode_is_chosen_is_bad(void **state)
{
	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_DC;
	fake_fail(FAKE_MAP, 1, EFAULT);
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(5)), RTE_BAD_PHYS_ADDR);
}

static void
page_that_is_not_the_eals_is_pinned_where_it_is(void **state)
{
	const void *page = FAKE_VA(3 * FAKE_PAGE);
	rte_iova_t iova;

	(void)state;
	fake_eal()->pagemap = fake_phys;
	fake.restless = page;
	iova = rte_mem_virt2iova(FAKE_VA(3 * FAKE_PAGE + 5));
	assert_kernel_holds(1, 1, FAKE_PAGE);
	assert_int_equal(rte_mem_virt2iova(page), iova - 5);
	assert_int_equal(fake_phys(page), iova - 5);
	assert_int_equal(rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)page,
						    iova - 5, FAKE_PAGE),
			 0);
	assert_kernel_holds(1, 1, FAKE_PAGE);
	assert_int_equal(rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD,
						      (uintptr_t)page, iova - 5, FAKE_PAGE),
			 0);
	assert_kernel_holds(1, 0, 0);
}

/* Its owner asks for addresses, maps it, and has the EAL forget it. */
static void
page_of_external_memory_is_pinned_and_left_to_its_owner(void **state)
{
	(void)state;
	fake_eal_memseg(fake_eal_list(true, false), FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(5)), FAKE_PHYS(5));
	assert_kernel_holds(1, 1, FAKE_PAGE);
	assert_int_equal(rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD,
						    (uintptr_t)FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE),
			 0);
	fake_eal_drop(FAKE_VA(0));
	assert_kernel_holds(1, 1, FAKE_HUGE);
}

static void
foreign_page_that_cannot_be_pinned_has_no_address(void **state)
{
	(void)state;
	fake_eal()->pagemap = fake_phys;
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(0));
	fake_fail(FAKE_MAP, 1, EFAULT);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAKE_PAGE)), RTE_BAD_IOVA);
	assert_logged(ERR, "lib.vfio_cdev", "cannot map", strerror(EFAULT), "read-only");
}

static void
without_a_device_for_it_pagemap_is_believed(void **state)
{
	(void)state;
	fake_eal()->pagemap = fake_phys;
	fake_sysfs_reset();
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(5)), FAKE_PHYS(5));
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

static void
new_page_is_pinned_before_its_address_is_given(void **state)
{
	int fd;

	(void)state;
	fake_eal()->pagemap = fake_phys;
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(7)), FAKE_PHYS(7));
	assert_kernel_holds(1, 1, FAKE_HUGE);
	page_added(0, FAKE_PHYS(0));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(0), FAKE_HUGE);
	assert_kernel_holds(2, 1, FAKE_HUGE);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
asking_again_pins_once(void **state)
{
	(void)state;
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(0));
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(0));
	assert_kernel_holds(1, 1, FAKE_HUGE);
	page_added(0, FAKE_PHYS(0));
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(9)), FAKE_PHYS(9));
	fake_eal_drop(FAKE_VA(0));
	assert_kernel_holds(1, 0, 0);
}

static void
page_that_comes_back_is_asked_for_anew(void **state)
{
	(void)state;
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(0));
	page_added(0, FAKE_PHYS(0));
	fake_eal_drop(FAKE_VA(0));
	fake_page_move(FAKE_VA(0), FAKE_PHYS(50 * FAKE_HUGE));
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(50 * FAKE_HUGE));
	assert_kernel_holds(1, 1, FAKE_HUGE);
}

/* A page that is not contiguous with the others goes without an event. */
static void
page_that_is_given_up_without_an_event_is_unpinned(void **state)
{
	(void)state;
	new_page(0);
	new_page(FAKE_HUGE);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rte_mem_virt2iova(FAKE_VA(i * FAKE_HUGE)),
				 FAKE_PHYS(i * FAKE_HUGE));
		page_added(i * FAKE_HUGE, FAKE_PHYS(i * FAKE_HUGE));
	}
	assert_kernel_holds(1, 2, 2 * FAKE_HUGE);
	fake_eal_drop(FAKE_VA(FAKE_HUGE));
	assert_kernel_holds(1, 1, FAKE_HUGE);
	fake_eal_drop(FAKE_VA(0));
	assert_kernel_holds(1, 0, 0);
}

/* The EAL has arrays of other things, too. */
static void
element_of_another_size_is_no_page(void **state)
{
	(void)state;
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(0));
	page_added(0, FAKE_PHYS(0));
	rte_mem_virt2memseg_list(FAKE_VA(0))->memseg_arr.elt_sz = 4;
	fake_eal_drop(FAKE_VA(0));
	assert_kernel_holds(1, 1, FAKE_HUGE);
}

static void
element_of_another_array_is_no_page(void **state)
{
	struct rte_memseg_list *other;

	(void)state;
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(0));
	page_added(0, FAKE_PHYS(0));
	other = fake_eal_list(false, true);
	fake_eal_memseg(other, FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE);
	rte_fbarray_set_free(&other->memseg_arr, 0);
	assert_kernel_holds(1, 1, FAKE_HUGE);
}

static void
page_is_given_up_before_there_is_a_domain(void **state)
{
	(void)state;
	bus_memory(1);
	fake_eal_drop(FAKE_VA(0));
	fake_eal_drop(FAKE_VA(0));
	assert_string_equal(log_text(), "");
}

static void
page_that_cannot_be_pinned_has_no_address(void **state)
{
	(void)state;
	new_page(0);
	fake.memlock = FAKE_PAGE;
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), RTE_BAD_IOVA);
	assert_logged(ERR, "lib.vfio_cdev", "cannot map", strerror(ENOMEM), "RLIMIT_MEMLOCK");
	assert_kernel_holds(1, 0, 0);
}

/* The EAL drops such a page, whatever its address; it must stay where it is until then. */
static void
page_of_another_node_has_no_address(void **state)
{
	(void)state;
	fake_eal()->pagemap = fake_phys;
	fake_eal()->node = 1;
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), RTE_BAD_IOVA);
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	fake_eal()->node = 0;
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(0));
	assert_kernel_holds(1, 1, FAKE_HUGE);
}

static void
page_that_moves_while_it_is_pinned_has_its_new_address(void **state)
{
	(void)state;
	fake_eal()->pagemap = fake_phys;
	new_page(0);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(50 * FAKE_HUGE));
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(50 * FAKE_HUGE));
	assert_kernel_holds(1, 1, FAKE_HUGE);
}

static void
virtual_addresses_are_their_own_iova(void **state)
{
	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_VA;
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(3)), (uintptr_t)FAKE_VA(3));
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

static void
secondary_answers_from_the_primarys_segments(void **state)
{
	(void)state;
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	bus_memory(1);
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), FAKE_PHYS(0));
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(8 * FAKE_HUGE)), RTE_BAD_PHYS_ADDR);
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

/* The device that was opened to read addresses. */
static void
blocked_device_is_not_touched(void **state)
{
	(void)state;
	bus_devargs(0, BUS_ADDR, RTE_DEV_BLOCKED);
	fake_node(BUS_NODE)->open_error = EIO;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), FAKE_PHYS(0));
	assert_string_equal(log_text(), "");
}

static void
only_allowed_devices_are_touched(void **state)
{
	(void)state;
	/* As short as a user may write 0000:00:04.0. */
	bus_devargs(0, "0:4.0", RTE_DEV_ALLOWED);
	fake_node(BUS_NODE)->open_error = EIO;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), FAKE_PHYS(0));
	assert_string_equal(log_text(), "");
}

static void
device_that_is_in_use_is_passed_over(void **state)
{
	(void)state;
	fake_node(BUS_NODE)->bound = true;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), FAKE_PHYS(0));
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_true(fake_node(BUS_NODE)->bound);
}

/* /dev/null stands for the cdev: this process, for one, has it open. */
static void
opener_of_the_only_device_is_named(void **state)
{
	const int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)state;
	fake_sysfs_reset();
	fake_sysfs_add(BUS_ADDR, BUS_NAME, "1:3\n");
	fake_node(BUS_NODE)->rdev = makedev(1, 3);
	fake_node(BUS_NODE)->bound = true;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), RTE_BAD_PHYS_ADDR);
	close(fd);
	assert_logged(WARNING, "lib.vfio_cdev", BUS_ADDR, BUS_NAME, strerror(EINVAL),
		      ", open in pid ");
}

static void
without_a_device_the_reason_is_logged_once(void **state)
{
	(void)state;
	fake.rawio = false;
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), RTE_BAD_PHYS_ADDR);
	assert_logged(ERR, "bus.vfio_cdev", "no physical addresses", "CAP_SYS_ADMIN",
		      "CAP_SYS_RAWIO");
	assert_logged(WARNING, "lib.vfio_cdev", strerror(EPERM));
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	assert_kernel_holds(0, 0, 0);
}

static void
without_pci_no_device_is_touched(void **state)
{
	(void)state;
	fake_eal()->no_pci = true;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), RTE_BAD_PHYS_ADDR);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_kernel_holds(0, 0, 0);
}

/* Not for the first page: the EAL asks for its address with its memory lock held. */
static void
device_is_asked_before_the_eal_has_memory(void **state)
{
	(void)state;
	fake_eal()->pagemap = fake_phys;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	assert_kernel_holds(1, 0, 0);
	new_page(0);
	rte_mcfg_mem_write_lock();
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(0));
	rte_mcfg_mem_write_unlock();
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	assert_kernel_holds(1, 1, FAKE_HUGE);
}

int
bus_phys_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(address_before_the_mode_is_chosen_comes_from_pagemap),
		BUS_TEST(address_before_the_mode_is_chosen_comes_from_the_ioas_without_pagemap),
		BUS_TEST(unknown_address_before_the_mode_is_chosen_is_bad),
		BUS_TEST(page_that_is_not_the_eals_is_pinned_where_it_is),
		BUS_TEST(page_of_external_memory_is_pinned_and_left_to_its_owner),
		BUS_TEST(foreign_page_that_cannot_be_pinned_has_no_address),
		BUS_TEST(without_a_device_for_it_pagemap_is_believed),
		BUS_TEST(new_page_is_pinned_before_its_address_is_given),
		BUS_TEST(asking_again_pins_once),
		BUS_TEST(page_that_comes_back_is_asked_for_anew),
		BUS_TEST(page_that_is_given_up_without_an_event_is_unpinned),
		BUS_TEST(element_of_another_size_is_no_page),
		BUS_TEST(element_of_another_array_is_no_page),
		BUS_TEST(page_is_given_up_before_there_is_a_domain),
		BUS_TEST(page_that_cannot_be_pinned_has_no_address),
		BUS_TEST(page_of_another_node_has_no_address),
		BUS_TEST(page_that_moves_while_it_is_pinned_has_its_new_address),
		BUS_TEST(virtual_addresses_are_their_own_iova),
		BUS_TEST(secondary_answers_from_the_primarys_segments),
		BUS_TEST(blocked_device_is_not_touched),
		BUS_TEST(only_allowed_devices_are_touched),
		BUS_TEST(device_that_is_in_use_is_passed_over),
		BUS_TEST(opener_of_the_only_device_is_named),
		BUS_TEST(without_a_device_the_reason_is_logged_once),
		BUS_TEST(without_pci_no_device_is_touched),
		BUS_TEST(device_is_asked_before_the_eal_has_memory),
	};

	return cmocka_run_group_tests_name("bus: physical addresses", tests, NULL, NULL);
}

static phys_addr_t
pagemap_forbid(const void *virt)
{
	fail_msg("pagemap is asked for %p", virt);
	return RTE_BAD_PHYS_ADDR;
}

static void
pagemap_is_not_asked(void **state)
{
	(void)state;
	fake_eal()->pagemap = pagemap_forbid;
	fake_eal()->iova_mode = RTE_IOVA_DC;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(5)), FAKE_PHYS(5));
	fake_eal()->iova_mode = RTE_IOVA_PA;
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR + 5)), FAKE_PHYS(FAR + 5));
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(7)), FAKE_PHYS(7));
	assert_kernel_holds(1, 2, FAKE_HUGE + FAKE_PAGE);
}

/* And no address of unpinned memory is given. */
static void
without_a_device_for_it_no_address_is_given(void **state)
{
	(void)state;
	fake_eal()->pagemap = pagemap_forbid;
	fake_eal()->no_pci = true;
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), RTE_BAD_IOVA);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), RTE_BAD_IOVA);
	assert_logged(ERR, "bus.vfio_cdev", "no physical addresses");
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

static void
secondary_gives_what_the_primary_has_pinned(void **state)
{
	(void)state;
	fake_eal()->pagemap = pagemap_forbid;
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	bus_memory(1);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(5)), FAKE_PHYS(5));
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), RTE_BAD_IOVA);
	fake_eal()->iova_mode = RTE_IOVA_DC;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(FAR)), RTE_BAD_PHYS_ADDR);
}

int
bus_ioas_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(pagemap_is_not_asked),
		BUS_TEST(without_a_device_for_it_no_address_is_given),
		BUS_TEST(secondary_gives_what_the_primary_has_pinned),
	};

	return cmocka_run_group_tests_name("bus: addresses of the IOAS", tests, NULL, NULL);
}

static phys_addr_t
pagemap_lie(const void *virt)
{
	return fake_phys(virt) + FAKE_HUGE;
}

/* Its addresses are pinned, and compared, by the first device that is set up. */
static void
no_device_is_asked_where_pagemap_is(void **state)
{
	int fd;

	(void)state;
	fake_eal()->pagemap = fake_phys;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(7)), FAKE_PHYS(7));
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), FAKE_PHYS(FAR));
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
	page_added(0, FAKE_PHYS(0));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 2, FAKE_HUGE + FAKE_PAGE);
}

static void
new_page_is_pinned_where_pagemap_says(void **state)
{
	int fd;

	(void)state;
	fake_eal()->pagemap = fake_phys;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	new_page(0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(rte_mem_virt2iova(FAKE_VA(7)), FAKE_PHYS(7));
	assert_kernel_holds(2, 1, FAKE_HUGE);
	page_added(0, FAKE_PHYS(0));
	fake_eal_drop(FAKE_VA(0));
	assert_kernel_holds(2, 0, 0);
}

static void
page_that_pagemap_has_elsewhere_has_no_address(void **state)
{
	int fd;

	(void)state;
	fake_eal()->pagemap = pagemap_lie;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), RTE_BAD_IOVA);
	assert_logged(ERR, "lib.vfio_cdev", "cannot confirm", strerror(EADDRNOTAVAIL));
	assert_kernel_holds(2, 0, 0);
}

static void
foreign_page_needs_both_to_agree(void **state)
{
	int fd;

	(void)state;
	fake_eal()->pagemap = fake_phys;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(5)), FAKE_PHYS(5));
	fake_eal()->pagemap = pagemap_lie;
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(5)), RTE_BAD_IOVA);
}

static void
without_pagemap_nothing_has_an_address(void **state)
{
	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_DC;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), RTE_BAD_PHYS_ADDR);
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
	fake_eal()->iova_mode = RTE_IOVA_PA;
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), RTE_BAD_IOVA);
	new_page(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), RTE_BAD_IOVA);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

int
bus_pagemap_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(no_device_is_asked_where_pagemap_is),
		BUS_TEST(new_page_is_pinned_where_pagemap_says),
		BUS_TEST(page_that_pagemap_has_elsewhere_has_no_address),
		BUS_TEST(foreign_page_needs_both_to_agree),
		BUS_TEST(without_pagemap_nothing_has_an_address),
	};

	return cmocka_run_group_tests_name("bus: addresses of pagemap", tests, NULL, NULL);
}
