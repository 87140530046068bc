/* SPDX-License-Identifier: BSD-3-Clause */

/* Provisional pins: pages keep the address that was given until they are mapped or gone. */

#include <errno.h>
#include <string.h>

#include "fake_heap.h"
#include "fixture.h"

#define SWEEP_FROM 64 /* pages, in these tests */

static int
provide(const struct fixture *f, uint64_t offset, uint64_t *phys)
{
	return rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(offset), phys);
}

/* Expect memory at the address that it has now. */
static int
expect(const struct fixture *f, uint64_t offset)
{
	return rte_vfio_cdev_domain_expect(f->domain, FAKE_VA(offset), fake_phys(FAKE_VA(offset)));
}

static void
assert_provisional(const struct fixture *f, uint64_t pages, uint64_t bytes)
{
	assert_int_equal(fixture_stats(f).provisional, pages);
	assert_int_equal(fixture_stats(f).provisional_bytes, bytes);
}

/* So many pages are provisional, and nothing else is there. */
static void
assert_only(const struct fixture *f, uint64_t pages)
{
	assert_provisional(f, pages, PAGES(pages));
	assert_stats(f, 0, 0, 0);
	assert_kernel_holds(2, pages, PAGES(pages));
}

static void
assert_provide_fails(const struct fixture *f, uint64_t offset, int err)
{
	uint64_t phys = 0x5555;

	log_clear();
	assert_int_equal(provide(f, offset, &phys), -err);
	assert_int_equal(phys, 0x5555);
	assert_logged(ERR, "memory", strerror(err));
}

static void
page_stays_from_its_address_to_its_mapping(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	fake.restless = FAKE_VA(PAGES(1));
	assert_int_equal(provide(f, PAGES(1) + 5, &phys), 0);
	assert_int_equal(phys, fake_phys(FAKE_VA(PAGES(1))) + 5);
	assert_only(f, 1);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(PAGES(1)), phys - 5, FAKE_PAGE,
						  FAKE_PAGE),
			 0);
	assert_provisional(f, 0, 0);
	assert_stats(f, 1, 1, FAKE_PAGE);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(fake_unpinned_live(), 0);
}

/* What a pin prevents: the page moves as soon as nothing pins it. */
static void
page_that_is_not_pinned_moves(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	fake.restless = FAKE_VA(0);
	assert_int_equal(rte_vfio_cdev_domain_phys(f->domain, FAKE_VA(0), &phys), 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), phys, FAKE_PAGE,
						  FAKE_PAGE),
			 -EADDRNOTAVAIL);
}

static void
asking_again_pins_once(void **state)
{
	const uint64_t offsets[] = { 0, 1, FAKE_PAGE - 1 };
	struct fixture *f = *state;
	uint64_t phys = 0;

	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(provide(f, offsets[i], &phys), 0);
		assert_int_equal(phys, FAKE_PHYS(offsets[i]));
	}
	assert_only(f, 1);
}

/* Not a base page of it, which would be all that counts as pinned of a hugepage. */
static void
whole_page_is_pinned_and_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	fake.vma_page = HUGE;
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(provide(f, HUGE + PAGES(7 * i) + 3, &phys), 0);
		assert_int_equal(phys, FAKE_PHYS(HUGE + PAGES(7 * i) + 3));
	}
	assert_provisional(f, 1, HUGE);
	assert_kernel_holds(2, 1, HUGE);
	assert_int_equal(memory_map(f, HUGE + PAGES(1), PAGES(1), FAKE_PAGE), 0);
	assert_provisional(f, 1, HUGE);
	assert_int_equal(memory_map(f, 0, 2 * HUGE, HUGE), 0);
	assert_provisional(f, 0, 0);
	assert_kernel_holds(2, 2, 2 * HUGE + FAKE_PAGE);
}

