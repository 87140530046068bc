/* SPDX-License-Identifier: BSD-3-Clause */

/* Addresses of pages: the page is pinned first, then asked for, and kept or not. */

#include <errno.h>
#include <string.h>

#include "fake_heap.h"
#include "fixture.h"
#include "vfio_cdev_private.h"

#define UNTOUCHED UINT64_C(0x5555)

static int
pin(const struct fixture *f, uint64_t offset, uint64_t len, uint64_t *iova)
{
	return rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(offset), len, iova);
}

static int
phys(const struct fixture *f, uint64_t offset, uint64_t *address)
{
	return rte_vfio_cdev_domain_phys(f->domain, FAKE_VA(offset), address);
}

/* The trace of what came after so many calls. */
static const char *
trace_from(size_t start)
{
	return fake_trace() + start;
}

static void
assert_pin_fails(const struct fixture *f, uint64_t offset, uint64_t len, int err)
{
	uint64_t iova = UNTOUCHED;

	log_clear();
	assert_int_equal(pin(f, offset, len, &iova), -err);
	assert_int_equal(iova, UNTOUCHED);
	assert_logged(ERR, strerror(err));
}

/* Where the only mapping is in the IOAS. */
static uint64_t
area_iova(const struct fixture *f)
{
	return vfio_cdev_tree_next(&f->domain->tree, NULL, UINT64_MAX, 0)->iova;
}

/* Two are pending of exactly this memory: the one of this page size is pinned. */
static void
pending_page_of_this_size_is_pinned(void **state)
{
	struct fixture *f = *state;
	uint64_t iova;

	for (unsigned int order = 0; order < 2; order++) {
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(0),
								   RTE_VFIO_CDEV_IOVA_ANY,
								   i == order ? HUGE : 2 * HUGE,
								   i == order ? FAKE_PAGE : HUGE),
					 0);
		assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(HUGE),
							    RTE_VFIO_CDEV_IOVA_ANY, HUGE),
				 0);
		assert_int_equal(pin(f, 0, HUGE, &iova), 0);
		assert_stats(f, 1, 1, HUGE);
		assert_int_equal(fixture_stats(f).pending, 1);
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(0),
								    RTE_VFIO_CDEV_IOVA_ANY, HUGE),
					 0);
	}
}

/* To find free ones the kernel looks at each area. */
static void
iovas_of_areas_are_new_and_aligned_as_the_memory(void **state)
{
	const struct fixture *f = *state;
	uint64_t phys, last = 0;

	for (unsigned int i = 1; i < 8; i++) {
		const uint64_t len = i % 2 != 0 ? HUGE : FAKE_PAGE;

		assert_int_equal(pin(f, i * HUGE, len, &phys), 0);
		assert_true(area_iova(f) > last);
		assert_int_equal(area_iova(f) % len, 0);
		last = area_iova(f) + len - 1;
		assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(i * HUGE), phys,
							    len),
				 0);
	}
}

static void
page_is_pinned_before_its_address_is_asked_for(void **state)
{
	struct fixture *f = *state;
	const size_t start = strlen(fake_trace());
	uint64_t iova = 0;

	assert_int_equal(pin(f, 3 * HUGE, HUGE, &iova), 0);
	assert_int_equal(iova, FAKE_PHYS(3 * HUGE));
	assert_string_equal(trace_from(start), "MP");
	assert_int_equal(fake_pa_asked(), FAKE_PAGE);
	assert_int_equal(fake_unpinned_live(), 0);
	assert_kernel_holds(2, 1, HUGE);
	assert_stats(f, 1, 1, HUGE);
	assert_logged(DEBUG, "mapped", "2097152 bytes");
}

static void
base_pages_and_large_ones_can_be_pinned(void **state)
{
	const uint64_t giant = UINT64_C(1) << 30;
	struct fixture *f = *state;
	uint64_t iova;

	assert_int_equal(pin(f, FAKE_PAGE, FAKE_PAGE, &iova), 0);
	assert_int_equal(iova, FAKE_PHYS(FAKE_PAGE));
	assert_int_equal(pin(f, giant, giant, &iova), 0);
	assert_int_equal(iova, FAKE_PHYS(giant));
	assert_stats(f, 2, 2, giant + FAKE_PAGE);
}

static void
pinned_page_is_a_mapping_like_any_other(void **state)
{
	struct fixture *f = *state;
	uint64_t iova;

	assert_int_equal(pin(f, 0, HUGE, &iova), 0);
	assert_int_equal(memory_lookup(f, 0, HUGE), 0);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_kernel_holds(2, 1, HUGE);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_kernel_holds(2, 1, HUGE);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_nothing_mapped(f);
}

