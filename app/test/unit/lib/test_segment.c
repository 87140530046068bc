/* SPDX-License-Identifier: BSD-3-Clause */

/* The length of a System V segment that is detached. */

#include <errno.h>
#include <sys/sysmacros.h>

#include "fixture.h"
#include "vfio_cdev_monitor.h"

#define GIVEN 6

static void
file_map(uint64_t at, uint64_t pages, uint64_t first)
{
	const struct fake_vma vma = file_vma(at, pages, first);

	fake_vma_add(&vma);
}

/* The address of a page of a segment was given. */
static int
pinned_begin(void **state)
{
	const struct fixture *f;
	uint64_t phys;

	if (fixture_device(state) < 0)
		return -1;
	f = *state;
	file_map(0, GIVEN, 0);
	return rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(0), &phys);
}

/* shmdt(2) has no length: it is that of the file's mappings that go on from there. */
static void
segment_is_as_long_as_its_mappings(void **state)
{
	(void)state;
	fake_vma_remove(FAKE_VA(0));
	file_map(0, 2, 0);
	file_map(PAGES(2), 3, 2); /* since mprotect() */
	file_map(PAGES(5), 1, 5);
	assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(0)), PAGES(GIVEN));
	assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(PAGES(2))), PAGES(GIVEN - 2));
	/* The same one, attached again behind it. */
	file_map(PAGES(GIVEN), GIVEN, 0);
	assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(0)), PAGES(GIVEN));
}

static void
segment_ends_before_another(void **state)
{
	const struct fake_vma same = file_vma(PAGES(GIVEN), 4, GIVEN);
	struct fake_vma others[] = { same, same, same };

	(void)state;
	fake_vma_add(&same);
	assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(0)), PAGES(GIVEN + 4));
	fake_vma_remove(same.va);
	others[0].inode++;
	others[1].dev = makedev(0, 16);
	others[2].shared = false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		fake_vma_add(&others[i]);
		assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(0)), PAGES(GIVEN));
		fake_vma_remove(others[i].va);
	}
}

static void
length_of_a_segment_may_be_unknown(void **state)
{
	const struct fake_vma private = { FAKE_VA(HUGE), HUGE, FAKE_PAGE, false, 0, 0, 0 };

	(void)state;
	fake_vma_add(&private);
	assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(HUGE)), 0);
	assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(4 * HUGE)), 0);
	errno = EDOM;
	fake_fail(FAKE_VMA, 1, ENOTTY);
	assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(0)), 0);
	assert_int_equal(errno, EDOM);
	assert_string_equal(log_text(), "");
}

static void
without_pins_no_segment_is_looked_at(void **state)
{
	const unsigned int queries = fake_calls(FAKE_VMA);

	(void)state;
	file_map(0, GIVEN, 0);
	assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(0)), 0);
	assert_int_equal(fake_calls(FAKE_VMA), queries);
}

#define PINNED_TEST(name) cmocka_unit_test_setup_teardown(name, pinned_begin, fixture_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PINNED_TEST(segment_is_as_long_as_its_mappings),
		PINNED_TEST(segment_ends_before_another),
		PINNED_TEST(length_of_a_segment_may_be_unknown),
		DEVICE_TEST(without_pins_no_segment_is_looked_at),
	};

	return cmocka_run_group_tests_name("segment", tests, NULL, NULL);
}
