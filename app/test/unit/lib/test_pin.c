/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory of any kind pinned where it is: its extents, its errors, its release. */

#include <errno.h>
#include <string.h>

#include "fake_heap.h"
#include "fixture.h"
#include "vfio_cdev_private.h"

static int
pin(const struct fixture *f, uint64_t first, uint64_t count, struct rte_vfio_cdev_pin **out)
{
	return rte_vfio_cdev_domain_pin(f->domain, FAKE_VA(PAGES(first)), PAGES(count), out);
}

/* At any address. */
static int
any_map(const struct fixture *f, uint64_t first, uint64_t count)
{
	return rte_vfio_cdev_domain_map(f->domain, FAKE_VA(PAGES(first)), RTE_VFIO_CDEV_IOVA_ANY,
					PAGES(count), FAKE_PAGE);
}

static int
any_unmap(const struct fixture *f, uint64_t first, uint64_t count)
{
	return rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(PAGES(first)), RTE_VFIO_CDEV_IOVA_ANY,
					  PAGES(count));
}

static void
assert_pin_fails(const struct fixture *f, uint64_t first, uint64_t count, int err)
{
	struct rte_vfio_cdev_pin *out = NULL;

	log_clear();
	assert_int_equal(pin(f, first, count, &out), -err);
	assert_null(out);
	assert_logged(ERR, "memory", strerror(err));
}

static void
assert_extent(const struct rte_vfio_cdev_pin *pinned, unsigned int i, uint64_t iova, uint64_t len)
{
	const struct rte_vfio_cdev_extent *extents;

	assert_true(rte_vfio_cdev_pin_extents(pinned, &extents) > i);
	assert_int_equal(extents[i].iova, iova);
	assert_int_equal(extents[i].len, len);
}

static unsigned int
extent_count(const struct rte_vfio_cdev_pin *pinned)
{
	const struct rte_vfio_cdev_extent *extents;

	return rte_vfio_cdev_pin_extents(pinned, &extents);
}

/* Page 2 is far away, page 5 before page 4. */
static void
memory_scatter(void)
{
	fake_page_move(FAKE_VA(PAGES(2)), FAKE_PHYS(PAGES(1000)));
	fake_page_move(FAKE_VA(PAGES(4)), FAKE_PHYS(PAGES(2001)));
	fake_page_move(FAKE_VA(PAGES(5)), FAKE_PHYS(PAGES(2000)));
}

static void
memory_in_one_piece_is_one_extent(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_pin *pinned;
	const size_t start = strlen(fake_trace());

	assert_int_equal(pin(f, 3, 8, &pinned), 0);
	assert_string_equal(fake_trace() + start, "MP");
	assert_int_equal(extent_count(pinned), 1);
	assert_extent(pinned, 0, FAKE_PHYS(PAGES(3)), PAGES(8));
	assert_kernel_holds(2, 1, PAGES(8));
	assert_stats(f, 1, 8, PAGES(8));
	assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
	assert_nothing_mapped(f);
}

static void
scattered_memory_has_its_extents_in_order(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_pin *pinned;

	memory_scatter();
	assert_int_equal(pin(f, 0, 7, &pinned), 0);
	assert_int_equal(extent_count(pinned), 6);
	assert_extent(pinned, 0, FAKE_PHYS(0), PAGES(2));
	assert_extent(pinned, 1, FAKE_PHYS(PAGES(1000)), PAGES(1));
	assert_extent(pinned, 2, FAKE_PHYS(PAGES(3)), PAGES(1));
	assert_extent(pinned, 3, FAKE_PHYS(PAGES(2001)), PAGES(1));
	assert_extent(pinned, 4, FAKE_PHYS(PAGES(2000)), PAGES(1));
	assert_extent(pinned, 5, FAKE_PHYS(PAGES(6)), PAGES(1));
	assert_kernel_holds(2, 1, PAGES(7));
	assert_stats(f, 1, 7, PAGES(7));
	assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
	assert_nothing_mapped(f);
}

