/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Addresses that are given while no device can pin anything: they come from pagemap,
 * and with the first device they are compared; RTE_VFIO_CDEV=prefer.
 */

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_errno.h>

#include "test_bus.h"

/* The options forbid all devices, for now. */
static int
unpinned_begin(void **state)
{
	bus_begin(state);
	fake_eal()->pagemap = fake_phys;
	fake_eal()->no_pci = true;
	return 0;
}

/* Memory that is really there, so that it can really go. */
static void *
memory_at(uint64_t offset)
{
	void *va = mmap(FAKE_VA(offset), FAKE_PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	assert_ptr_equal(va, FAKE_VA(offset));
	return va;
}

/* A page of the EAL that it is about to add. */
static void
page_is_new(uint64_t offset)
{
	fake_eal_memseg(fake_eal_list(false, true), FAKE_VA(offset), FAKE_PHYS(offset), FAKE_HUGE);
	fake_eal_use(FAKE_VA(offset), false);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(offset)), FAKE_PHYS(offset));
	fake_eal_use(FAKE_VA(offset), true);
}

static void
program_without_a_device_opens_nothing(void **state)
{
	(void)state;
	page_is_new(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR + 5)), FAKE_PHYS(FAR + 5));
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(rte_vfio_get_container_fd(), -1);
	fake_eal_drop(FAKE_VA(0));
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_kernel_holds(0, 0, 0);
}

/* The EAL tries with its stack. Stock logs nothing either. */
static void
program_that_cannot_read_addresses_is_not_warned(void **state)
{
	(void)state;
	fake_eal()->pagemap = NULL;
	fake_eal()->iova_mode = RTE_IOVA_DC;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(0)), RTE_BAD_PHYS_ADDR);
	assert_string_equal(log_text(), "");
}

static void
memory_that_stays_is_pinned_for_the_first_device(void **state)
{
	int fd;

	(void)state;
	page_is_new(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR + 5)), FAKE_PHYS(FAR + 5));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 2, FAKE_HUGE + FAKE_PAGE);
	assert_logged(INFO, BUS_ADDR, "1 pages mapped", "1 verified");
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	assert_kernel_holds(2, 1, FAKE_PAGE);
}

/* The application may still give the old address to the device. */
static void
device_is_refused(const void *moved, const char *va)
{
	int fd;

	log_clear();
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_logged(ERR, "lib.vfio_cdev", va, strerror(EADDRNOTAVAIL));
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR, BUS_NAME, strerror(EADDRNOTAVAIL));
	assert_int_equal(fake_holds().areas, 0);
	assert_false(fake_node(BUS_NODE)->bound);
	fake_page_move(moved, FAKE_PHYS((uintptr_t)moved - (uintptr_t)FAKE_VA(0)));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
}

static void
memory_that_moved_refuses_the_device(void **state)
{
	(void)state;
	page_is_new(0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), FAKE_PHYS(FAR));
	fake_page_move(FAKE_VA(FAR), FAKE_PHYS(2 * FAR));
	device_is_refused(FAKE_VA(FAR), "0x7f000c800000");
	assert_kernel_holds(2, 2, FAKE_HUGE + FAKE_PAGE);
}

static void
page_of_the_eal_that_moved_refuses_the_device(void **state)
{
	(void)state;
	page_is_new(0);
	page_is_new(FAKE_HUGE);
	fake_page_move(FAKE_VA(FAKE_HUGE), FAKE_PHYS(2 * FAR));
	device_is_refused(FAKE_VA(FAKE_HUGE), "0x7f0000200000");
	assert_kernel_holds(2, 2, 2 * FAKE_HUGE);
}

/* It is its owner's again: no device can use its address any more. */
static void
memory_that_was_freed_is_forgotten(void **state)
{
	void *va = memory_at(FAR);
	int fd;

	(void)state;
	assert_int_equal(rte_mem_virt2iova(va), FAKE_PHYS(FAR));
	assert_int_equal(munmap(va, FAKE_PAGE), 0);
	fake_page_move(va, FAKE_PHYS(2 * FAR));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 0, 0);
}

