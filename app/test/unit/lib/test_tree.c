/* SPDX-License-Identifier: BSD-3-Clause */

/* The tree of records, which may overlap: against a plain list, and how deep it gets. */

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define RECORDS 300
#define ROUNDS 20000
#define MANY 20000

static uint64_t
record_key(const struct vfio_cdev_record *rec)
{
	return rec->va;
}

static struct vfio_cdev_tree tree = { .key = record_key };

static int
tree_end(void **state)
{
	struct vfio_cdev_record *rec;

	(void)state;
	while ((rec = tree.root) != NULL) {
		vfio_cdev_tree_remove(&tree, rec);
		free(rec);
	}
	return 0;
}

static struct vfio_cdev_record *
record_add(uint64_t va, uint64_t len)
{
	struct vfio_cdev_record *rec;

	rec = vfio_cdev_record_new(&VFIO_CDEV_RECORD((uintptr_t)va, 0, len, FAKE_PAGE));
	assert_non_null(rec);
	vfio_cdev_tree_add(&tree, rec);
	return rec;
}

static uint64_t
last_of(const struct vfio_cdev_record *rec)
{
	return rec->va + (vfio_cdev_record_len(rec) - 1);
}

/* Checks the tree's invariants; returns its depth. */
static unsigned int
subtree_check(const struct vfio_cdev_record *node, const struct vfio_cdev_record *low,
	      const struct vfio_cdev_record *high)
{
	unsigned int left, right;
	uint64_t end;

	if (node == NULL)
		return 0;
	left = subtree_check(node->left, low, node);
	right = subtree_check(node->right, node, high);
	end = last_of(node);
	if (node->left != NULL && node->left->end > end)
		end = node->left->end;
	if (node->right != NULL && node->right->end > end)
		end = node->right->end;
	assert_int_equal(node->end, end);
	assert_true(low == NULL || low->va <= node->va);
	assert_true(high == NULL || node->va <= high->va);
	assert_true(node->left == NULL || node->left->priority <= node->priority);
	assert_true(node->right == NULL || node->right->priority <= node->priority);
	return 1 + (left > right ? left : right);
}

static bool
comes_before(const struct vfio_cdev_record *a, const struct vfio_cdev_record *b)
{
	return a->va != b->va ? a->va < b->va : (uintptr_t)a < (uintptr_t)b;
}

/* The same lookup in a list in no order. */
static const struct vfio_cdev_record *
list_next(struct vfio_cdev_record *const *list, const struct vfio_cdev_record *after, uint64_t most,
	  uint64_t least)
{
	const struct vfio_cdev_record *next = NULL;

	for (unsigned int i = 0; i < RECORDS; i++)
		if (list[i] != NULL && list[i]->va <= most && last_of(list[i]) >= least &&
		    (after == NULL || comes_before(after, list[i])) &&
		    (next == NULL || comes_before(list[i], next)))
			next = list[i];
	return next;
}

/* Few places, so that many have the same start, the same end, or both. */
static uint64_t
place_pick(unsigned int *seed, uint64_t pages)
{
	const uint64_t bases[] = { 0, 0x7f0000000000, UINT64_MAX - 1024 * FAKE_PAGE + 1 };

	return bases[rand_r(seed) % 3] + rand_r(seed) % (1024 - pages) * FAKE_PAGE;
}

static void
tree_answers_as_a_list_does(void **state)
{
	struct vfio_cdev_record *list[RECORDS];
	const struct vfio_cdev_record *rec;
	unsigned int seed = 5, i;
	uint64_t pages, va;

	(void)state;
	memset(list, 0, sizeof(list));
	for (unsigned int round = 0; round < ROUNDS; round++) {
		i = rand_r(&seed) % RECORDS;
		pages = 1 + rand_r(&seed) % (rand_r(&seed) % 8 == 0 ? 1000 : 8);
		va = place_pick(&seed, pages);
		if (list[i] == NULL) {
			list[i] = record_add(va, pages * FAKE_PAGE);
		} else {
			vfio_cdev_tree_remove(&tree, list[i]);
			free(list[i]);
			list[i] = NULL;
		}
		/* What overlaps a range, and what is around it. */
		rec = NULL;
		do {
			assert_ptr_equal(list_next(list, rec, va + pages * FAKE_PAGE - 1, va),
					 vfio_cdev_tree_next(&tree, rec, va + pages * FAKE_PAGE - 1,
							     va));
			rec = list_next(list, rec, va + pages * FAKE_PAGE - 1, va);
		} while (rec != NULL);
		assert_ptr_equal(list_next(list, NULL, va, va + pages * FAKE_PAGE - 1),
				 vfio_cdev_tree_next(&tree, NULL, va, va + pages * FAKE_PAGE - 1));
		if (round % 64 == 0)
			subtree_check(tree.root, NULL, NULL);
	}
	assert_true(subtree_check(tree.root, NULL, NULL) < 40);
}

static void
tree_of_rising_addresses_is_flat(void **state)
{
	(void)state;
	for (uint64_t i = 0; i < MANY; i++)
		record_add(i * HUGE, HUGE);
	assert_true(subtree_check(tree.root, NULL, NULL) < 50);
}

/* The limits are what the bits hold. */
static void
record_holds_the_largest_values(void **state)
{
	const uint64_t len = VFIO_CDEV_MAX_LEN - FAKE_PAGE;
	struct vfio_cdev_record rec = VFIO_CDEV_RECORD(FAKE_VA(0), 0, len, UINT64_C(1) << 49);

	(void)state;
	rec.users = VFIO_CDEV_MAX_USERS;
	assert_int_equal(vfio_cdev_record_len(&rec), len);
	assert_int_equal(rec.page_shift, 49);
	assert_int_equal(rec.users, UINT16_MAX);
}

/* As the heap sees it, with what malloc() adds. */
static void
mapping_takes_80_bytes_at_most(void **state)
{
	const size_t before = mallinfo2().uordblks;
	size_t bytes;

	(void)state;
	for (uint64_t i = 0; i < MANY; i++)
		record_add(i * HUGE, HUGE);
	bytes = mallinfo2().uordblks - before;
	/* A sanitizer's heap does not have these sizes. */
	if (before == 0)
		skip();
	assert_in_range(bytes, MANY * sizeof(struct vfio_cdev_record), MANY * 80);
}

#define TREE_TEST(name) cmocka_unit_test_teardown(name, tree_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(tree_answers_as_a_list_does),
		TREE_TEST(tree_of_rising_addresses_is_flat),
		TREE_TEST(record_holds_the_largest_values),
		TREE_TEST(mapping_takes_80_bytes_at_most),
	};

	return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