/* Of the same memory, first or second: unmap() takes the mapping, and the pin has its own page. */
static void
unmap_spares_pins(void **state)
{
	const uint64_t phys[] = { FAKE_PHYS(PAGES(2)), FAKE_PHYS(PAGES(77)) };
	struct rte_vfio_cdev_pin *pinned;
	struct fixture *f = *state;

	for (unsigned int order = 0; order < 2; order++) {
		for (unsigned int i = 0; i < 2; i++) {
			fake_page_move(FAKE_VA(PAGES(2)), phys[i]);
			assert_int_equal(i == order ? pin(f, 0, 3, &pinned) : any_map(f, 0, 3), 0);
		}
		assert_stats(f, 2, 6, PAGES(6));
		assert_int_equal(any_unmap(f, 0, 3), 0);
		assert_int_equal(fake_pins(FAKE_VA(PAGES(2)), phys[order]), 1);
		assert_int_equal(fake_pins(FAKE_VA(PAGES(2)), phys[1 - order]), 0);
		assert_int_equal(any_unmap(f, 0, 3), -ENOENT);
		assert_int_equal(any_unmap(f, 1, 1), -ENOENT);
		assert_int_equal(memory_lookup(f, 0, PAGES(3)), -ENOENT);
		assert_stats(f, 1, 3, PAGES(3));
		assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
		assert_nothing_mapped(f);
	}
}

/* A part of the mapping goes, or its user; then the pin, and then the rest. */
static void
release_spares_mappings(void **state)
{
	struct rte_vfio_cdev_pin *pinned;
	struct fixture *f = *state;

	for (unsigned int first = 0; first < 3; first++) {
		assert_int_equal(any_map(f, first, 2), 0);
		assert_int_equal(pin(f, 1, 2, &pinned), 0);
		assert_int_equal(any_map(f, 1, 2), 0);
		assert_int_equal(any_unmap(f, first, 1), 0);
		assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
		assert_int_equal(any_unmap(f, 1, 2), 0);
		assert_int_equal(any_unmap(f, first + 1, 1), 0);
		assert_nothing_mapped(f);
	}
}

/* The page's own mapping stays when the pin goes. */
static void
page_in_a_pin_is_pinned_for_itself(void **state)
{
	struct rte_vfio_cdev_pin *pinned;
	struct fixture *f = *state;
	uint64_t phys = 0;

	for (unsigned int count = 1; count < 3; count++) {
		assert_int_equal(pin(f, 0, count, &pinned), 0);
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(0),
								       FAKE_PAGE, &phys),
					 0);
		assert_int_equal(phys, FAKE_PHYS(0));
		assert_int_equal(fake_pins(FAKE_VA(0), phys), 2);
		assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
		assert_int_equal(fake_pins(FAKE_VA(0), phys), 1);
		assert_int_equal(pages_unmap(f, 0, 1), 0);
		assert_nothing_mapped(f);
	}
}

/* No number of an attempt is 0, of memory that is relied on, or a pin's. */
static void
attempts_that_fail_spare_pins_and_mappings(void **state)
{
	const uint32_t numbers[] = { INT32_MAX, UINT32_MAX - 1, UINT32_MAX };
	struct rte_vfio_cdev_pin *pinned;
	struct fixture *f = *state;

	assert_int_equal(any_map(f, 0, 1), 0);
	assert_int_equal(pin(f, 1, 1, &pinned), 0);
	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(PAGES(5)),
						   RTE_VFIO_CDEV_IOVA_ANY, FAKE_PAGE, 0),
			 0);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		f->domain->attempt = numbers[i];
		for (unsigned int times = 0; times < 3; times++) {
			fake_fail(FAKE_MAP, 1, EIO);
			assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), -EIO);
			assert_stats(f, 2, 2, PAGES(2));
		}
	}
	assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
}

static void
same_memory_again_is_another_pin(void **state)
{
	struct rte_vfio_cdev_pin *first, *second;
	struct fixture *f = *state;

	memory_scatter();
	assert_int_equal(pin(f, 0, 7, &first), 0);
	assert_int_equal(pin(f, 0, 7, &second), 0);
	assert_kernel_holds(2, 2, PAGES(14));
	assert_int_equal(rte_vfio_cdev_pin_release(first), 0);
	assert_kernel_holds(2, 1, PAGES(7));
	assert_int_equal(rte_vfio_cdev_pin_release(second), 0);
	assert_nothing_mapped(f);
}

