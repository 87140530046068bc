/* SPDX-License-Identifier: BSD-3-Clause */

/* pagemap: what it reports of pages, and that these are pinned. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pagemap.h"
#include "test_compat.h"
#include "vfio_cdev_private.h"

#define PRESENT (UINT64_C(1) << 63)
#define FRAME ((UINT64_C(1) << 55) - 1)
#define OTHER_FLAGS (UINT64_C(1) << 61 | UINT64_C(1) << 56 | UINT64_C(1) << 55)

static off_t
entry_offset(uint64_t offset)
{
	return (off_t)((uintptr_t)FAKE_VA(offset) / FAKE_PAGE * 8);
}

/* What pagemap has of the page. */
static uint64_t
entry_at(int fd, uint64_t offset)
{
	uint64_t entry = 0x5555;

	assert_int_equal(pread(fd, &entry, 8, entry_offset(offset)), 8);
	return entry;
}

#define assert_frame(fd, offset) \
	assert_int_equal(entry_at(fd, offset), PRESENT | FAKE_PHYS(offset) / FAKE_PAGE)
#define assert_no_frame(fd, offset) assert_int_equal(entry_at(fd, offset), PRESENT)
/* Frame 0 would be taken for an address by programs that look at the present bit alone. */
#define assert_no_page(fd, offset) assert_int_equal(entry_at(fd, offset), 0)

/* The program has opened the container, and a device. */
static int
with_device(void)
{
	const int fd = open(PAGEMAP, O_RDONLY);

	assert_true(device_get(group_get(GROUP0, container_get()), ADDR0) >= 0);
	log_clear();
	return fd;
}

static void
page_is_pinned_before_its_address_is_given(void **state)
{
	const int fd = with_device();
	uint64_t entry;

	(void)state;
	fake.restless = FAKE_VA(HUGE);
	entry = entry_at(fd, HUGE);
	assert_int_equal(entry, PRESENT | fake_phys(FAKE_VA(HUGE)) / FAKE_PAGE);
	assert_int_equal(fake_holds().pinned, FAKE_PAGE);
	assert_frame(fd, 0);
	assert_frame(fd, 0);
	assert_int_equal(fake_holds().pinned, 2 * FAKE_PAGE);
	assert_int_equal(fake_unpinned_live(), 0);
	assert_string_equal(log_text(), "");
}

static void
page_that_is_absent_or_swapped_stays_so(void **state)
{
	const int fd = with_device();

	(void)state;
	fake_page_remove(FAKE_VA(0));
	machine.swapped = FAKE_VA(FAKE_PAGE);
	assert_int_equal(entry_at(fd, 0), 0);
	assert_int_equal(entry_at(fd, FAKE_PAGE), UINT64_C(1) << 62 | 5);
	assert_int_equal(fake_holds().pinned, 0);
}

static void
other_bits_of_an_entry_stay(void **state)
{
	const int fd = with_device();

	(void)state;
	machine.entry_flags = OTHER_FLAGS;
	assert_int_equal(entry_at(fd, 0), PRESENT | OTHER_FLAGS | FAKE_PHYS(0) / FAKE_PAGE);
	fake_fail(FAKE_MAP, 1, EFAULT);
	assert_int_equal(entry_at(fd, FAKE_PAGE), OTHER_FLAGS);
}

/* Of one that cannot be pinned no address is better than one that may be old. */
static void
page_that_cannot_be_pinned_has_no_frame(void **state)
{
	const int fd = with_device();
	uint64_t entries[3];

	(void)state;
	fake_fail(FAKE_MAP, 2, EFAULT);
	errno = EDOM;
	assert_int_equal(pread(fd, entries, sizeof(entries), entry_offset(0)), sizeof(entries));
	assert_int_equal(errno, EDOM);
	assert_int_equal(entries[0], PRESENT | FAKE_PHYS(0) / FAKE_PAGE);
	assert_int_equal(entries[1], 0);
	assert_int_equal(entries[2], PRESENT | FAKE_PHYS(2 * FAKE_PAGE) / FAKE_PAGE);
	assert_logged(ERR, log_hex((uintptr_t)FAKE_VA(FAKE_PAGE)), strerror(EFAULT));
	assert_frame(fd, FAKE_PAGE);
}

/* One pin for each hugepage; the addresses of its parts follow from the first one read. */
static void
range_over_hugepages_pins_each_once(void **state)
{
	const size_t count = 512 + 10;
	const uint64_t first = HUGE - 5 * FAKE_PAGE;
	const int fd = with_device();
	uint64_t entries[512 + 10];
	unsigned int maps;

	(void)state;
	fake.vma_page = HUGE;
	maps = fake_calls(FAKE_MAP);
	assert_int_equal(pread(fd, entries, sizeof(entries), entry_offset(first)), sizeof(entries));
	for (size_t i = 0; i < count; i++)
		assert_int_equal(entries[i],
				 PRESENT | FAKE_PHYS(first + i * FAKE_PAGE) / FAKE_PAGE);
	assert_int_equal(fake_calls(FAKE_MAP), maps + 3);
	assert_int_equal(fake_holds().pinned, 3 * HUGE);
}