static void
page_pinned_earlier_is_neither_asked_for_nor_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t iova = 0;
	size_t start;

	assert_int_equal(pin(f, 0, HUGE, &iova), 0);
	start = strlen(fake_trace());
	assert_int_equal(pin(f, 0, HUGE, &iova), 0);
	assert_int_equal(iova, FAKE_PHYS(0));
	assert_string_equal(trace_from(start), "");
	assert_kernel_holds(2, 1, HUGE);
	assert_stats(f, 1, 1, HUGE);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_nothing_mapped(f);
}

static void
page_of_a_larger_mapping_is_pinned_already(void **state)
{
	const uint64_t iovas[] = { FAKE_PHYS(0), RTE_VFIO_CDEV_IOVA_ANY };
	struct fixture *f = *state;
	uint64_t iova = 0;

	for (size_t any = 0; any < 2; any++) {
		assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), iovas[any],
							  4 * FAKE_PAGE, FAKE_PAGE),
				 0);
		for (unsigned int i = 0; i < 4; i++) {
			assert_int_equal(pin(f, i * FAKE_PAGE, FAKE_PAGE, &iova), 0);
			assert_int_equal(iova, FAKE_PHYS(i * FAKE_PAGE));
		}
		assert_kernel_holds(2, 1, 4 * FAKE_PAGE);
		assert_stats(f, 1, 4, 4 * FAKE_PAGE);
		assert_int_equal(memory_unmap(f, 0, 4 * FAKE_PAGE), 0);
	}
}

/* The same page at two addresses, and a page around one that is mapped. */
static void
pages_may_be_pinned_several_times(void **state)
{
	struct fixture *f = *state;
	uint64_t iova = 0;

	assert_int_equal(pin(f, 0, FAKE_PAGE, &iova), 0);
	fake_page_move(FAKE_VA(HUGE), FAKE_PHYS(0));
	assert_int_equal(pin(f, HUGE, FAKE_PAGE, &iova), 0);
	assert_int_equal(iova, FAKE_PHYS(0));
	assert_int_equal(pin(f, 0, HUGE, &iova), 0);
	assert_stats(f, 3, 3, HUGE + 2 * FAKE_PAGE);
	assert_int_equal(memory_unmap(f, 0, FAKE_PAGE), 0);
	assert_stats(f, 2, 2, HUGE + FAKE_PAGE);
}

/* As the EAL does while a device is being set up: recorded, then asked for. */
static void
planned_page_is_pinned_in_its_place(void **state)
{
	struct fixture *f = *state;
	uint64_t iova = 0;

	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(0), FAKE_PHYS(0), HUGE, HUGE),
			 0);
	assert_stats(f, 0, 0, 0);
	assert_int_equal(pin(f, 0, HUGE, &iova), 0);
	assert_stats(f, 1, 1, HUGE);
	assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), 0);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_nothing_mapped(f);
	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(0), FAKE_PHYS(HUGE), HUGE,
						   HUGE),
			 0);
	assert_pin_fails(f, 0, HUGE, EADDRNOTAVAIL);
	assert_stats(f, 0, 0, 0);
}

/* Planned as base pages, which may be scattered, they are not one page. */
static void
planned_base_pages_are_no_page(void **state)
{
	struct fixture *f = *state;
	uint64_t iova = 0;

	fake_page_move(FAKE_VA(FAKE_PAGE), FAKE_PHYS(9 * HUGE));
	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(0), RTE_VFIO_CDEV_IOVA_ANY,
						   HUGE, FAKE_PAGE),
			 0);
	assert_int_equal(pin(f, 0, HUGE, &iova), 0);
	assert_int_equal(iova, FAKE_PHYS(0));
	assert_stats(f, 1, 1, HUGE);
	assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), 0);
	assert_stats(f, 2, 1 + HUGE / FAKE_PAGE, 2 * HUGE);
}

/* To map planned memory that is pending pins and compares it at once. */
static void
planned_page_is_pinned_by_its_mapping(void **state)
{
	struct fixture *f = *state;
	uint64_t iova;

	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(0), &iova), 0);
	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(0), RTE_VFIO_CDEV_IOVA_ANY,
						   FAKE_PAGE, FAKE_PAGE),
			 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(FAKE_PAGE),
						  FAKE_PAGE, FAKE_PAGE),
			 -EADDRNOTAVAIL);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(memory_map(f, 0, FAKE_PAGE, FAKE_PAGE), 0);
	assert_stats(f, 1, 1, FAKE_PAGE);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), 0);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(memory_unmap(f, 0, FAKE_PAGE), 0);
	assert_nothing_mapped(f);
}

