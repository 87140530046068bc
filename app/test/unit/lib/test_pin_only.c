/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory that io_uring pins, and addresses of pagemap: a domain without cdevs. */

#include <errno.h>
#include <string.h>

#include "fake_heap.h"
#include "fixture.h"

#define RING_SLOTS 1024

static int
setup(void **state)
{
	struct fixture *f;

	if (fixture_ctx(state) < 0)
		return -1;
	f = *state;
	return rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_PIN_ONLY, &f->domain);
}

static int
setup_started(void **state)
{
	const struct fixture *f;

	if (setup(state) < 0)
		return -1;
	f = *state;
	return rte_vfio_cdev_domain_start(f->domain);
}

#define NEW_TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_end)
#define STARTED_TEST(name) cmocka_unit_test_setup_teardown(name, setup_started, fixture_end)

/* Files: pagemap, and the rings. */
static void
assert_holds(unsigned int rings, unsigned int buffers)
{
	assert_int_equal(fake_holds().files, rings != 0 ? 1 + rings : 0);
	assert_int_equal(fake_holds().areas, buffers);
}

static int
pin_page(const struct fixture *f, uint64_t offset, uint64_t *phys)
{
	return rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(offset), HUGE, phys);
}

static void
page_is_pinned_before_its_address_is_read(void **state)
{
	const struct fixture *f = *state;
	const size_t start = strlen(fake_trace());
	void *const va = FAKE_VA(2 * HUGE);
	uint64_t phys = 0;

	fake.restless = va;
	assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, va, FAKE_PAGE, &phys), 0);
	assert_string_equal(fake_trace() + start, "Kp");
	assert_int_equal(phys, fake_phys(va));
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, va, phys, FAKE_PAGE), 0);
	assert_int_equal(fake_trace()[start + 2], 'k');
	assert_holds(1, 0);
}

/* The caller has given a wrong size: there is no hugepage. */
static void
what_is_no_hugepage_is_pinned_as_a_whole(void **state)
{
	const struct fixture *f = *state;
	uint64_t phys;

	fake_page_move(FAKE_VA(HUGE - FAKE_PAGE), FAKE_PHYS(9 * HUGE));
	assert_int_equal(pin_page(f, 0, &phys), 0);
	assert_int_equal(fake_holds().pinned, HUGE);
}

/* Nor if pagemap cannot be read now. */
static void
what_may_be_no_hugepage_is_pinned_as_a_whole(void **state)
{
	const struct fixture *f = *state;
	uint64_t phys;

	for (unsigned int nth = 1; nth <= 2; nth++) {
		fake_page_move(FAKE_VA(2 * nth * HUGE - FAKE_PAGE), FAKE_PHYS(9 * HUGE));
		fake_fail(FAKE_PAGEMAP, nth, ENOMEM);
		assert_int_equal(pin_page(f, (2 * nth - 1) * HUGE, &phys), 0);
		assert_int_equal(fake_holds().pinned, nth * HUGE);
	}
}

static void
part_of_a_hugepage_pins_it(void **state)
{
	const struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(pin_page(f, 0, &phys), 0);
	assert_int_equal(fake_holds().pinned, FAKE_PAGE);
	assert_int_equal(fixture_stats(f).bytes, HUGE);
	assert_int_equal(memory_map(f, 2 * HUGE, 2 * HUGE, HUGE), 0);
	assert_int_equal(fake_holds().pinned, FAKE_PAGE + 2 * HUGE);
}

static void
nothing_is_confirmed(void **state)
{
	const struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(pin_page(f, 0, &phys), 0);
	assert_int_equal(pages_map(f, 1024, 3), 0);
	assert_int_equal(pages_map(f, 1024, 3), 0);
	assert_int_equal(fixture_stats(f).mappings, 2);
	assert_int_equal(fixture_stats(f).pages_mapped, 4);
	assert_int_equal(fixture_stats(f).pages_verified, 0);
	assert_int_equal(fixture_stats(f).verified, 0);
	assert_int_equal(pages_unmap(f, 1024, 3), 0);
	assert_int_equal(pages_unmap(f, 1024, 3), 0);
}

static void
wrong_address_is_refused(void **state)
{
	const struct fixture *f = *state;

	fake_page_move(FAKE_VA(PAGES(2)), FAKE_PHYS(PAGES(100)));
	assert_int_equal(pages_map(f, 0, 4), -EADDRNOTAVAIL);
	assert_logged(ERR, "cannot confirm");
	assert_int_equal(fixture_stats(f).misplaced, 1);
	assert_holds(1, 0);
}