static void
kernel_that_knows_no_page_size_pins_a_base_page(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	fake.vma_page = 0;
	assert_int_equal(provide(f, HUGE + 5, &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(HUGE + 5));
	assert_only(f, 1);
	fake.vma_page = 3 * FAKE_PAGE;
	assert_int_equal(provide(f, 2 * HUGE, &phys), 0);
	assert_only(f, 2);
}

static void
page_that_is_mapped_is_not_pinned_again(void **state)
{
	const uint64_t iovas[] = { FAKE_PHYS(0), RTE_VFIO_CDEV_IOVA_ANY };
	struct fixture *f = *state;
	uint64_t phys = 0;

	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), iovas[i], PAGES(4),
							  FAKE_PAGE),
				 0);
		assert_int_equal(provide(f, PAGES(3), &phys), 0);
		assert_int_equal(phys, FAKE_PHYS(PAGES(3)));
		assert_provisional(f, 0, 0);
		assert_kernel_holds(2, 1, PAGES(4));
		assert_int_equal(memory_unmap(f, 0, PAGES(4)), 0);
	}
}

/* Shared memory at two places: the mapping of one goes without the other. */
static void
page_that_is_mapped_at_another_place_is_pinned(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	fake_page_move(FAKE_VA(PAGES(9)), FAKE_PHYS(0));
	assert_int_equal(memory_map(f, 0, PAGES(1), FAKE_PAGE), 0);
	assert_int_equal(provide(f, PAGES(9), &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(0));
	assert_provisional(f, 1, FAKE_PAGE);
}

/* Freed and allocated again: other memory at the same place, mapped or not. */
static void
replaced_memory_has_its_own_address(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	assert_int_equal(provide(f, 0, &phys), 0);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(PAGES(9)));
	assert_int_equal(provide(f, 0, &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(PAGES(9)));
	assert_only(f, 1);
	assert_int_equal(memory_map(f, PAGES(2), PAGES(1), FAKE_PAGE), 0);
	fake_page_move(FAKE_VA(PAGES(2)), FAKE_PHYS(PAGES(10)));
	assert_int_equal(provide(f, PAGES(2), &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(PAGES(10)));
	assert_provisional(f, 2, PAGES(2));
}

static void
mapping_takes_the_place_of_pages_in_it_only(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	for (unsigned int i = 0; i < 6; i++)
		assert_int_equal(provide(f, PAGES(i), &phys), 0);
	assert_int_equal(memory_map(f, PAGES(1), PAGES(4), FAKE_PAGE), 0);
	assert_provisional(f, 2, PAGES(2));
	assert_kernel_holds(2, 3, PAGES(6));
	assert_int_equal(fake_unpinned_live(), 0);
}

static void
pins_take_the_place_of_their_pages(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(provide(f, HUGE + PAGES(3), &phys), 0);
	assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(HUGE), HUGE, &phys), 0);
	assert_provisional(f, 0, 0);
	assert_kernel_holds(2, 1, HUGE);
}

/* The mapping has what was there before. */
static void
page_that_has_replaced_a_mapped_one_stays_pinned(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(memory_map(f, 0, PAGES(2), FAKE_PAGE), 0);
	fake_page_move(FAKE_VA(PAGES(1)), FAKE_PHYS(PAGES(9)));
	assert_int_equal(provide(f, PAGES(1), &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(PAGES(9)));
	assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), 0);
	assert_provisional(f, 1, FAKE_PAGE);
}

/* The address was given: it must stay right. */
static void
mapping_that_fails_keeps_its_pages_pinned(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(provide(f, 0, &phys), 0);
	fake_page_move(FAKE_VA(PAGES(1)), FAKE_PHYS(PAGES(9)));
	assert_int_equal(memory_map(f, 0, PAGES(2), FAKE_PAGE), -EADDRNOTAVAIL);
	assert_only(f, 1);
}

static void
sweep_unpins_what_is_gone_or_was_replaced(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(provide(f, PAGES(i), &phys), 0);
	fake_page_move(FAKE_VA(PAGES(1)), FAKE_PHYS(PAGES(9)));
	fake_page_remove(FAKE_VA(PAGES(3)));
	log_clear();
	for (unsigned int i = 0; i < 2; i++) {
		rte_vfio_cdev_domain_sweep(f->domain);
		assert_only(f, 3);
	}
	assert_string_equal(log_text(), "");
}

/* Short memory or a lost capability does not show that the memory is gone. */
static void
sweep_keeps_pages_in_doubt(void **state)
{
	static const enum fake_op ops[] = { FAKE_MAP, FAKE_GET_PA };
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(provide(f, 0, &phys), 0);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		fake_fail(ops[i], 1, ENOMEM);
		rte_vfio_cdev_domain_sweep(f->domain);
		assert_only(f, 1);
	}
	/* It may be read-only at the moment. */
	fake_fail(FAKE_MAP, 1, EFAULT);
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_only(f, 1);
	fake_fail(FAKE_MAP, 1, EFAULT);
	assert_provide_fails(f, 0, EFAULT);
	assert_only(f, 1);
	fake.rawio = false;
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_only(f, 1);
}