/* Memory that is mapped as a hugepage and is none. */
static void
page_that_is_smaller_is_refused(void **state)
{
	struct fixture *f = *state;

	fake_page_move(FAKE_VA(0), FAKE_PHYS(FAKE_PAGE));
	assert_pin_fails(f, 0, HUGE, EINVAL);
	assert_logged(ERR, "cannot confirm", "0x7f0000000000", "2097152 bytes", "not one page");
	assert_nothing_mapped(f);
}

static void
bad_pages_are_refused(void **state)
{
	static const struct {
		uint64_t va, page_size;
	} bad[] = {
		{ 0x200000, 0 },      { 0x200800, 4096 }, { 0x201000, 0x200000 },
		{ 0x200000, 0x3000 }, { 0x200000, 2048 }, { 0, UINT64_C(1) << 52 },
	};
	struct fixture *f = *state;
	uint64_t iova = UNTOUCHED;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		log_clear();
		assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain,
							       (void *)(uintptr_t)bad[i].va,
							       bad[i].page_size, &iova),
				 -EINVAL);
		assert_logged(ERR, "cannot map", strerror(EINVAL));
	}
	assert_int_equal(iova, UNTOUCHED);
	assert_int_equal(fake_calls(FAKE_MAP), 0);
}

static const struct {
	enum fake_op op;
	const char *step;
} pin_faults[] = {
	{ FAKE_MAP, "cannot map" },
	{ FAKE_GET_PA, "cannot confirm" },
};

static void
each_call_that_fails_leaves_nothing_pinned(void **state)
{
	struct fixture *f = *state;
	uint64_t iova;

	for (size_t i = 0; i < sizeof(pin_faults) / sizeof(pin_faults[0]); i++) {
		fake_fail(pin_faults[i].op, 1, ENOMEM);
		assert_pin_fails(f, 0, HUGE, ENOMEM);
		assert_logged(ERR, pin_faults[i].step, strerror(ENOMEM));
		assert_nothing_mapped(f);
		assert_int_equal(memory_lookup(f, 0, HUGE), -ENOENT);
	}
	assert_int_equal(pin(f, 0, HUGE, &iova), 0);
}

static void
short_heap_leaves_nothing_pinned(void **state)
{
	struct fixture *f = *state;

	fake_heap_fail(FAKE_HEAP_MALLOC);
	assert_pin_fails(f, 0, HUGE, ENOMEM);
	assert_logged(ERR, "cannot map", strerror(ENOMEM));
	assert_nothing_mapped(f);
}

static void
memlock_limit_is_named(void **state)
{
	struct fixture *f = *state;
	uint64_t iova;

	fake.memlock = HUGE - 1;
	assert_pin_fails(f, 0, HUGE, ENOMEM);
	assert_logged(ERR, "RLIMIT_MEMLOCK");
	assert_nothing_mapped(f);
	fake.memlock = HUGE;
	assert_int_equal(pin(f, 0, HUGE, &iova), 0);
}

static void
capability_dropped_after_start_is_named(void **state)
{
	struct fixture *f = *state;
	uint64_t address;

	fake.rawio = false;
	assert_pin_fails(f, 0, HUGE, EPERM);
	assert_logged(ERR, "CAP_SYS_RAWIO");
	log_clear();
	assert_int_equal(phys(f, 0, &address), -EPERM);
	assert_logged(ERR, "CAP_SYS_RAWIO");
	assert_nothing_mapped(f);
}

/* The kernel reports no address, of pinned memory either; what needs none goes on. */
static void
memory_from_before_the_capability_was_dropped_can_be_freed(void **state)
{
	const uint64_t any = RTE_VFIO_CDEV_IOVA_ANY;
	struct fixture *f = *state;
	uint64_t address;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(memory_map(f, HUGE, PAGES(4), FAKE_PAGE), 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(2 * HUGE), any, PAGES(4),
						  FAKE_PAGE),
			 0);
	fake.rawio = false;
	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(0), &address), -EPERM);
	assert_int_equal(phys(f, 0, &address), -EPERM);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), -EPERM);
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(2 * HUGE), any, PAGES(2)),
			 -EPERM);
	assert_stats(f, 3, 9, HUGE + PAGES(8));
	assert_int_equal(memory_unmap(f, HUGE, PAGES(2)), 0);
	assert_int_equal(memory_unmap(f, HUGE + PAGES(2), PAGES(2)), 0);
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(2 * HUGE), any, PAGES(4)),
			 0);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_nothing_mapped(f);
}

static void
without_a_device_no_address_is_known(void **state)
{
	struct fixture *f = *state;
	uint64_t address = UNTOUCHED;

	assert_pin_fails(f, 0, HUGE, ENODEV);
	assert_logged(ERR, "set up a device first");
	log_clear();
	assert_int_equal(phys(f, 0, &address), -ENODEV);
	assert_int_equal(address, UNTOUCHED);
	assert_logged(ERR, "set up a device first");
	assert_int_equal(fake_calls(FAKE_MAP), 0);
}