/* A hole ends what follows from the entry before it. */
static void
range_with_a_hole_is_looked_at_again_behind_it(void **state)
{
	const int fd = with_device();
	uint64_t entries[4];

	(void)state;
	fake.vma_page = HUGE;
	machine.swapped = FAKE_VA(FAKE_PAGE);
	assert_int_equal(pread(fd, entries, sizeof(entries), entry_offset(0)), sizeof(entries));
	assert_int_equal(entries[0], PRESENT | FAKE_PHYS(0) / FAKE_PAGE);
	assert_int_equal(entries[1], UINT64_C(1) << 62 | 5);
	assert_int_equal(entries[2], PRESENT | FAKE_PHYS(2 * FAKE_PAGE) / FAKE_PAGE);
	assert_int_equal(entries[3], PRESENT | FAKE_PHYS(3 * FAKE_PAGE) / FAKE_PAGE);
	assert_int_equal(fake_holds().pinned, HUGE);
}

static void
reading_goes_on_from_its_offset(void **state)
{
	const int fd = with_device();
	uint64_t entries[2];

	(void)state;
	assert_int_equal(lseek(fd, entry_offset(0), SEEK_SET), entry_offset(0));
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(read(fd, entries, sizeof(entries)), sizeof(entries));
		for (unsigned int j = 0; j < 2; j++)
			assert_int_equal(entries[j],
					 PRESENT | FAKE_PHYS((2 * i + j) * FAKE_PAGE) / FAKE_PAGE);
	}
	assert_frame(fd, HUGE);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), entry_offset(6 * FAKE_PAGE));
	fake_fail(FAKE_PAGEMAP, 1, EIO);
	assert_fails(read(fd, entries, sizeof(entries)), EIO);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), entry_offset(6 * FAKE_PAGE));
	fake_fail(FAKE_PAGEMAP, 1, EIO);
	assert_fails(pread(fd, entries, sizeof(entries), 0), EIO);
	assert_int_equal(read(fd, entries, 0), 0);
}

static void
copies_of_the_fd_are_pagemap_too(void **state)
{
	const int fd = with_device();
	const int copies[] = { dup(fd), dup2(fd, 500), dup3(fd, 501, O_CLOEXEC),
			       fcntl(fd, F_DUPFD, 5), fcntl(fd, F_DUPFD_CLOEXEC, 5) };
	uint64_t entry;

	(void)state;
	for (unsigned int i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		assert_int_not_equal(copies[i], fd);
		fake.restless = FAKE_VA(i * FAKE_PAGE);
		entry = entry_at(copies[i], i * FAKE_PAGE);
		assert_int_equal(entry, PRESENT | fake_phys(fake.restless) / FAKE_PAGE);
		assert_int_equal(fake_holds().pinned, (i + 1) * FAKE_PAGE);
	}
	fake.restless = NULL;
}

/* The program has closed it behind the back of the library, and opened another. */
static void
other_file_of_the_same_number_is_left_alone(void **state)
{
	const int fd = with_device();
	uint64_t entry = 0;

	(void)state;
	fake_sys.close(fd);
	assert_int_equal(fake_sys.open(CDEV1, O_RDWR | O_CLOEXEC), fd);
	assert_fails(pread(fd, &entry, 8, entry_offset(0)), EBADF);
	assert_fails(read(fd, &entry, 8), EBADF);
	assert_int_equal(fake_holds().pinned, 0);
	/* That of another process, too. */
	close(fd);
	assert_int_equal(open("/proc/self/pagemap", O_RDONLY), fd);
	machine.pagemap_ino++;
	assert_frame(fd, 0);
	assert_int_equal(fake_holds().pinned, 0);
}

/* The one path by which programs open their own, and not those that lead there too. */
static void
path_is_the_one_of_programs(void **state)
{
	static const char *const others[] = {
		"/proc/self/pagemap2", "/proc/self/./pagemap", "/proc/thread-self/pagemap",
		"/proc/self/pagema",   "/proc/self//pagemap",
	};
	int fd;

	(void)state;
	container_get();
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		fd = open(others[i], O_RDONLY);
		if (fd >= 0)
			assert_false(marks_have(&pagemap_marks, fd));
		close(fd);
	}
	fd = open(PAGEMAP, O_RDONLY);
	assert_true(marks_have(&pagemap_marks, fd));
}