/* Pins of memory that comes and goes do not add up. */
static void
many_pages_are_swept(void **state)
{
	struct fixture *f = *state;
	uint64_t phys, i;

	f->domain->sweep_from = PAGES(SWEEP_FROM);
	for (i = 0; i < 8; i++)
		assert_int_equal(provide(f, PAGES(i), &phys), 0);
	for (i = 0; i < 4; i++)
		fake_page_move(FAKE_VA(PAGES(i)), FAKE_PHYS(PAGES(1000000 + i)));
	for (i = 8; i < SWEEP_FROM - 1; i++)
		assert_int_equal(provide(f, PAGES(i), &phys), 0);
	assert_only(f, SWEEP_FROM - 1);
	assert_int_equal(provide(f, PAGES(i), &phys), 0);
	assert_only(f, SWEEP_FROM - 4);
}

static void
next_sweep_comes_with_twice_as_many(void **state)
{
	struct fixture *f = *state;
	unsigned int maps;
	uint64_t phys, i;

	f->domain->sweep_from = PAGES(SWEEP_FROM);
	for (i = 0; i < SWEEP_FROM; i++)
		assert_int_equal(provide(f, PAGES(i), &phys), 0);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(PAGES(1000)));
	maps = fake_calls(FAKE_MAP);
	for (; i < 2 * SWEEP_FROM - 1; i++)
		assert_int_equal(provide(f, PAGES(i), &phys), 0);
	assert_int_equal(fake_calls(FAKE_MAP), maps + SWEEP_FROM - 1);
	assert_int_equal(provide(f, PAGES(i), &phys), 0);
	assert_only(f, 2 * SWEEP_FROM - 1);
}

static void
each_call_that_fails_leaves_nothing_pinned(void **state)
{
	static const enum fake_op ops[] = { FAKE_MAP, FAKE_GET_PA };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		fake_fail(ops[i], 1, EFAULT);
		assert_provide_fails(f, 0, EFAULT);
		assert_only(f, 0);
	}
	fake_heap_fail(FAKE_HEAP_MALLOC);
	assert_provide_fails(f, 0, ENOMEM);
	assert_only(f, 0);
}

/* No address is better than one that may be old. */
static void
page_that_cannot_be_asked_for_has_no_address(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(provide(f, 0, &phys), 0);
	fake_fail(FAKE_MAP, 1, ENOMEM);
	assert_provide_fails(f, 0, ENOMEM);
	fake_fail(FAKE_GET_PA, 1, EPERM);
	assert_provide_fails(f, 0, EPERM);
	assert_only(f, 1);
	fake_page_remove(FAKE_VA(0));
	assert_provide_fails(f, 0, EFAULT);
	assert_only(f, 0);
}