static void
address_is_given_without_a_pin(void **state)
{
	struct fixture *f = *state;
	const size_t start = strlen(fake_trace());
	uint64_t address = 0;

	fake_page_move(FAKE_VA(FAKE_PAGE), FAKE_PHYS(9 * FAKE_PAGE));
	assert_int_equal(phys(f, FAKE_PAGE + 0x123, &address), 0);
	assert_int_equal(address, FAKE_PHYS(9 * FAKE_PAGE) + 0x123);
	assert_string_equal(trace_from(start), "MPU");
	assert_int_equal(phys(f, 2 * FAKE_PAGE - 1, &address), 0);
	assert_int_equal(address, FAKE_PHYS(10 * FAKE_PAGE) - 1);
	assert_nothing_mapped(f);
}

static void
address_in_a_mapping_leaves_the_mapping(void **state)
{
	struct fixture *f = *state;
	uint64_t address = 0;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(phys(f, HUGE / 2 + 8, &address), 0);
	assert_int_equal(address, FAKE_PHYS(HUGE / 2 + 8));
	assert_kernel_holds(2, 1, HUGE);
	assert_stats(f, 1, 1, HUGE);
}

static void
address_that_cannot_be_read_leaves_nothing_pinned(void **state)
{
	static const enum fake_op ops[] = { FAKE_MAP, FAKE_GET_PA };
	struct fixture *f = *state;
	uint64_t address = UNTOUCHED;

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		fake_fail(ops[i], 1, EFAULT);
		log_clear();
		assert_int_equal(phys(f, 0, &address), -EFAULT);
		assert_logged(ERR, "0x7f0000000000", strerror(EFAULT));
		assert_nothing_mapped(f);
	}
	assert_int_equal(address, UNTOUCHED);
}

/* 64 KiB on some arm64 kernels: $FAKE_PAGE. */
static void
base_pages_have_the_size_of_the_kernels(void **state)
{
	const uint64_t part = FAKE_PAGE / 2;
	struct fixture *f = *state;
	const unsigned int before = fake_calls(FAKE_MAP);

	assert_int_equal(memory_map(f, 0, part, 0), -EINVAL);
	assert_int_equal(memory_map(f, part, FAKE_PAGE, 0), -EINVAL);
	assert_int_equal(memory_map(f, 0, FAKE_PAGE, part), -EINVAL);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(part), FAKE_PAGE,
						  0),
			 -EINVAL);
	assert_int_equal(fake_calls(FAKE_MAP), before);
	assert_int_equal(memory_map(f, 0, 3 * FAKE_PAGE, 0), 0);
	assert_stats(f, 1, 3, 3 * FAKE_PAGE);
	assert_int_equal(memory_unmap(f, 0, part), -EINVAL);
	assert_int_equal(memory_unmap(f, FAKE_PAGE, FAKE_PAGE), 0);
	assert_stats(f, 2, 2, 2 * FAKE_PAGE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(iovas_of_areas_are_new_and_aligned_as_the_memory),
		DEVICE_TEST(pending_page_of_this_size_is_pinned),
		DEVICE_TEST(page_is_pinned_before_its_address_is_asked_for),
		DEVICE_TEST(base_pages_and_large_ones_can_be_pinned),
		DEVICE_TEST(pinned_page_is_a_mapping_like_any_other),
		DEVICE_TEST(page_pinned_earlier_is_neither_asked_for_nor_counted),
		DEVICE_TEST(page_of_a_larger_mapping_is_pinned_already),
		DEVICE_TEST(pages_may_be_pinned_several_times),
		DEVICE_TEST(planned_page_is_pinned_in_its_place),
		DEVICE_TEST(planned_base_pages_are_no_page),
		DEVICE_TEST(planned_page_is_pinned_by_its_mapping),
		DEVICE_TEST(page_that_is_smaller_is_refused),
		DEVICE_TEST(bad_pages_are_refused),
		DEVICE_TEST(each_call_that_fails_leaves_nothing_pinned),
		DEVICE_TEST(short_heap_leaves_nothing_pinned),
		DEVICE_TEST(memlock_limit_is_named),
		DEVICE_TEST(capability_dropped_after_start_is_named),
		DEVICE_TEST(memory_from_before_the_capability_was_dropped_can_be_freed),
		cmocka_unit_test_setup_teardown(without_a_device_no_address_is_known,
						fixture_domain, fixture_end),
		DEVICE_TEST(address_is_given_without_a_pin),
		DEVICE_TEST(address_in_a_mapping_leaves_the_mapping),
		DEVICE_TEST(address_that_cannot_be_read_leaves_nothing_pinned),
		DEVICE_TEST(base_pages_have_the_size_of_the_kernels),
	};

	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
