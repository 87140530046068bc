/* SPDX-License-Identifier: BSD-3-Clause */

/* Unmapping parts of mappings, and several: what stays is pinned all the time. */

#include <errno.h>
#include <string.h>

#include "fake_heap.h"
#include "fixture.h"

static int
pages_lookup(const struct fixture *f, uint64_t first, uint64_t count)
{
	return memory_lookup(f, PAGES(first), PAGES(count));
}

/* So much is mapped, in so many mappings, and nothing else was ever unpinned. */
static void
assert_unmapped_only(const struct fixture *f, uint64_t mappings, uint64_t pages, uint64_t unmapped)
{
	assert_stats(f, mappings, pages, PAGES(pages));
	assert_kernel_holds(2, mappings, PAGES(pages));
	assert_int_equal(fake_unpinned_live(), PAGES(unmapped));
}

static void
start_middle_and_end_can_be_unmapped(void **state)
{
	static const struct {
		uint64_t first, count, mappings;
	} parts[] = {
		{ 0, 2, 1 }, /* 2..9 stay */
		{ 8, 2, 1 }, /* 2..7 */
		{ 4, 1, 2 }, /* 2..3 and 5..7 */
		{ 2, 1, 2 }, /* 3 and 5..7 */
		{ 6, 1, 3 }, /* 3, 5 and 7 */
		{ 3, 1, 2 }, { 7, 1, 1 }, { 5, 1, 0 },
	};
	struct fixture *f = *state;
	uint64_t unmapped = 0;

	assert_int_equal(pages_map(f, 0, 10), 0);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		assert_int_equal(pages_unmap(f, parts[i].first, parts[i].count), 0);
		unmapped += parts[i].count;
		assert_unmapped_only(f, parts[i].mappings, 10 - unmapped, unmapped);
		assert_int_equal(pages_lookup(f, parts[i].first, parts[i].count), -ENOENT);
	}
	assert_int_equal(fake_calls(FAKE_MAP), 1);
}

static void
range_over_several_mappings_is_unmapped(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(pages_map(f, 4 * i, 4), 0);
	assert_int_equal(pages_unmap(f, 2, 11), 0);
	assert_unmapped_only(f, 2, 5, 11);
	assert_int_equal(pages_lookup(f, 0, 2), 0);
	assert_int_equal(pages_lookup(f, 13, 3), 0);
}

static void
several_whole_mappings_need_no_copy(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(memory_map(f, i * HUGE, HUGE, HUGE), 0);
	assert_int_equal(memory_unmap(f, HUGE, 3 * HUGE), 0);
	assert_int_equal(fake_calls(FAKE_COPY), 0);
	assert_stats(f, 1, 1, HUGE);
}

static void
what_was_unmapped_can_be_mapped_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 8), 0);
	assert_int_equal(pages_unmap(f, 2, 3), 0);
	assert_int_equal(pages_map(f, 2, 3), 0);
	assert_int_equal(pages_unmap(f, 0, 8), 0);
	assert_unmapped_only(f, 0, 0, 3 + 8);
}

static void
range_that_is_not_all_mapped_stays(void **state)
{
	static const uint64_t ranges[][2] = { { 0, 5 }, { 2, 4 }, { 5, 2 }, { 4, 2 }, { 0, 10 } };
	struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 4), 0);
	assert_int_equal(pages_map(f, 6, 4), 0);
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		log_clear();
		assert_int_equal(pages_unmap(f, ranges[i][0], ranges[i][1]), -ENOENT);
		assert_logged(ERR, "cannot unmap", strerror(ENOENT), "nothing is mapped there");
	}
	assert_unmapped_only(f, 2, 8, 0);
}

/* Of another address than the whole, or that does not follow. */
static void
range_of_other_memory_stays(void **state)
{
	struct fixture *f = *state;

	fake_page_move(FAKE_VA(PAGES(100)), FAKE_PHYS(PAGES(4)));
	assert_int_equal(pages_map(f, 0, 4), 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(PAGES(100)),
						  FAKE_PHYS(PAGES(4)), FAKE_PAGE, FAKE_PAGE),
			 0);
	assert_int_equal(pages_unmap(f, 0, 5), -ENOENT);
	assert_int_equal(pages_unmap(f, 4, 1), -ENOENT);
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(PAGES(1)), FAKE_PHYS(0),
						    PAGES(2)),
			 -ENOENT);
	assert_unmapped_only(f, 2, 5, 0);
}

static void
hugepages_are_not_cut(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, 4 * HUGE, HUGE), 0);
	assert_int_equal(memory_unmap(f, 0, FAKE_PAGE), -EOPNOTSUPP);
	assert_logged(ERR, "cannot unmap", strerror(EOPNOTSUPP), "whole pages");
	assert_int_equal(memory_unmap(f, FAKE_PAGE, HUGE), -EOPNOTSUPP);
	assert_int_equal(memory_unmap(f, HUGE, HUGE + FAKE_PAGE), -EOPNOTSUPP);
	assert_int_equal(memory_unmap(f, 3 * HUGE + FAKE_PAGE, HUGE - FAKE_PAGE), -EOPNOTSUPP);
	assert_int_equal(fake_calls(FAKE_COPY), 0);
	assert_stats(f, 1, 4, 4 * HUGE);
	assert_int_equal(memory_unmap(f, HUGE, 2 * HUGE), 0);
	assert_stats(f, 2, 2, 2 * HUGE);
	assert_int_equal(fake_unpinned_live(), 2 * HUGE);
}