/* A page goes, as the EAL gives it up, before and after the others are pinned. */
static void
page_of_the_eal_that_was_freed_is_forgotten(void **state)
{
	int fd;

	(void)state;
	page_is_new(0);
	page_is_new(FAKE_HUGE);
	fake_eal_drop(FAKE_VA(0));
	fake_page_move(FAKE_VA(0), FAKE_PHYS(2 * FAR));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

static void
memory_goes_with_its_owner_once_it_is_pinned(void **state)
{
	void *va = memory_at(FAR), *to;
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(rte_mem_virt2iova(va), FAKE_PHYS(FAR));
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(munmap(va, FAKE_PAGE), 0);
	assert_kernel_holds(2, 0, 0);

	va = memory_at(FAR);
	assert_int_equal(rte_mem_virt2iova(va), FAKE_PHYS(FAR));
	assert_int_equal(munmap(va, FAKE_PAGE + 1), 0);
	assert_kernel_holds(2, 0, 0);

	va = memory_at(FAR);
	assert_int_equal(rte_mem_virt2iova(va), FAKE_PHYS(FAR));
	assert_ptr_equal(mmap(va, FAKE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			      0),
			 va);
	assert_kernel_holds(2, 0, 0);

	assert_int_equal(rte_mem_virt2iova(va), FAKE_PHYS(FAR));
	to = mremap(va, FAKE_PAGE, FAKE_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		    FAKE_VA(FAR + FAKE_HUGE));
	assert_ptr_equal(to, FAKE_VA(FAR + FAKE_HUGE));
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(munmap(to, FAKE_PAGE), 0);
	assert_kernel_holds(2, 0, 0);
}

/* The kernel takes whole pages, and a target may lose more pages than it gets. */
static void
memory_that_is_resized_is_followed_by_whole_pages(void **state)
{
	void *va = memory_at(FAR), *to = FAKE_VA(FAR + FAKE_HUGE), *behind;
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(rte_mem_virt2iova(va), FAKE_PHYS(FAR));
	assert_ptr_equal(mremap(va, FAKE_PAGE, FAKE_PAGE - 100, 0), va);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	behind = memory_at(FAR + FAKE_HUGE + FAKE_PAGE);
	assert_int_equal(rte_mem_virt2iova(behind), FAKE_PHYS(FAR + FAKE_HUGE + FAKE_PAGE));
	assert_kernel_holds(2, 2, 2 * FAKE_PAGE);
	assert_ptr_equal(mremap(va, FAKE_PAGE, FAKE_PAGE + 1, MREMAP_MAYMOVE | MREMAP_FIXED, to),
			 to);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(munmap(to, 2 * FAKE_PAGE), 0);
	assert_kernel_holds(2, 0, 0);
}

/* Unmapped by a call that goes on to fail. */
static void
target_of_a_call_that_fails_is_looked_at(void **state)
{
	void *va = memory_at(FAR);
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	for (unsigned int i = 0; i < 2; i++) {
		fake_page_move(va, FAKE_PHYS(FAR));
		assert_int_equal(rte_mem_virt2iova(va), FAKE_PHYS(FAR));
		fake_page_remove(va);
		if (i == 0)
			assert_ptr_equal(mmap(va, FAKE_PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, -1,
					      0),
					 MAP_FAILED);
		else
			assert_ptr_equal(mremap(NULL, FAKE_PAGE, FAKE_PAGE,
						MREMAP_MAYMOVE | MREMAP_FIXED, va),
					 MAP_FAILED);
		assert_kernel_holds(2, 0, 0);
	}
	assert_int_equal(munmap(va, FAKE_PAGE), 0);
}

/*
 * --legacy-mem asks for the addresses of pages at places that it leaves, and has them
 * elsewhere when the first device comes (eal_memory.c).
 */
static void
pages_that_the_eal_maps_elsewhere_stay_pinned(void **state)
{
	void *va = memory_at(FAR);
	int fd;

	(void)state;
	fake_eal()->no_pci = false;
	fake_eal()->register_errno = ENOTSUP;
	assert_int_equal(rte_mem_virt2iova(va), FAKE_PHYS(FAR));
	assert_kernel_holds(1, 1, FAKE_PAGE);
	assert_int_equal(munmap(va, FAKE_PAGE), 0);
	assert_kernel_holds(1, 1, FAKE_PAGE);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(FAR));
	fake_eal_memseg(fake_eal_list(false, true), FAKE_VA(0), FAKE_PHYS(FAR), FAKE_HUGE);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

/*
 * Once the EAL has its memory it does not move any more: what is gone is dropped,
 * also without a device.
 */
static void
vanished_memory_stays_pinned_only_while_the_eal_starts(void **state)
{
	(void)state;
	fake_eal()->no_pci = false;
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rte_mem_virt2iova(memory_at(FAR)), FAKE_PHYS(FAR));
		assert_int_equal(munmap(FAKE_VA(FAR), FAKE_PAGE), 0);
		assert_kernel_holds(1, i + 1, (i + 1) * FAKE_PAGE);
	}
	fake_eal_memseg(fake_eal_list(false, true), FAKE_VA(0), FAKE_PHYS(0), FAKE_HUGE);
	assert_int_equal(rte_mem_virt2iova(memory_at(FAR)), FAKE_PHYS(FAR));
	assert_kernel_holds(1, 1, FAKE_PAGE);
	assert_int_equal(munmap(FAKE_VA(FAR), FAKE_PAGE), 0);
	assert_kernel_holds(1, 0, 0);
}

/* A refused device keeps no pins of what is gone. */
static void
vanished_memory_is_unpinned_when_a_device_fails(void **state)
{
	int fd;

	(void)state;
	fake_eal()->no_pci = false;
	assert_int_equal(rte_mem_virt2iova(memory_at(FAR)), FAKE_PHYS(FAR));
	assert_int_equal(munmap(FAKE_VA(FAR), FAKE_PAGE), 0);
	fake_eal_memseg(fake_eal_list(false, true), FAKE_VA(0), FAKE_PHYS(FAKE_HUGE), FAKE_HUGE);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_int_equal(fake_holds().areas, 0);
}