/* A program that only looks binds no device, and is not slowed down. */
static void
before_vfio_is_used_the_kernels_addresses_are_given(void **state)
{
	const int fd = open(PAGEMAP, O_RDONLY);

	(void)state;
	assert_frame(fd, 0);
	assert_frame(fd, FAKE_PAGE);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_int_equal(fake_holds().pinned, 0);
	/* The first device pins them. */
	assert_true(device_get(group_get(GROUP0, container_get()), ADDR0) >= 0);
	assert_int_equal(fake_holds().pinned, 2 * FAKE_PAGE);
	assert_logged(INFO, ADDR0, "2 pages pinned");
	assert_frame(fd, 0);
}

static void
page_that_has_moved_since_refuses_the_device(void **state)
{
	const int fd = open(PAGEMAP, O_RDONLY);
	int group;

	(void)state;
	assert_frame(fd, 0);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(9 * FAKE_PAGE));
	group = group_get(GROUP0, container_get());
	assert_fails(device_get(group, ADDR0), EADDRNOTAVAIL);
	assert_logged(ERR, log_hex((uintptr_t)FAKE_VA(0)), log_hex(FAKE_PHYS(0)), "kernel reports",
		      log_hex(FAKE_PHYS(9 * FAKE_PAGE)));
	assert_false(fake_node(CDEV0)->bound);
	assert_int_equal(machine.sleeps, 0);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(0));
	assert_true(device_get(group, ADDR0) >= 0);
}

/* Once the program has opened a container its addresses are for a device. */
static void
once_vfio_is_used_pages_are_pinned_first(void **state)
{
	int fd;

	(void)state;
	container_get();
	fd = open(PAGEMAP, O_RDONLY);
	assert_frame(fd, 0);
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	assert_int_equal(fake_holds().pinned, FAKE_PAGE);
	assert_logged(INFO, ADDR0 ": bound noiommu-vfio0 for a moment", "RTE_VFIO_CDEV_PRIME");
	assert_false(fake_node(CDEV0)->bound);
}

/* A look at memory as a whole, as profilers and the like take it. */
static void
more_entries_than_one_are_the_kernels_before_vfio_is_used(void **state)
{
	const int fd = open(PAGEMAP, O_RDONLY);
	uint64_t entries[2];

	(void)state;
	fake.admin = false;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pread(fd, entries, sizeof(entries), entry_offset(0)),
				 sizeof(entries));
		assert_int_equal(entries[0], PRESENT);
		assert_int_equal(entries[1], PRESENT);
		fake.admin = false;
	}
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_string_equal(log_text(), "");
	fake.admin = true;
	assert_int_equal(pread(fd, entries, sizeof(entries), entry_offset(0)), sizeof(entries));
	assert_int_equal(entries[1], PRESENT | FAKE_PHYS(FAKE_PAGE) / FAKE_PAGE);
	/* No device is held to them. */
	fake_page_move(FAKE_VA(0), FAKE_PHYS(9 * FAKE_PAGE));
	assert_true(device_get(group_get(GROUP0, container_get()), ADDR0) >= 0);
	assert_int_equal(fake_holds().pinned, 0);
	assert_int_equal(pread(fd, entries, sizeof(entries), entry_offset(FAKE_PAGE)),
			 sizeof(entries));
	assert_int_equal(fake_holds().pinned, 2 * FAKE_PAGE);
}

/* All that it gets is for a device, which this machine has none of. */
static void
where_cdevs_are_required_and_there_are_none_nothing_has_a_frame(void **state)
{
	uint64_t entries[2];
	int fd;

	(void)state;
	fake_sysfs_reset();
	fd = open(PAGEMAP, O_RDONLY);
	assert_no_page(fd, 0);
	assert_int_equal(pread(fd, entries, sizeof(entries), entry_offset(0)), sizeof(entries));
	assert_int_equal(entries[0], 0);
	assert_int_equal(entries[1], 0);
	assert_logged(ERR, "no physical addresses");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	/* There was none to clear. */
	fake.admin = false;
	assert_no_frame(fd, 0);
	fake_page_remove(FAKE_VA(0));
	assert_int_equal(entry_at(fd, 0), 0);
}

static void
without_the_kernels_addresses_pages_are_pinned_first(void **state)
{
	const int fd = open(PAGEMAP, O_RDONLY);

	(void)state;
	fake.admin = false;
	assert_frame(fd, 0);
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	assert_int_equal(fake_holds().pinned, FAKE_PAGE);
}

static void
where_cdevs_are_required_pages_are_pinned_first(void **state)
{
	const int fd = open(PAGEMAP, O_RDONLY);

	(void)state;
	assert_frame(fd, 0);
	assert_int_equal(fake_holds().pinned, FAKE_PAGE);
}