static void
pending_memory_is_pinned_and_compared_by_the_start(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 4), 0);
	assert_int_equal(pages_map(f, 8, 4), 0);
	assert_holds(0, 0);
	fake_page_move(FAKE_VA(PAGES(9)), FAKE_PHYS(PAGES(100)));
	assert_int_equal(rte_vfio_cdev_domain_start(f->domain), -EADDRNOTAVAIL);
	assert_false(rte_vfio_cdev_domain_is_ready(f->domain));
	assert_holds(0, 0);
	assert_int_equal(fixture_stats(f).pending, 2);
	fake_page_move(FAKE_VA(PAGES(9)), FAKE_PHYS(PAGES(9)));
	assert_int_equal(rte_vfio_cdev_domain_start(f->domain), 0);
	assert_holds(1, 2);
	assert_int_equal(rte_vfio_cdev_domain_start(f->domain), 0);
	assert_holds(1, 2);
}

static void
failing_start_leaves_nothing(void **state)
{
	static const struct {
		enum fake_op op;
		int err;
	} faults[] = {
		{ FAKE_RING_OPEN, ENOSYS },    { FAKE_RING_OPEN, EPERM },
		{ FAKE_RING_OPEN, EMFILE },    { FAKE_RING_BUFFERS, EINVAL },
		{ FAKE_RING_BUFFERS, ENOMEM }, { FAKE_RING_PIN, ENOMEM },
		{ FAKE_RING_PIN, EFAULT },     { FAKE_RING_PIN, EOPNOTSUPP },
		{ FAKE_PAGEMAP, EIO },
	};
	const struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 4), 0);
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		log_clear();
		fake_fail(faults[i].op, 1, faults[i].err);
		assert_int_equal(rte_vfio_cdev_domain_start(f->domain), -faults[i].err);
		assert_logged(ERR, strerror(faults[i].err));
		assert_holds(0, 0);
	}
	fake.admin = false;
	assert_int_equal(rte_vfio_cdev_domain_start(f->domain), -EACCES);
	assert_logged(ERR, "CAP_SYS_ADMIN");
	assert_holds(0, 0);
	fake.admin = true;
	assert_int_equal(rte_vfio_cdev_domain_start(f->domain), 0);
}

static void
no_memory_for_the_rings(void **state)
{
	const struct fixture *f = *state;

	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_int_equal(rte_vfio_cdev_domain_start(f->domain), -ENOMEM);
	assert_logged(ERR, strerror(ENOMEM));
	assert_holds(0, 0);
}

static void
failing_map_leaves_nothing(void **state)
{
	static const int errors[] = { ENOMEM, EFAULT, EOPNOTSUPP };
	const struct fixture *f = *state;
	uint64_t phys;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fake_fail(FAKE_RING_PIN, 1, errors[i]);
		assert_int_equal(pin_page(f, 0, &phys), -errors[i]);
		assert_holds(1, 0);
	}
	fake_fail_from(FAKE_PAGEMAP, 1, EIO);
	assert_int_equal(pin_page(f, 0, &phys), -EIO);
	assert_holds(1, 0);
	fake_fail_from(FAKE_PAGEMAP, 1, 0);
	assert_int_equal(fixture_stats(f).mappings, 0);
}

static void
failing_unmap_keeps_the_mapping(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 4), 0);
	fake_fail(FAKE_RING_UNPIN, 1, ENOMEM);
	assert_int_equal(pages_unmap(f, 0, 4), -ENOMEM);
	assert_holds(1, 1);
	assert_int_equal(pages_unmap(f, 0, 4), 0);
	assert_holds(1, 0);
}

/* The kernel gives pages back only when their last buffer is gone. */
static void
rest_of_a_mapping_stays_pinned(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 8), 0);
	fake.restless = FAKE_VA(PAGES(6));
	assert_int_equal(pages_unmap(f, 2, 2), 0);
	assert_int_equal(fake_holds().pinned, PAGES(6));
	assert_int_equal(fake_phys(FAKE_VA(PAGES(6))), FAKE_PHYS(PAGES(6)));
	assert_int_equal(pages_unmap(f, 0, 2), 0);
	assert_int_equal(pages_unmap(f, 4, 4), 0);
	assert_holds(1, 0);
}

/* The kernel pins what is at the VA: other memory, if the program has replaced it. */
static void
rest_of_replaced_memory_is_not_taken_for_it(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(pages_map(f, 0, 8), 0);
	fake_page_move(FAKE_VA(PAGES(6)), FAKE_PHYS(PAGES(100)));
	assert_int_equal(pages_unmap(f, 0, 2), -EADDRNOTAVAIL);
	assert_holds(1, 1);
	assert_int_equal(pages_unmap(f, 0, 8), 0);
}