static void
memory_that_is_mapped_in_another_way_is_pinned_beside(void **state)
{
	struct rte_vfio_cdev_pin *whole, *part;
	struct fixture *f = *state;

	memory_scatter();
	assert_int_equal(memory_map(f, PAGES(6), PAGES(2), FAKE_PAGE), 0);
	assert_int_equal(pin(f, 0, 7, &whole), 0);
	assert_int_equal(pin(f, 4, 2, &part), 0);
	assert_stats(f, 3, 11, PAGES(11));
	assert_int_equal(rte_vfio_cdev_pin_release(whole), 0);
	assert_extent(part, 0, FAKE_PHYS(PAGES(2001)), PAGES(1));
	assert_int_equal(rte_vfio_cdev_pin_release(part), 0);
	assert_stats(f, 1, 2, PAGES(2));
}

/* The memory was freed: what was pinned is unpinned all the same. */
static void
release_does_not_need_the_memory(void **state)
{
	struct rte_vfio_cdev_pin *before, *after;
	struct fixture *f = *state;

	assert_int_equal(pin(f, 0, 1, &before), 0);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(PAGES(77)));
	assert_int_equal(pin(f, 0, 1, &after), 0);
	assert_extent(before, 0, FAKE_PHYS(0), FAKE_PAGE);
	assert_extent(after, 0, FAKE_PHYS(PAGES(77)), FAKE_PAGE);
	assert_int_equal(rte_vfio_cdev_pin_release(before), 0);
	assert_stats(f, 1, 1, FAKE_PAGE);
	assert_int_equal(rte_vfio_cdev_pin_release(after), 0);
	assert_nothing_mapped(f);
}

static void
bad_ranges_are_refused(void **state)
{
	static const struct {
		uint64_t va, len;
	} bad[] = {
		{ 0x200000, 0 },    { 0x200800, 4096 },		 { 0x200000, 4095 },
		{ 0x200000, 6000 }, { UINT64_MAX - 4095, 8192 }, { 0, UINT64_C(1) << 52 },
	};
	struct rte_vfio_cdev_pin *pinned = NULL;
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		log_clear();
		assert_int_equal(rte_vfio_cdev_domain_pin(f->domain, (void *)(uintptr_t)bad[i].va,
							  bad[i].len, &pinned),
				 -EINVAL);
		assert_logged(ERR, "cannot map", strerror(EINVAL));
	}
	assert_null(pinned);
	assert_int_equal(fake_calls(FAKE_MAP), 0);
}

/* Each call of pinning the scattered memory in turn. */
static void
each_call_that_fails_leaves_nothing_pinned(void **state)
{
	static const struct {
		enum fake_op op;
		unsigned int times;
	} calls[] = {
		{ FAKE_MAP, 1 },
		{ FAKE_GET_PA, 6 },
	};
	struct rte_vfio_cdev_pin *pinned;
	struct fixture *f = *state;

	memory_scatter();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (unsigned int nth = 1; nth <= calls[i].times; nth++) {
			fake_fail(calls[i].op, nth, ENOMEM);
			assert_pin_fails(f, 0, 7, ENOMEM);
			assert_nothing_mapped(f);
		}
	}
	assert_int_equal(pin(f, 0, 7, &pinned), 0);
	assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
}

static void
short_heap_leaves_nothing_pinned(void **state)
{
	static const enum fake_heap_call calls[] = {
		FAKE_HEAP_CALLOC,
		FAKE_HEAP_MALLOC,
		FAKE_HEAP_REALLOC,
	};
	struct fixture *f = *state;

	memory_scatter();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fake_heap_fail(calls[i]);
		assert_pin_fails(f, 0, 7, ENOMEM);
		assert_nothing_mapped(f);
	}
}

static void
answers_that_make_no_sense_are_refused(void **state)
{
	const uint64_t lengths[] = { 0, 1, FAKE_PAGE - 1, FAKE_PAGE + 1904, PAGES(9) };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		fake.pa_length = lengths[i];
		assert_pin_fails(f, 0, 8, EPROTO);
		assert_logged(ERR, "makes no sense");
		assert_nothing_mapped(f);
	}
}

/* The kernel does not unmap it: the pin stays for another try. */
static void
release_that_fails_can_be_tried_again(void **state)
{
	struct rte_vfio_cdev_pin *pinned;
	struct fixture *f = *state;

	memory_scatter();
	assert_int_equal(pin(f, 0, 7, &pinned), 0);
	fake_fail(FAKE_UNMAP, 1, EBUSY);
	log_clear();
	assert_int_equal(rte_vfio_cdev_pin_release(pinned), -EBUSY);
	assert_logged(ERR, "cannot unmap", strerror(EBUSY));
	assert_int_equal(extent_count(pinned), 6);
	assert_stats(f, 1, 7, PAGES(7));
	assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
	assert_nothing_mapped(f);
}