static void
page_that_the_kernel_keeps_stays_until_a_sweep(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(provide(f, 0, &phys), 0);
	fake_fail(FAKE_UNMAP, 1, EBUSY);
	log_clear();
	assert_int_equal(memory_map(f, 0, FAKE_PAGE, FAKE_PAGE), 0);
	assert_logged(ERR, "cannot unmap", strerror(EBUSY));
	assert_provisional(f, 1, FAKE_PAGE);
	fake_page_remove(FAKE_VA(0));
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_provisional(f, 0, 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
}

static void
without_a_device_nothing_is_pinned(void **state)
{
	assert_provide_fails(*state, 0, ENODEV);
	assert_logged(ERR, "set up a device first");
	assert_int_equal(fake_calls(FAKE_MAP), 0);
}

/* Addresses given before there is a device are pinned when there is one. */
static void
expected_pages_are_pinned_with_the_first_device(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(expect(f, PAGES(i) + i), 0);
	fake.vma_page = HUGE;
	assert_int_equal(expect(f, 3 * HUGE + PAGES(5) + 1), 0);
	assert_int_equal(expect(f, 3 * HUGE + PAGES(9)), 0);
	assert_provisional(f, 5, 0);
	assert_int_equal(fixture_stats(f).pending, 0);
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(fixture_open(f), 0);
	assert_provisional(f, 5, PAGES(4) + HUGE);
	assert_kernel_holds(2, 5, PAGES(4) + HUGE);
	assert_stats(f, 0, 0, 0);
	fake.restless = FAKE_VA(0);
	assert_int_equal(provide(f, 3 * HUGE, &phys), 0);
	assert_int_equal(fake_phys(FAKE_VA(0)), FAKE_PHYS(0));
	assert_provisional(f, 5, PAGES(4) + HUGE);
}

/* The error has both addresses, and a second try begins like the first. */
static void
expected_page_that_has_moved_refuses_the_device(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(expect(f, PAGES(i)), 0);
	assert_int_equal(memory_map(f, HUGE, HUGE, HUGE), 0);
	fake_page_move(FAKE_VA(PAGES(1)), FAKE_PHYS(PAGES(9)));
	for (unsigned int i = 0; i < 2; i++) {
		log_clear();
		assert_int_equal(fixture_open(f), -EADDRNOTAVAIL);
		assert_logged(ERR, log_hex((uintptr_t)FAKE_VA(PAGES(1))), "IOVA",
			      log_hex(FAKE_PHYS(PAGES(1))), "kernel reports",
			      log_hex(FAKE_PHYS(PAGES(9))), "set up a device before");
		assert_logged(ERR, FIXTURE_ADDR, "cannot attach", strerror(EADDRNOTAVAIL));
		assert_provisional(f, 3, 0);
		assert_int_equal(fixture_stats(f).pending, 1);
		assert_kernel_holds(1, 0, 0);
		assert_false(rte_vfio_cdev_domain_is_ready(f->domain));
	}
	/* Back where it was: the same memory can be used. */
	fake_page_move(FAKE_VA(PAGES(1)), FAKE_PHYS(PAGES(1)));
	assert_int_equal(fixture_open(f), 0);
	assert_provisional(f, 3, PAGES(3));
}

static void
expected_page_whose_memory_has_gone_is_dropped(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(expect(f, PAGES(i)), 0);
	fake_page_remove(FAKE_VA(PAGES(1)));
	log_clear();
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_only(f, 2);
}

/* Each call of pinning them in turn; EFAULT is another matter. */
static void
call_that_fails_leaves_all_pending(void **state)
{
	static const enum fake_op ops[] = { FAKE_MAP, FAKE_GET_PA };
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(expect(f, PAGES(i)), 0);
	assert_int_equal(memory_map(f, HUGE, HUGE, HUGE), 0);
	for (unsigned int i = 0; i < 8; i++) {
		fake_fail(ops[i % 2], 1 + i / 2, ENOMEM);
		assert_int_equal(fixture_open(f), -ENOMEM);
		assert_provisional(f, 3, 0);
		assert_int_equal(fixture_stats(f).pending, 1);
		assert_kernel_holds(1, 0, 0);
	}
	assert_int_equal(fixture_open(f), 0);
	assert_kernel_holds(2, 4, HUGE + PAGES(3));
}

static void
mapping_of_an_expected_page_takes_its_place_with_the_device(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(expect(f, PAGES(1)), 0);
	assert_int_equal(expect(f, PAGES(9)), 0);
	assert_int_equal(memory_map(f, 0, PAGES(4), FAKE_PAGE), 0);
	assert_provisional(f, 2, 0);
	assert_int_equal(fixture_open(f), 0);
	assert_provisional(f, 1, FAKE_PAGE);
	assert_stats(f, 1, 4, PAGES(4));
}

/* The page may have moved: since its first address was given, no device may be set up. */
static void
first_address_given_counts(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(expect(f, 0), 0);
	fake_page_move(FAKE_VA(0), FAKE_PHYS(PAGES(9)));
	assert_int_equal(expect(f, 0), 0);
	assert_provisional(f, 1, 0);
	assert_int_equal(fixture_open(f), -EADDRNOTAVAIL);
	/* A hugepage around it is another matter. */
	fake.vma_page = HUGE;
	assert_int_equal(expect(f, PAGES(3)), 0);
	assert_provisional(f, 2, 0);
}

static void
with_a_device_expected_pages_are_compared_at_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(expect(f, 5), 0);
	assert_only(f, 1);
	log_clear();
	assert_int_equal(rte_vfio_cdev_domain_expect(f->domain, FAKE_VA(PAGES(1)), FAKE_PHYS(0)),
			 -EADDRNOTAVAIL);
	assert_logged(ERR, log_hex((uintptr_t)FAKE_VA(PAGES(1))), "kernel reports",
		      log_hex(FAKE_PHYS(PAGES(1))));
	assert_int_equal(rte_vfio_cdev_domain_expect(f->domain, FAKE_VA(1), FAKE_PHYS(0)), -EINVAL);
	fake_heap_fail(FAKE_HEAP_MALLOC);
	assert_int_equal(expect(f, PAGES(5)), -ENOMEM);
}