static void
users_go_with_the_parts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 6), 0);
	assert_int_equal(pages_map(f, 0, 6), 0);
	assert_int_equal(pages_unmap(f, 2, 2), 0);
	assert_unmapped_only(f, 3, 6, 0);
	assert_int_equal(pages_unmap(f, 0, 6), 0);
	assert_unmapped_only(f, 2, 4, 2);
	assert_int_equal(pages_unmap(f, 4, 2), 0);
	assert_int_equal(pages_unmap(f, 0, 2), 0);
	assert_unmapped_only(f, 0, 0, 6);
}

static void
last_page_of_all_can_be_cut_off(void **state)
{
	const uint64_t iova = UINT64_MAX - (PAGES(2) - 1);
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 2; i++)
		fake_page_move(FAKE_VA(PAGES(i)), iova + PAGES(i));
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), iova, PAGES(2), FAKE_PAGE),
			 0);
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(PAGES(1)), iova + PAGES(1),
						    PAGES(1)),
			 0);
	assert_unmapped_only(f, 1, 1, 1);
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(0), iova, PAGES(1)), 0);
	assert_unmapped_only(f, 0, 0, 2);
}

static void
short_heap_leaves_mappings_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 8), 0);
	fake_heap_fail(FAKE_HEAP_MALLOC);
	assert_int_equal(pages_unmap(f, 2, 3), -ENOMEM);
	assert_int_equal(fake_calls(FAKE_COPY), 0);
	assert_int_equal(pages_lookup(f, 0, 8), 0);
	assert_unmapped_only(f, 1, 8, 0);
}

/* What an unmap does: copy what stays, then unmap the old area. */
static void
what_stays_is_copied_before_the_rest_goes(void **state)
{
	struct fixture *f = *state;
	size_t start;

	assert_int_equal(pages_map(f, 0, 8), 0);
	start = strlen(fake_trace());
	assert_int_equal(pages_unmap(f, 2, 3), 0);
	assert_string_equal(fake_trace() + start, "YYU");
	start = strlen(fake_trace());
	assert_int_equal(pages_unmap(f, 0, 1), 0);
	assert_string_equal(fake_trace() + start, "YU");
}

struct fault {
	enum fake_op op;
	unsigned int nth;
};

/* The calls of unmapping the middle of one mapping, and of two that adjoin. */
static const struct fault cut_faults[] = { { FAKE_COPY, 1 }, { FAKE_COPY, 2 }, { FAKE_UNMAP, 1 } };

/* Of pages 2 to 5 of 8; all of them are mapped and pinned as before. */
static void
call_that_fails_leaves_mappings_whole(void **state)
{
	struct fixture *f = *state;

	for (unsigned int mappings = 1; mappings <= 2; mappings++) {
		for (unsigned int i = 0; i < 8; i += 8 / mappings)
			assert_int_equal(pages_map(f, i, 8 / mappings), 0);
		for (size_t i = 0; i < sizeof(cut_faults) / sizeof(cut_faults[0]); i++) {
			fake_fail(cut_faults[i].op, cut_faults[i].nth, ENOMEM);
			log_clear();
			assert_int_equal(pages_unmap(f, 2, 4), -ENOMEM);
			assert_logged(ERR, "cannot unmap", strerror(ENOMEM));
			assert_unmapped_only(f, mappings, 8, 8 * (mappings - 1));
			assert_int_equal(pages_lookup(f, 0, 8 / mappings), 0);
		}
		assert_int_equal(pages_unmap(f, 2, 4), 0);
		assert_int_equal(pages_unmap(f, 0, 2), 0);
		assert_int_equal(pages_unmap(f, 6, 2), 0);
		assert_unmapped_only(f, 0, 0, 8 * mappings);
	}
}

/* A copy that cannot be undone is logged, and the mapping is as before all the same. */
static void
undo_that_fails_is_logged(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 8), 0);
	fake_fail_from(FAKE_UNMAP, 1, EBUSY);
	log_clear();
	assert_int_equal(pages_unmap(f, 2, 4), -EBUSY);
	assert_logged(ERR, "cannot unmap", "area", strerror(EBUSY));
	assert_logged(ERR, "cannot unmap", log_hex((uintptr_t)FAKE_VA(PAGES(2))), strerror(EBUSY));
	fake_fail(FAKE_UNMAP, 0, 0);
	assert_stats(f, 1, 8, PAGES(8));
	assert_int_equal(pages_unmap(f, 2, 4), 0);
	assert_stats(f, 2, 4, PAGES(4));
}