/* It is of the same memory, but for a page that was replaced in between. */
static void
release_spares_another_pin(void **state)
{
	const uint64_t phys[] = { FAKE_PHYS(PAGES(2)), FAKE_PHYS(PAGES(77)) };
	struct rte_vfio_cdev_pin *pins[2];
	struct fixture *f = *state;

	for (unsigned int first = 0; first < 2; first++) {
		for (unsigned int i = 0; i < 2; i++) {
			fake_page_move(FAKE_VA(PAGES(2)), phys[i]);
			assert_int_equal(pin(f, 0, 3, &pins[i]), 0);
		}
		assert_int_equal(rte_vfio_cdev_pin_release(pins[first]), 0);
		assert_int_equal(fake_pins(FAKE_VA(PAGES(2)), phys[first]), 0);
		assert_int_equal(fake_pins(FAKE_VA(PAGES(2)), phys[1 - first]), 1);
		assert_int_equal(rte_vfio_cdev_pin_release(pins[1 - first]), 0);
		assert_nothing_mapped(f);
	}
}

static void
nothing_can_be_released(void **state)
{
	(void)state;
	assert_int_equal(rte_vfio_cdev_pin_release(NULL), 0);
}

static void
without_a_device_nothing_is_pinned(void **state)
{
	assert_pin_fails(*state, 0, 1, ENODEV);
	assert_logged(ERR, "set up a device first");
	assert_int_equal(fake_calls(FAKE_MAP), 0);
}

static void
limit_of_locked_memory_is_named(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_pin *pinned;

	fake.memlock = PAGES(7) - 1;
	assert_pin_fails(f, 0, 7, ENOMEM);
	assert_logged(ERR, "RLIMIT_MEMLOCK");
	fake.memlock = PAGES(7);
	assert_int_equal(pin(f, 0, 7, &pinned), 0);
	assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
}

/* An address that was given, before the memory was pinned or later, needs no pin of a caller's. */
static void
given_page_stays_pinned_when_a_pin_is_released(void **state)
{
	const struct fixture *f = *state;
	struct rte_vfio_cdev_pin *pinned;
	uint64_t phys;

	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(PAGES(1)), &phys), 0);
	assert_int_equal(pin(f, 0, 3, &pinned), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(PAGES(2)), &phys),
				 0);
	assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), 0);
	assert_kernel_holds(2, 3, PAGES(5));
	assert_int_equal(rte_vfio_cdev_pin_release(pinned), 0);
	assert_int_equal(fixture_stats(f).provisional, 2);
	assert_kernel_holds(2, 2, PAGES(2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(given_page_stays_pinned_when_a_pin_is_released),
		DEVICE_TEST(memory_in_one_piece_is_one_extent),
		DEVICE_TEST(scattered_memory_has_its_extents_in_order),
		DEVICE_TEST(unmap_spares_pins),
		DEVICE_TEST(release_spares_mappings),
		DEVICE_TEST(page_in_a_pin_is_pinned_for_itself),
		DEVICE_TEST(attempts_that_fail_spare_pins_and_mappings),
		DEVICE_TEST(same_memory_again_is_another_pin),
		DEVICE_TEST(memory_that_is_mapped_in_another_way_is_pinned_beside),
		DEVICE_TEST(release_does_not_need_the_memory),
		DEVICE_TEST(bad_ranges_are_refused),
		DEVICE_TEST(each_call_that_fails_leaves_nothing_pinned),
		DEVICE_TEST(short_heap_leaves_nothing_pinned),
		DEVICE_TEST(answers_that_make_no_sense_are_refused),
		DEVICE_TEST(release_that_fails_can_be_tried_again),
		DEVICE_TEST(release_spares_another_pin),
		DEVICE_TEST(nothing_can_be_released),
		cmocka_unit_test_setup_teardown(without_a_device_nothing_is_pinned, fixture_domain,
						fixture_end),
		DEVICE_TEST(limit_of_locked_memory_is_named),
	};

	return cmocka_run_group_tests_name("pin", tests, NULL, NULL);
}