/* A call that fails changes nothing. */
static void
memory_that_stays_after_all_stays_pinned(void **state)
{
	void *va = memory_at(FAR);
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(rte_mem_virt2iova(va), FAKE_PHYS(FAR));
	errno = 0;
	assert_int_equal(munmap((char *)va + 1, FAKE_PAGE), -1);
	assert_int_equal(errno, EINVAL);
	assert_ptr_equal(mmap(va, FAKE_PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, -1, 0),
			 MAP_FAILED);
	assert_int_equal(errno, EBADF);
	assert_ptr_equal(mremap(va, FAKE_PAGE, 0, 0), MAP_FAILED);
	assert_true(errno == EINVAL || errno == ENOMEM); /* the latter with qemu-user */
	assert_int_equal(madvise(va, FAKE_PAGE, MADV_NORMAL), 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(munmap(va, FAKE_PAGE), 0);
}

/* It was asked for, and never mapped. */
static void
memory_that_was_never_mapped_is_not_unmapped(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), FAKE_PHYS(FAR));
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD,
							      (uintptr_t)FAKE_VA(FAR),
							      i * FAKE_PHYS(FAR), FAKE_PAGE),
				 -1);
		assert_int_equal(rte_errno, EINVAL);
	}
	assert_kernel_holds(2, 1, FAKE_PAGE);
}

/* Both of a guest's ports, say, have the same page. */
static void
two_views_of_a_page_are_two_mappings(void **state)
{
	const uint64_t first = (uintptr_t)FAKE_VA(FAR), second = first + FAKE_HUGE;
	const int container = RTE_VFIO_DEFAULT_CONTAINER_FD;
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_page_move(FAKE_VA(FAR + FAKE_HUGE), FAKE_PHYS(FAR));
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR + i * FAKE_HUGE)), FAKE_PHYS(FAR));
		assert_int_equal(rte_vfio_container_dma_map(container, first + i * FAKE_HUGE,
							    FAKE_PHYS(FAR), FAKE_PAGE),
				 0);
	}
	assert_kernel_holds(2, 2, 2 * FAKE_PAGE);
	assert_int_equal(rte_vfio_container_dma_unmap(container, first, FAKE_PHYS(FAR), FAKE_PAGE),
			 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(rte_vfio_container_dma_unmap(container, second, FAKE_PHYS(FAR), FAKE_PAGE),
			 0);
}

/* Once by its event, and not again when it is taken out of its list. */
static void
page_that_the_application_maps_too_is_unpinned_once(void **state)
{
	const int container = RTE_VFIO_DEFAULT_CONTAINER_FD;
	const uint64_t va = (uintptr_t)FAKE_VA(0);
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	page_is_new(0);
	fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(0), FAKE_HUGE);
	assert_int_equal(rte_vfio_container_dma_map(container, va, FAKE_PHYS(0), FAKE_HUGE), 0);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	fake_eal_drop(FAKE_VA(0));
	assert_kernel_holds(2, 1, FAKE_HUGE);
	assert_int_equal(rte_vfio_container_dma_unmap(container, va, FAKE_PHYS(0), FAKE_HUGE), 0);
	assert_kernel_holds(2, 0, 0);
	/* And now without an event. */
	page_is_new(0);
	assert_kernel_holds(2, 1, FAKE_HUGE);
	fake_eal_drop(FAKE_VA(0));
	assert_kernel_holds(2, 0, 0);
}

#define UNPINNED_TEST(name) cmocka_unit_test_setup_teardown(name, unpinned_begin, bus_end)

int
bus_unpinned_tests(void)
{
	const struct CMUnitTest tests[] = {
		UNPINNED_TEST(program_without_a_device_opens_nothing),
		UNPINNED_TEST(program_that_cannot_read_addresses_is_not_warned),
		UNPINNED_TEST(memory_that_stays_is_pinned_for_the_first_device),
		UNPINNED_TEST(memory_that_moved_refuses_the_device),
		UNPINNED_TEST(page_of_the_eal_that_moved_refuses_the_device),
		UNPINNED_TEST(memory_that_was_freed_is_forgotten),
		UNPINNED_TEST(page_of_the_eal_that_was_freed_is_forgotten),
		UNPINNED_TEST(memory_goes_with_its_owner_once_it_is_pinned),
		UNPINNED_TEST(memory_that_is_resized_is_followed_by_whole_pages),
		UNPINNED_TEST(target_of_a_call_that_fails_is_looked_at),
		UNPINNED_TEST(pages_that_the_eal_maps_elsewhere_stay_pinned),
		UNPINNED_TEST(vanished_memory_stays_pinned_only_while_the_eal_starts),
		UNPINNED_TEST(vanished_memory_is_unpinned_when_a_device_fails),
		UNPINNED_TEST(memory_that_stays_after_all_stays_pinned),
		UNPINNED_TEST(memory_that_was_never_mapped_is_not_unmapped),
		UNPINNED_TEST(two_views_of_a_page_are_two_mappings),
		UNPINNED_TEST(page_that_the_application_maps_too_is_unpinned_once),
	};

	return cmocka_run_group_tests_name("bus: addresses before a device", tests, NULL, NULL);
}
