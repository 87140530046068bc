/* SPDX-License-Identifier: BSD-3-Clause */

/* Pages that stay where they were said to be until they are mapped, or are gone. */

#include <errno.h>
#include <string.h>

#include "fake_heap.h"
#include "fixture.h"

#define PAGES(count) ((count) * FAKE_PAGE)
#define SWEEP_FROM 64		/* in these tests */

static int
hold(const struct fixture *f, uint64_t offset, uint64_t *phys)
{
	return rte_vfio_cdev_domain_hold(f->domain, FAKE_VA(offset), phys);
}

static uint64_t
held(const struct fixture *f)
{
	struct rte_vfio_cdev_stats stats;

	rte_vfio_cdev_domain_stats(f->domain, &stats);
	return stats.held;
}

/* So many pages are held, and nothing else is there. */
static void
assert_only_held(const struct fixture *f, uint64_t pages)
{
	assert_int_equal(held(f), pages);
	assert_stats(f, 0, 0, 0);
	assert_kernel_holds(2, pages, PAGES(pages));
}

static void
assert_hold_fails(const struct fixture *f, uint64_t offset, int err)
{
	uint64_t phys = 0x5555;

	log_clear();
	assert_int_equal(hold(f, offset, &phys), -err);
	assert_int_equal(phys, 0x5555);
	assert_logged(ERR, "memory", strerror(err));
}

static void
page_stays_from_its_address_to_its_mapping(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	fake.restless = FAKE_VA(PAGES(1));
	assert_int_equal(hold(f, PAGES(1) + 5, &phys), 0);
	assert_int_equal(phys, fake_phys(FAKE_VA(PAGES(1))) + 5);
	assert_only_held(f, 1);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(PAGES(1)), phys - 5,
						  FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(held(f), 0);
	assert_stats(f, 1, 1, FAKE_PAGE);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(fake_unpinned_live(), 0);
}

/* It is this that holding is for: the page moves as soon as nothing pins it. */
static void
page_that_is_not_held_moves(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	fake.restless = FAKE_VA(0);
	assert_int_equal(rte_vfio_cdev_domain_phys(f->domain, FAKE_VA(0), &phys), 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), phys, FAKE_PAGE,
						  FAKE_PAGE), -EADDRNOTAVAIL);
}

static void
asking_again_holds_once(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(hold(f, i, &phys), 0);
		assert_int_equal(phys, FAKE_PHYS(i));
	}
	assert_only_held(f, 1);
}

static void
page_that_is_mapped_is_not_held(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	assert_int_equal(memory_map(f, 0, PAGES(4), FAKE_PAGE), 0);
	assert_int_equal(hold(f, PAGES(3), &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(PAGES(3)));
	assert_int_equal(held(f), 0);
	assert_kernel_holds(2, 1, PAGES(4));
}

/* Shared memory at two places: the mapping of one goes without the other. */
static void
page_that_is_mapped_at_another_place_is_held(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	fake_page_move(FAKE_VA(PAGES(9)), FAKE_PHYS(0));
	assert_int_equal(memory_map(f, 0, PAGES(1), FAKE_PAGE), 0);
	assert_int_equal(hold(f, PAGES(9), &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(0));
	assert_int_equal(held(f), 1);
}

/* Freed and allocated again: other memory at the same place. */
static void
replaced_memory_has_its_own_address(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	assert_int_equal(hold(f, 0, &phys), 0);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(PAGES(9)));
	assert_int_equal(hold(f, 0, &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(PAGES(9)));
	assert_only_held(f, 1);
}

static void
mapping_lets_go_of_the_pages_in_it_only(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(hold(f, PAGES(i), &phys), 0);
	assert_int_equal(memory_map(f, PAGES(1), PAGES(4), FAKE_PAGE), 0);
	assert_int_equal(held(f), 2);
	assert_kernel_holds(2, 3, PAGES(6));
}

static void
pins_let_go_of_their_pages(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_pin *pin;
	uint64_t phys;

	assert_int_equal(hold(f, PAGES(1), &phys), 0);
	assert_int_equal(rte_vfio_cdev_domain_pin(f->domain, FAKE_VA(0), PAGES(2), &pin), 0);
	assert_int_equal(held(f), 0);
	assert_int_equal(hold(f, HUGE + PAGES(3), &phys), 0);
	assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(HUGE), HUGE, HUGE,
						       &phys), 0);
	assert_int_equal(held(f), 0);
	assert_int_equal(rte_vfio_cdev_pin_release(pin), 0);
	assert_kernel_holds(2, 1, HUGE);
}

/* The address was told: it must stay right. */
static void
mapping_that_fails_keeps_its_pages_held(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(hold(f, 0, &phys), 0);
	fake_page_move(FAKE_VA(PAGES(1)), FAKE_PHYS(PAGES(9)));
	assert_int_equal(memory_map(f, 0, PAGES(2), FAKE_PAGE), -EADDRNOTAVAIL);
	assert_only_held(f, 1);
}

static void
sweep_lets_go_of_what_has_gone_or_was_replaced(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(hold(f, PAGES(i), &phys), 0);
	fake_page_move(FAKE_VA(PAGES(1)), FAKE_PHYS(PAGES(9)));
	fake_fail(FAKE_MAP, 4, EFAULT);
	log_clear();
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_only_held(f, 2);
	assert_string_equal(log_text(), "");
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_only_held(f, 2);
}

/* Short memory or a lost capability does not show that the memory is gone. */
static void
sweep_keeps_what_it_cannot_tell(void **state)
{
	static const enum fake_op ops[] = { FAKE_MAP, FAKE_GET_PA };
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(hold(f, 0, &phys), 0);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		fake_fail(ops[i], 1, ENOMEM);
		rte_vfio_cdev_domain_sweep(f->domain);
		assert_only_held(f, 1);
	}
	fake.rawio = false;
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_only_held(f, 1);
}

