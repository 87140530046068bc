/* SPDX-License-Identifier: BSD-3-Clause */

/* How much of the page follows an address that is given. */

#include <errno.h>

#include "fixture.h"
#include "vfio_cdev_front.h"

#define UNTOUCHED 0x5555

static uint64_t
rest_at(const struct fixture *f, uint64_t offset)
{
	uint64_t phys = 0, rest = UNTOUCHED;

	assert_int_equal(vfio_cdev_provide(f->domain, FAKE_VA(offset), &phys, &rest), 0);
	assert_int_equal(phys, FAKE_PHYS(offset));
	return rest;
}

static void
rest_of_a_base_page_ends_with_it(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(rest_at(f, PAGES(3)), FAKE_PAGE);
	assert_int_equal(rest_at(f, PAGES(3) + 1), FAKE_PAGE - 1);
	assert_int_equal(rest_at(f, PAGES(4) - 1), 1);
	assert_int_equal(fixture_stats(f).provisional, 1);
}

static void
rest_of_a_hugepage_ends_with_it(void **state)
{
	const struct fixture *f = *state;

	fake.vma_page = HUGE;
	assert_int_equal(rest_at(f, 3 * HUGE), HUGE);
	assert_int_equal(rest_at(f, 3 * HUGE + PAGES(7) + 5), HUGE - PAGES(7) - 5);
	assert_int_equal(rest_at(f, 4 * HUGE - 1), 1);
	assert_int_equal(fixture_stats(f).provisional, 1);
	assert_kernel_holds(2, 1, HUGE);
}

/* What the kernel does not report is not assumed. */
static void
without_a_page_size_the_rest_is_of_a_base_page(void **state)
{
	const struct fixture *f = *state;

	fake.vma_page = HUGE;
	fake.maps_error = EACCES;
	assert_int_equal(rest_at(f, HUGE + PAGES(9)), FAKE_PAGE);
	fake.maps_error = 0;
	fake.vma_page = 0;
	assert_int_equal(rest_at(f, HUGE + PAGES(7) + 5), FAKE_PAGE - 5);
	fake.vma_page = FAKE_PAGE / 2;
	assert_int_equal(rest_at(f, HUGE + PAGES(8) + 5), FAKE_PAGE - 5);
	fake.vma_page = HUGE;
	fake_fail(FAKE_VMA, 1, ENOTTY);
	assert_int_equal(rest_at(f, HUGE + PAGES(9)), FAKE_PAGE);
}

/* A hugepage in one VMA, base pages in the next. */
static void
rest_is_that_of_the_page_at_the_address(void **state)
{
	const struct fake_vma at[] = {
		{ .va = FAKE_VA(HUGE), .len = HUGE, .page_size = HUGE, .shared = true, .inode = 1 },
		{ .va = FAKE_VA(2 * HUGE), .len = HUGE, .page_size = FAKE_PAGE },
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		fake_vma_add(&at[i]);
	assert_int_equal(rest_at(f, 2 * HUGE - PAGES(1)), FAKE_PAGE);
	assert_int_equal(rest_at(f, 2 * HUGE - PAGES(2)), PAGES(2));
	assert_int_equal(rest_at(f, 2 * HUGE), FAKE_PAGE);
	assert_int_equal(fixture_stats(f).provisional_bytes, HUGE + FAKE_PAGE);
}

/* The page of a mapping, or of another pin, is no other page. */
static void
rest_of_a_page_that_is_mapped_is_the_same(void **state)
{
	const struct fixture *f = *state;

	fake.vma_page = HUGE;
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(rest_at(f, PAGES(5) + 7), HUGE - PAGES(5) - 7);
	assert_int_equal(fixture_stats(f).provisional, 0);
}

static void
error_stores_nothing(void **state)
{
	const struct fixture *f = *state;
	uint64_t phys = UNTOUCHED, rest = UNTOUCHED;

	fake_page_remove(FAKE_VA(0));
	assert_int_equal(vfio_cdev_provide(f->domain, FAKE_VA(0), &phys, &rest), -EFAULT);
	assert_int_equal(phys, UNTOUCHED);
	assert_int_equal(rest, UNTOUCHED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(rest_of_a_base_page_ends_with_it),
		DEVICE_TEST(rest_of_a_hugepage_ends_with_it),
		DEVICE_TEST(without_a_page_size_the_rest_is_of_a_base_page),
		DEVICE_TEST(rest_is_that_of_the_page_at_the_address),
		DEVICE_TEST(rest_of_a_page_that_is_mapped_is_the_same),
		DEVICE_TEST(error_stores_nothing),
	};

	return cmocka_run_group_tests_name("provide", tests, NULL, NULL);
}