/* The kernel's address is not confirmed. */
static void
where_cdevs_are_required_nothing_else_has_a_frame(void **state)
{
	const int fd = open(PAGEMAP, O_RDONLY);

	(void)state;
	fake_node(CDEV0)->bound = true;
	fake_node(CDEV1)->bound = true;
	assert_no_page(fd, 0);
	assert_no_page(fd, FAKE_PAGE);
	assert_int_equal(fake_holds().pinned, 0);
}

static void
without_any_source_there_are_no_frames(void **state)
{
	const int fd = open(PAGEMAP, O_RDONLY);

	(void)state;
	fake.admin = false;
	fake_node(CDEV0)->bound = true;
	fake_node(CDEV1)->bound = true;
	for (unsigned int i = 0; i < 3; i++)
		assert_no_frame(fd, i * FAKE_PAGE);
	assert_logged(ERR, "no physical addresses", "CAP_SYS_ADMIN", "vfio-pci");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	/* Once VFIO is used they are for a device. */
	container_get();
	assert_no_page(fd, 0);
	/* Of a device that is there later they come. */
	fake_node(CDEV0)->bound = false;
	assert_true(device_get(group_get(GROUP0, container_get()), ADDR0) >= 0);
	assert_frame(fd, 0);
}

static void
switched_off_entries_are_the_kernels(void **state)
{
	const int fd = open(PAGEMAP, O_RDONLY);

	(void)state;
	container_get();
	assert_false(marks_have(&pagemap_marks, fd));
	assert_frame(fd, 0);
	fake.admin = false;
	assert_no_frame(fd, 0);
	assert_int_equal(fake_holds().pinned, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_INFO), 0);
}

/* A signal handler that has interrupted it must not wait for its locks. */
static void
inside_the_library_no_page_has_a_frame(void **state)
{
	const int fd = with_device();
	uint64_t entry;

	(void)state;
	vfio_cdev_lock_depth++;
	machine.entry_flags = OTHER_FLAGS;
	assert_int_equal(entry_at(fd, 0), OTHER_FLAGS);
	lseek(fd, entry_offset(0), SEEK_SET);
	assert_int_equal(read(fd, &entry, 8), 8);
	assert_int_equal(entry, OTHER_FLAGS);
	fake_page_remove(FAKE_VA(0));
	assert_int_equal(entry_at(fd, 0), OTHER_FLAGS);
	vfio_cdev_lock_depth--;
	assert_int_equal(fake_holds().pinned, 0);
	machine.entry_flags = 0;
	assert_frame(fd, FAKE_PAGE);
}

int
compat_pagemap_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(page_is_pinned_before_its_address_is_given),
		COMPAT_TEST_ENV(page_is_pinned_before_its_address_is_given,
				"RTE_VFIO_CDEV=require"),
		COMPAT_TEST(page_that_is_absent_or_swapped_stays_so),
		COMPAT_TEST(other_bits_of_an_entry_stay),
		COMPAT_TEST(page_that_cannot_be_pinned_has_no_frame),
		COMPAT_TEST(range_over_hugepages_pins_each_once),
		COMPAT_TEST(range_with_a_hole_is_looked_at_again_behind_it),
		COMPAT_TEST(reading_goes_on_from_its_offset),
		COMPAT_TEST(copies_of_the_fd_are_pagemap_too),
		COMPAT_TEST(other_file_of_the_same_number_is_left_alone),
		COMPAT_TEST(path_is_the_one_of_programs),
		COMPAT_TEST(before_vfio_is_used_the_kernels_addresses_are_given),
		COMPAT_TEST(page_that_has_moved_since_refuses_the_device),
		COMPAT_TEST(once_vfio_is_used_pages_are_pinned_first),
		COMPAT_TEST(more_entries_than_one_are_the_kernels_before_vfio_is_used),
		COMPAT_TEST_ENV(where_cdevs_are_required_and_there_are_none_nothing_has_a_frame,
				"RTE_VFIO_CDEV=require"),
		COMPAT_TEST(without_the_kernels_addresses_pages_are_pinned_first),
		COMPAT_TEST_ENV(where_cdevs_are_required_pages_are_pinned_first,
				"RTE_VFIO_CDEV=require"),
		COMPAT_TEST_ENV(where_cdevs_are_required_nothing_else_has_a_frame,
				"RTE_VFIO_CDEV=require"),
		COMPAT_TEST(without_any_source_there_are_no_frames),
		COMPAT_TEST_ENV(switched_off_entries_are_the_kernels, "RTE_VFIO_CDEV=off"),
		COMPAT_TEST_ENV(switched_off_entries_are_the_kernels, "RTE_VFIO_CDEV=nonsense"),
		COMPAT_TEST(inside_the_library_no_page_has_a_frame),
	};

	return COMPAT_RUN("compat: pagemap", tests);
}