/* The second of two is the one that the kernel keeps: the first is gone, and its rest stays. */
static void
last_mapping_that_stays_is_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 4), 0);
	assert_int_equal(pages_map(f, 4, 4), 0);
	fake_fail(FAKE_UNMAP, 2, EBUSY);
	assert_int_equal(pages_unmap(f, 2, 4), -EBUSY);
	assert_unmapped_only(f, 2, 6, 2);
	assert_int_equal(pages_lookup(f, 0, 2), 0);
	assert_int_equal(pages_lookup(f, 4, 4), 0);
}

/* Of scattered memory the kernel reports where the rest begins. */
static void
parts_of_scattered_memory_can_be_unmapped(void **state)
{
	const uint64_t any = RTE_VFIO_CDEV_IOVA_ANY;
	struct rte_vfio_cdev_mapping mapping;
	struct fixture *f = *state;

	fake_page_move(FAKE_VA(PAGES(5)), FAKE_PHYS(PAGES(100)));
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), any, PAGES(8), FAKE_PAGE),
			 0);
	assert_int_equal(pages_unmap(f, 2, 3), -ENOENT);
	for (unsigned int i = 0; i < 2; i++) {
		fake_fail(i == 0 ? FAKE_GET_PA : FAKE_COPY, 1 + i, EPERM);
		assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(PAGES(2)), any,
							    PAGES(3)),
				 -EPERM);
		assert_unmapped_only(f, 1, 8, 0);
	}
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(PAGES(2)), any, PAGES(3)),
			 0);
	assert_unmapped_only(f, 2, 5, 3);
	assert_int_equal(rte_vfio_cdev_domain_mappings(f->domain, (uintptr_t)FAKE_VA(PAGES(5)),
						       &mapping, 1),
			 1);
	assert_int_equal(mapping.iova, FAKE_PHYS(PAGES(100)));
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(PAGES(5)),
						    FAKE_PHYS(PAGES(100)), PAGES(3)),
			 0);
	assert_int_equal(pages_unmap(f, 0, 2), 0);
	assert_unmapped_only(f, 0, 0, 8);
}

/* The one that fits best loses a part; the others are as they were. */
static void
part_is_of_the_mapping_that_has_least_around_it(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 16), 0);
	assert_int_equal(pages_map(f, 2, 6), 0);
	assert_int_equal(pages_map(f, 8, 2), 0);
	assert_int_equal(pages_unmap(f, 4, 2), 0);
	assert_int_equal(pages_lookup(f, 0, 16), 0);
	assert_int_equal(pages_lookup(f, 2, 2), 0);
	assert_int_equal(pages_lookup(f, 6, 2), 0);
	/* Two that follow each other. */
	assert_int_equal(pages_unmap(f, 7, 2), 0);
	assert_int_equal(pages_lookup(f, 0, 16), 0);
	assert_int_equal(pages_lookup(f, 6, 1), 0);
	assert_int_equal(pages_lookup(f, 9, 1), 0);
	assert_stats(f, 4, 20, PAGES(20));
}

/* Of several mappings the lower ones are gone; the records say so. */
static void
kernel_that_fails_halfway_leaves_the_rest(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(memory_map(f, i * HUGE, HUGE, HUGE), 0);
	fake_fail(FAKE_UNMAP, 2, EBUSY);
	assert_int_equal(memory_unmap(f, 0, 3 * HUGE), -EBUSY);
	assert_kernel_holds(2, 2, 2 * HUGE);
	assert_stats(f, 2, 2, 2 * HUGE);
	assert_int_equal(memory_lookup(f, 0, HUGE), -ENOENT);
	assert_int_equal(memory_unmap(f, HUGE, 2 * HUGE), 0);
	assert_nothing_mapped(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(start_middle_and_end_can_be_unmapped),
		DEVICE_TEST(range_over_several_mappings_is_unmapped),
		DEVICE_TEST(several_whole_mappings_need_no_copy),
		DEVICE_TEST(what_was_unmapped_can_be_mapped_again),
		DEVICE_TEST(range_that_is_not_all_mapped_stays),
		DEVICE_TEST(range_of_other_memory_stays),
		DEVICE_TEST(hugepages_are_not_cut),
		DEVICE_TEST(users_go_with_the_parts),
		DEVICE_TEST(last_page_of_all_can_be_cut_off),
		DEVICE_TEST(short_heap_leaves_mappings_whole),
		DEVICE_TEST(what_stays_is_copied_before_the_rest_goes),
		DEVICE_TEST(call_that_fails_leaves_mappings_whole),
		DEVICE_TEST(undo_that_fails_is_logged),
		DEVICE_TEST(last_mapping_that_stays_is_whole),
		DEVICE_TEST(parts_of_scattered_memory_can_be_unmapped),
		DEVICE_TEST(part_is_of_the_mapping_that_has_least_around_it),
		DEVICE_TEST(kernel_that_fails_halfway_leaves_the_rest),
	};

	return cmocka_run_group_tests_name("unmap", tests, NULL, NULL);
}