static void
short_heap_is_returned_to_the_caller(void **state)
{
	struct fixture *f = *state;

	fake_heap_fail(FAKE_HEAP_MALLOC);
	assert_int_equal(expect(f, 0), -ENOMEM);
	assert_provisional(f, 0, 0);
}

/* The EAL's memory moves to another place, whose address is not asked for. */
static void
memory_that_goes_is_kept(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	rte_vfio_cdev_domain_keep_provisional(f->domain, true);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(provide(f, PAGES(i), &phys), 0);
	fake_page_remove(FAKE_VA(0));
	fake_page_move(FAKE_VA(PAGES(1)), FAKE_PHYS(PAGES(9)));
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_int_equal(memory_map(f, PAGES(2), PAGES(1), FAKE_PAGE), 0);
	assert_provisional(f, 1, PAGES(3));
	assert_kernel_holds(2, 4, PAGES(4));
	rte_vfio_cdev_domain_keep_provisional(f->domain, false);
	assert_provisional(f, 1, PAGES(1));
	assert_kernel_holds(2, 2, PAGES(2));
	rte_vfio_cdev_domain_keep_provisional(f->domain, true);
	fake_page_remove(FAKE_VA(PAGES(3)));
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_provisional(f, 0, PAGES(1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(page_stays_from_its_address_to_its_mapping),
		DEVICE_TEST(page_that_is_not_pinned_moves),
		DEVICE_TEST(asking_again_pins_once),
		DEVICE_TEST(whole_page_is_pinned_and_counted),
		DEVICE_TEST(kernel_that_knows_no_page_size_pins_a_base_page),
		DEVICE_TEST(page_that_is_mapped_is_not_pinned_again),
		DEVICE_TEST(page_that_is_mapped_at_another_place_is_pinned),
		DEVICE_TEST(replaced_memory_has_its_own_address),
		DEVICE_TEST(mapping_takes_the_place_of_pages_in_it_only),
		DEVICE_TEST(pins_take_the_place_of_their_pages),
		DEVICE_TEST(page_that_has_replaced_a_mapped_one_stays_pinned),
		DEVICE_TEST(mapping_that_fails_keeps_its_pages_pinned),
		DEVICE_TEST(sweep_unpins_what_is_gone_or_was_replaced),
		DEVICE_TEST(sweep_keeps_pages_in_doubt),
		DEVICE_TEST(many_pages_are_swept),
		DEVICE_TEST(next_sweep_comes_with_twice_as_many),
		DEVICE_TEST(each_call_that_fails_leaves_nothing_pinned),
		DEVICE_TEST(page_that_cannot_be_asked_for_has_no_address),
		DEVICE_TEST(page_that_the_kernel_keeps_stays_until_a_sweep),
		DEVICE_TEST(with_a_device_expected_pages_are_compared_at_once),
		DEVICE_TEST(memory_that_goes_is_kept),
		DOMAIN_TEST(without_a_device_nothing_is_pinned),
		DOMAIN_TEST(expected_pages_are_pinned_with_the_first_device),
		DOMAIN_TEST(expected_page_that_has_moved_refuses_the_device),
		DOMAIN_TEST(expected_page_whose_memory_has_gone_is_dropped),
		DOMAIN_TEST(call_that_fails_leaves_all_pending),
		DOMAIN_TEST(mapping_of_an_expected_page_takes_its_place_with_the_device),
		DOMAIN_TEST(first_address_given_counts),
		DOMAIN_TEST(short_heap_is_returned_to_the_caller),
	};

	return cmocka_run_group_tests_name("provisional", tests, NULL, NULL);
}