/* Who asks for addresses of memory that comes and goes does not use it up. */
static void
many_pages_are_swept(void **state)
{
	struct fixture *f = *state;
	uint64_t phys, i;

	f->domain->sweep_from = SWEEP_FROM;
	for (i = 0; i < 8; i++)
		assert_int_equal(hold(f, PAGES(i), &phys), 0);
	for (i = 0; i < 4; i++)
		fake_page_move(FAKE_VA(PAGES(i)), FAKE_PHYS(PAGES(1000000 + i)));
	for (i = 8; i < SWEEP_FROM - 1; i++)
		assert_int_equal(hold(f, PAGES(i), &phys), 0);
	assert_int_equal(held(f), SWEEP_FROM - 1);
	assert_int_equal(hold(f, PAGES(i), &phys), 0);
	assert_only_held(f, SWEEP_FROM - 4);
}

static void
next_sweep_comes_with_twice_as_many(void **state)
{
	struct fixture *f = *state;
	unsigned int maps;
	uint64_t phys, i;

	f->domain->sweep_from = SWEEP_FROM;
	for (i = 0; i < SWEEP_FROM; i++)
		assert_int_equal(hold(f, PAGES(i), &phys), 0);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(PAGES(1000)));
	maps = fake_calls(FAKE_MAP);
	for (; i < 2 * SWEEP_FROM - 1; i++)
		assert_int_equal(hold(f, PAGES(i), &phys), 0);
	assert_int_equal(fake_calls(FAKE_MAP), maps + SWEEP_FROM - 1);
	assert_int_equal(hold(f, PAGES(i), &phys), 0);
	assert_only_held(f, 2 * SWEEP_FROM - 1);
}

static void
few_pages_are_not_swept(void **state)
{
	struct fixture *f = *state;
	uint64_t phys, i;

	for (i = 0; i < SWEEP_FROM; i++)
		assert_int_equal(hold(f, PAGES(i), &phys), 0);
	assert_int_equal(fake_calls(FAKE_MAP), SWEEP_FROM);
}

static void
each_call_that_fails_leaves_nothing_held(void **state)
{
	static const enum fake_op ops[] = { FAKE_MAP, FAKE_GET_PA };
	static const enum fake_heap_call calls[] = { FAKE_HEAP_MALLOC, FAKE_HEAP_TSEARCH };
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		fake_fail(ops[i], 1, EFAULT);
		assert_hold_fails(f, 0, EFAULT);
		assert_only_held(f, 0);
	}
	for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fake_heap_fail(calls[i]);
		assert_hold_fails(f, 0, ENOMEM);
		assert_only_held(f, 0);
	}
}

/* No address is better than one that may be old. */
static void
held_page_that_cannot_be_asked_for_has_no_address(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(hold(f, 0, &phys), 0);
	fake_fail(FAKE_MAP, 1, ENOMEM);
	assert_hold_fails(f, 0, ENOMEM);
	fake_fail(FAKE_GET_PA, 2, EPERM);
	assert_hold_fails(f, 0, EPERM);
	assert_only_held(f, 1);
	fake_fail(FAKE_MAP, 1, EFAULT);
	assert_int_equal(hold(f, 0, &phys), 0);
	assert_only_held(f, 1);
}

static void
page_that_the_kernel_keeps_stays_held_until_a_sweep(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(hold(f, 0, &phys), 0);
	fake_fail(FAKE_UNMAP, 1, EBUSY);
	log_clear();
	assert_int_equal(memory_map(f, 0, FAKE_PAGE, FAKE_PAGE), 0);
	assert_logged(ERR, "cannot unmap", strerror(EBUSY));
	assert_int_equal(held(f), 1);
	fake_fail(FAKE_UNMAP, 2, EBUSY);
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_int_equal(held(f), 1);
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_int_equal(held(f), 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
}

static void
without_a_device_nothing_is_held(void **state)
{
	assert_hold_fails(*state, 0, ENODEV);
	assert_logged(ERR, "set up a device first");
	assert_int_equal(fake_calls(FAKE_MAP), 0);
}

#define HOLD_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_device, fixture_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		HOLD_TEST(page_stays_from_its_address_to_its_mapping),
		HOLD_TEST(page_that_is_not_held_moves),
		HOLD_TEST(asking_again_holds_once),
		HOLD_TEST(page_that_is_mapped_is_not_held),
		HOLD_TEST(page_that_is_mapped_at_another_place_is_held),
		HOLD_TEST(replaced_memory_has_its_own_address),
		HOLD_TEST(mapping_lets_go_of_the_pages_in_it_only),
		HOLD_TEST(pins_let_go_of_their_pages),
		HOLD_TEST(mapping_that_fails_keeps_its_pages_held),
		HOLD_TEST(sweep_lets_go_of_what_has_gone_or_was_replaced),
		HOLD_TEST(sweep_keeps_what_it_cannot_tell),
		HOLD_TEST(many_pages_are_swept),
		HOLD_TEST(next_sweep_comes_with_twice_as_many),
		HOLD_TEST(few_pages_are_not_swept),
		HOLD_TEST(each_call_that_fails_leaves_nothing_held),
		HOLD_TEST(held_page_that_cannot_be_asked_for_has_no_address),
		HOLD_TEST(page_that_the_kernel_keeps_stays_held_until_a_sweep),
		cmocka_unit_test_setup_teardown(without_a_device_nothing_is_held, fixture_domain,
						fixture_end),
	};

	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
