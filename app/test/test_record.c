/* SPDX-License-Identifier: BSD-3-Clause */

/* The records: in order, split and joined, and small. */

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "fake_heap.h"
#include "fixture.h"

#define COUNT 1000
#define MANY 20000

static void *tree;

static int
tree_end(void **state)
{
	(void)state;
	record_remove_all(&tree);
	assert_null(tree);
	return 0;
}

/* Each page number below count once, in an order that jumps about. */
static uint64_t
shuffled(uint64_t i, uint64_t count)
{
	return i * 7919 % count;
}

/* Two pages of each three have a record. */
static void
tree_fill(void)
{
	for (uint64_t i = 0; i < COUNT; i++)
		assert_non_null(record_add(&tree, &RECORD(FAKE_VA(0), shuffled(i, COUNT) * 3 *
							  FAKE_PAGE, 2 * FAKE_PAGE, FAKE_PAGE)));
}

static void
records_are_found_by_overlap(void **state)
{
	(void)state;
	tree_fill();
	for (uint64_t page = 0; page < 3 * COUNT; page++) {
		const struct vfio_cdev_record *rec;

		rec = record_find(&tree, page * FAKE_PAGE, FAKE_PAGE);
		if (page % 3 == 2)
			assert_null(rec);
		else
			assert_int_equal(rec->iova, (page - page % 3) * FAKE_PAGE);
	}
}

static void
records_follow_each_other(void **state)
{
	const struct vfio_cdev_record *rec;
	uint64_t next = 0;

	(void)state;
	assert_null(record_next(&tree, 0));
	tree_fill();
	for (rec = record_next(&tree, 0); rec != NULL; rec = record_after(&tree, rec)) {
		assert_int_equal(rec->iova, next);
		next += 3 * FAKE_PAGE;
	}
	assert_int_equal(next, COUNT * 3 * FAKE_PAGE);
	/* From inside one, and from the gap behind it. */
	assert_int_equal(record_next(&tree, 4 * FAKE_PAGE)->iova, 3 * FAKE_PAGE);
	assert_int_equal(record_next(&tree, 5 * FAKE_PAGE)->iova, 6 * FAKE_PAGE);
	assert_null(record_next(&tree, COUNT * 3 * FAKE_PAGE));
}

static void
nothing_follows_the_last_byte(void **state)
{
	const uint64_t iova = UINT64_MAX - (FAKE_PAGE - 1);

	(void)state;
	assert_non_null(record_add(&tree, &RECORD(FAKE_VA(0), iova, FAKE_PAGE, FAKE_PAGE)));
	assert_non_null(record_add(&tree, &RECORD(FAKE_VA(0), 0, FAKE_PAGE, FAKE_PAGE)));
	assert_int_equal(record_after(&tree, record_next(&tree, 0))->iova, iova);
	assert_null(record_after(&tree, record_next(&tree, iova)));
}

static void
overlapping_record_is_not_added(void **state)
{
	(void)state;
	tree_fill();
	assert_null(record_add(&tree, &RECORD(FAKE_VA(0), FAKE_PAGE, 3 * FAKE_PAGE, FAKE_PAGE)));
}

static void
record_is_split_and_joined(void **state)
{
	struct vfio_cdev_record *rec, *upper;

	(void)state;
	rec = record_add(&tree, &RECORD(FAKE_VA(0), FAKE_PHYS(0), 8 * FAKE_PAGE, FAKE_PAGE));
	rec->users = 7;
	assert_int_equal(record_split(&tree, rec, FAKE_PHYS(3 * FAKE_PAGE)), 0);
	upper = record_after(&tree, rec);
	assert_true(record_is(rec, FAKE_VA(0), FAKE_PHYS(0), 3 * FAKE_PAGE));
	assert_true(record_is(upper, FAKE_VA(3 * FAKE_PAGE), FAKE_PHYS(3 * FAKE_PAGE),
			      5 * FAKE_PAGE));
	assert_int_equal(upper->users, 7);
	assert_int_equal(upper->page_shift, 12);
	record_join(&tree, rec);
	assert_true(record_is(rec, FAKE_VA(0), FAKE_PHYS(0), 8 * FAKE_PAGE));
	assert_null(record_after(&tree, rec));
}

static void
record_is_whole_when_it_cannot_be_split(void **state)
{
	static const enum fake_heap_call calls[] = { FAKE_HEAP_MALLOC, FAKE_HEAP_TSEARCH };
	struct vfio_cdev_record *rec;

	(void)state;
	rec = record_add(&tree, &RECORD(FAKE_VA(0), FAKE_PHYS(0), 8 * FAKE_PAGE, FAKE_PAGE));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fake_heap_fail(calls[i]);
		assert_true(record_split(&tree, rec, FAKE_PHYS(FAKE_PAGE)) < 0);
		assert_true(record_is(rec, FAKE_VA(0), FAKE_PHYS(0), 8 * FAKE_PAGE));
		assert_null(record_after(&tree, rec));
	}
}

/* Nothing is left over for a flag: the limits are what the bits hold. */
static void
record_holds_the_largest_values(void **state)
{
	const uint64_t len = VFIO_CDEV_MAX_LEN - FAKE_PAGE;
	struct vfio_cdev_record rec = RECORD(FAKE_VA(0), 0, len, UINT64_C(1) << 52);

	(void)state;
	rec.users = VFIO_CDEV_MAX_USERS;
	assert_int_equal(record_len(&rec), len);
	assert_int_equal(rec.page_shift, 52);
	assert_int_equal(rec.users, UINT16_MAX);
}

/* As the heap sees it, with the tree's node and what malloc() adds. */
static void
mapping_takes_64_bytes_at_most(void **state)
{
	const size_t before = mallinfo2().uordblks;
	size_t bytes;

	(void)state;
	for (uint64_t i = 0; i < MANY; i++)
		assert_non_null(record_add(&tree, &RECORD(FAKE_VA(0), shuffled(i, MANY) * HUGE,
							  HUGE, HUGE)));
	bytes = mallinfo2().uordblks - before;
	/* A sanitizer's heap says nothing. */
	if (before == 0)
		skip();
	assert_in_range(bytes, MANY * sizeof(struct vfio_cdev_record), MANY * 64);
}

#define RECORD_TEST(name) cmocka_unit_test_teardown(name, tree_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		RECORD_TEST(records_are_found_by_overlap),
		RECORD_TEST(records_follow_each_other),
		RECORD_TEST(nothing_follows_the_last_byte),
		RECORD_TEST(overlapping_record_is_not_added),
		RECORD_TEST(record_is_split_and_joined),
		RECORD_TEST(record_is_whole_when_it_cannot_be_split),
		RECORD_TEST(record_holds_the_largest_values),
		RECORD_TEST(mapping_takes_64_bytes_at_most),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