static void
ring_is_added_when_the_first_is_full(void **state)
{
	const struct fixture *f = *state;

	for (unsigned int i = 0; i < RING_SLOTS; i++)
		assert_int_equal(pages_map(f, 2 * i, 1), 0);
	assert_holds(1, RING_SLOTS);
	log_clear();
	fake_fail(FAKE_RING_OPEN, 1, EMFILE);
	assert_int_equal(pages_map(f, 2 * RING_SLOTS, 1), -EMFILE);
	assert_logged(ERR, "ulimit -n");
	assert_int_equal(pages_map(f, 2 * RING_SLOTS, 1), 0);
	assert_holds(2, RING_SLOTS + 1);
	for (unsigned int i = 0; i < RING_SLOTS; i++) {
		assert_int_equal(pages_unmap(f, 2 * i, 1), 0);
		assert_int_equal(pages_map(f, 2 * i, 1), 0);
	}
	assert_holds(2, RING_SLOTS + 1);
}

/* Pagemap has the address of what is there now: pages of two pins are not told apart. */
static void
replaced_memory_is_pinned_anew(void **state)
{
	const struct fixture *f = *state;
	void *const va = FAKE_VA(0);
	uint64_t phys;

	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, va, RTE_VFIO_CDEV_IOVA_ANY, PAGES(2),
						  0),
			 0);
	fake_page_move(FAKE_VA(FAKE_PAGE), FAKE_PHYS(PAGES(100)));
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, va, RTE_VFIO_CDEV_IOVA_ANY, PAGES(2),
						  0),
			 0);
	assert_holds(1, 2);
	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(FAKE_PAGE), &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(PAGES(100)));
	assert_int_equal(fixture_stats(f).provisional, 1);
}

/* Of a mapping at any address only the first page's address is known. */
static void
page_inside_a_mapping_has_its_own_address(void **state)
{
	const struct fixture *f = *state;
	uint64_t phys = 0;

	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), RTE_VFIO_CDEV_IOVA_ANY,
						  PAGES(3), FAKE_PAGE),
			 0);
	assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(PAGES(2)), FAKE_PAGE,
						       &phys),
			 0);
	assert_int_equal(phys, FAKE_PHYS(PAGES(2)));
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(PAGES(2)), phys, FAKE_PAGE),
			 0);
	assert_holds(1, 1);
}

/* Whatever other mapping has the page too. */
static void
page_of_a_known_address_is_not_pinned_again(void **state)
{
	const struct fixture *f = *state;
	uint64_t phys = 0;

	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), RTE_VFIO_CDEV_IOVA_ANY,
						  PAGES(3), FAKE_PAGE),
			 0);
	assert_int_equal(pages_map(f, 1, 2), 0);
	assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(PAGES(2)), FAKE_PAGE,
						       &phys),
			 0);
	assert_int_equal(phys, FAKE_PHYS(PAGES(2)));
	assert_holds(1, 2);
}

static void
provided_page_is_pinned_until_its_memory_goes(void **state)
{
	const struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(100), &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(100));
	assert_holds(1, 1);
	assert_true(vfio_cdev_monitor_begin(FAKE_VA(0), FAKE_PAGE));
	vfio_cdev_monitor_end(FAKE_VA(0), FAKE_PAGE, VFIO_CDEV_GONE);
	assert_holds(1, 0);
}

static void
domain_has_no_devices(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_fd(f->domain), -EOPNOTSUPP);
	assert_int_equal(fixture_open(f), -EXDEV);
	assert_int_equal(rte_vfio_cdev_domain_prime(f->domain, &f->info, NULL), -EOPNOTSUPP);
}

static void
domain_of_cdevs_is_not_started(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_start(f->domain), -EOPNOTSUPP);
	assert_false(rte_vfio_cdev_domain_is_ready(f->domain));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STARTED_TEST(page_is_pinned_before_its_address_is_read),
		STARTED_TEST(part_of_a_hugepage_pins_it),
		STARTED_TEST(what_is_no_hugepage_is_pinned_as_a_whole),
		STARTED_TEST(what_may_be_no_hugepage_is_pinned_as_a_whole),
		STARTED_TEST(nothing_is_confirmed),
		STARTED_TEST(wrong_address_is_refused),
		NEW_TEST(pending_memory_is_pinned_and_compared_by_the_start),
		NEW_TEST(failing_start_leaves_nothing),
		NEW_TEST(no_memory_for_the_rings),
		STARTED_TEST(failing_map_leaves_nothing),
		STARTED_TEST(failing_unmap_keeps_the_mapping),
		STARTED_TEST(rest_of_a_mapping_stays_pinned),
		STARTED_TEST(rest_of_replaced_memory_is_not_taken_for_it),
		STARTED_TEST(ring_is_added_when_the_first_is_full),
		STARTED_TEST(replaced_memory_is_pinned_anew),
		STARTED_TEST(page_inside_a_mapping_has_its_own_address),
		STARTED_TEST(page_of_a_known_address_is_not_pinned_again),
		STARTED_TEST(provided_page_is_pinned_until_its_memory_goes),
		STARTED_TEST(domain_has_no_devices),
		DOMAIN_TEST(domain_of_cdevs_is_not_started),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
