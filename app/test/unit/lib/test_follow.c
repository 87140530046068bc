/* SPDX-License-Identifier: BSD-3-Clause */

/* Pages of a shared file that are unmapped at one address, and mapped at another as well. */

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>

#include "fake_heap.h"
#include "fixture.h"
#include "vfio_cdev_monitor.h"

#define GIVEN 6
#define OTHER HUGE	 /* where the file is mapped as well */
#define THIRD (2 * HUGE) /* and there */

/* mmap() of it, as its hook makes it. */
static void
vma_add(const struct fake_vma *vma)
{
	fake_vma_add(vma);
	vfio_cdev_monitor_shared();
}

static void
file_map(uint64_t at, uint64_t pages, uint64_t first)
{
	const struct fake_vma vma = file_vma(at, pages, first);

	vma_add(&vma);
	for (uint64_t i = 0; i < pages; i++)
		fake_page_move(FAKE_VA(at + PAGES(i)), FAKE_PHYS(PAGES(first + i)));
}

static void
memory_remove(uint64_t at)
{
	fake_vma_remove(FAKE_VA(at));
	for (uint64_t i = 0; i < GIVEN; i++)
		fake_page_remove(FAKE_VA(at + PAGES(i)));
}

static int
pages_give(const struct fixture *f)
{
	uint64_t phys;

	file_map(0, GIVEN, 0);
	for (uint64_t i = 0; i < GIVEN; i++)
		if (rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(PAGES(i)), &phys) < 0)
			return -1;
	log_clear();
	return 0;
}

/* The addresses of pages 0 to GIVEN - 1 were given, and they are pinned. */
static int
pinned_begin(void **state)
{
	return fixture_device(state) < 0 ? -1 : pages_give(*state);
}

/* The same, if /proc cannot be read. */
static int
unreadable_begin(void **state)
{
	if (fixture_device(state) < 0)
		return -1;
	fake.maps_error = EACCES;
	return pages_give(*state);
}

/* The same, pending. */
static int
pending_begin(void **state)
{
	const struct fixture *f;

	if (fixture_domain(state) < 0)
		return -1;
	f = *state;
	file_map(0, GIVEN, 0);
	for (uint64_t i = 0; i < GIVEN; i++)
		if (rte_vfio_cdev_domain_expect(f->domain, FAKE_VA(PAGES(i)), FAKE_PHYS(PAGES(i))) <
		    0)
			return -1;
	return 0;
}

/* munmap(), as its hook makes it. */
static void
unmap(uint64_t at, uint64_t pages)
{
	assert_true(vfio_cdev_monitor_begin(FAKE_VA(at), PAGES(pages)));
	for (uint64_t i = 0; i < pages; i++)
		fake_page_remove(FAKE_VA(at + PAGES(i)));
	vfio_cdev_monitor_end(FAKE_VA(at), PAGES(pages), VFIO_CDEV_GONE);
}

/* So many pages are still pinned, each once. */
static void
assert_pinned(const struct fixture *f, uint64_t pages)
{
	assert_int_equal(fixture_stats(f).provisional, pages);
	assert_kernel_holds(2, pages, PAGES(pages));
}

static uint64_t
given(const struct fixture *f, uint64_t offset)
{
	uint64_t phys = 0;

	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(offset), &phys), 0);
	return phys;
}

static void
page_that_is_mapped_elsewhere_stays_pinned(void **state)
{
	struct fixture *f = *state;
	unsigned int unmaps;

	file_map(OTHER, GIVEN, 0);
	unmaps = fake_calls(FAKE_UNMAP);
	unmap(PAGES(2), 2);
	assert_pinned(f, GIVEN);
	assert_int_equal(fake_calls(FAKE_UNMAP), unmaps);
	assert_int_equal(fake_unpinned_live(), 0);
	/* It is found there, and is not pinned again. */
	assert_int_equal(given(f, OTHER + PAGES(3)), FAKE_PHYS(PAGES(3)));
	assert_pinned(f, GIVEN);
	unmap(0, 2);
	unmap(PAGES(4), 2);
	assert_pinned(f, GIVEN);
	/* And ends with the last mapping. */
	fake_vma_remove(FAKE_VA(0));
	unmap(OTHER, GIVEN);
	assert_pinned(f, 0);
}

static void
page_that_is_mapped_nowhere_else_is_unpinned(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, 2, 3); /* pages 3 and 4 only */
	unmap(0, GIVEN);
	assert_pinned(f, 2);
	assert_int_equal(given(f, OTHER), FAKE_PHYS(PAGES(3)));
	assert_int_equal(given(f, OTHER + PAGES(1)), FAKE_PHYS(PAGES(4)));
	assert_pinned(f, 2);
}

static void
pending_page_is_followed_too(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	unmap(0, GIVEN);
	assert_int_equal(fixture_stats(f).provisional, GIVEN);
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(fixture_open(f), 0);
	assert_pinned(f, GIVEN);
	assert_int_equal(given(f, OTHER + PAGES(5)), FAKE_PHYS(PAGES(5)));
	assert_pinned(f, GIVEN);
}

/* The address that was given counts, wherever the page is mapped now. */
static void
pending_page_that_has_moved_refuses_the_device(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	unmap(0, GIVEN);
	fake_page_move(FAKE_VA(OTHER + PAGES(1)), FAKE_PHYS(PAGES(99)));
	log_clear();
	assert_int_equal(fixture_open(f), -EADDRNOTAVAIL);
	assert_logged(ERR, log_hex((uintptr_t)FAKE_VA(OTHER + PAGES(1))),
		      log_hex(FAKE_PHYS(PAGES(1))), log_hex(FAKE_PHYS(PAGES(99))));
}

/* What is not the same memory of the same file. */
static void
other_memory_is_not_taken_for_the_page(void **state)
{
	const struct fake_vma same = file_vma(OTHER, GIVEN, 0);
	struct fake_vma others[] = { same, same, same, same, same, same, same };
	struct fixture *f = *state;

	others[0].shared = false;
	others[1].inode = FILE_INODE + 1;
	others[2].dev = makedev(0, 16);
	others[3].offset = PAGES(GIVEN); /* begins behind */
	others[4].page_size = 2 * FAKE_PAGE;
	others[5].inode = 0;
	others[6].len = PAGES(2); /* ends before */
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		vma_add(&others[i]);
		unmap(PAGES(2), 3);
		assert_pinned(f, GIVEN - 3);
		fake_vma_remove(others[i].va);
		for (uint64_t j = 2; j < 5; j++) {
			fake_page_move(FAKE_VA(PAGES(j)), FAKE_PHYS(PAGES(j)));
			assert_int_equal(given(f, PAGES(j)), FAKE_PHYS(PAGES(j)));
		}
		assert_pinned(f, GIVEN);
	}
	vma_add(&same);
	unmap(PAGES(2), 3);
	assert_pinned(f, GIVEN);
}

/* Private memory has its own copy of a page, or will have. */
static void
private_page_is_not_followed(void **state)
{
	struct fake_vma private = file_vma(0, GIVEN, 0);
	struct fixture *f = *state;

	private.shared = false;
	fake_vma_remove(FAKE_VA(0));
	vma_add(&private);
	file_map(OTHER, GIVEN, 0);
	unmap(0, GIVEN);
	assert_pinned(f, 0);
}

static void
hugepage_is_followed_as_a_whole(void **state)
{
	const struct fake_vma at[] = {
		{ FAKE_VA(4 * HUGE), HUGE, HUGE, true, FILE_DEV, FILE_INODE, 8 * HUGE },
		{ FAKE_VA(6 * HUGE), 3 * HUGE, HUGE, true, FILE_DEV, FILE_INODE, 7 * HUGE },
	};
	struct fixture *f = *state;

	vma_add(&at[0]);
	assert_int_equal(given(f, 4 * HUGE + PAGES(3)), FAKE_PHYS(4 * HUGE + PAGES(3)));
	assert_int_equal(fixture_stats(f).provisional_bytes, HUGE);
	vma_add(&at[1]);
	fake_page_move(FAKE_VA(7 * HUGE + PAGES(5)), FAKE_PHYS(4 * HUGE + PAGES(5)));
	assert_true(vfio_cdev_monitor_begin(FAKE_VA(4 * HUGE), HUGE));
	vfio_cdev_monitor_end(FAKE_VA(4 * HUGE), HUGE, VFIO_CDEV_GONE);
	assert_int_equal(given(f, 7 * HUGE + PAGES(5)), FAKE_PHYS(4 * HUGE + PAGES(5)));
	assert_kernel_holds(2, 1, HUGE);
}

/* One mapping of all: what it has elsewhere is unmapped with it. */
static void
place_that_is_unmapped_too_does_not_count(void **state)
{
	struct fixture *f = *state;

	file_map(PAGES(GIVEN), GIVEN, 0);
	unmap(0, GIVEN + 2);
	assert_pinned(f, GIVEN - 2);
	assert_int_equal(given(f, PAGES(GIVEN + 2)), FAKE_PHYS(PAGES(2)));
	assert_pinned(f, GIVEN - 2);
}

/* Two mappings, of which one has a pin: one is enough. */
static void
page_with_a_pin_at_the_other_place_needs_no_other(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	assert_int_equal(given(f, OTHER + PAGES(1)), FAKE_PHYS(PAGES(1)));
	assert_pinned(f, GIVEN + 1);
	unmap(0, GIVEN);
	assert_pinned(f, GIVEN);
	assert_int_equal(given(f, OTHER + PAGES(1)), FAKE_PHYS(PAGES(1)));
	assert_pinned(f, GIVEN);
}

/* The list of mappings is made once, and again after more was mapped. */
static void
mappings_are_listed_once(void **state)
{
	struct fixture *f = *state;
	unsigned int first, queries;

	for (unsigned int i = 0; i < 4; i++)
		file_map((2 + i) * HUGE, 1, i);
	queries = fake_calls(FAKE_VMA);
	unmap(0, 1);
	first = fake_calls(FAKE_VMA) - queries;
	assert_in_range(first, 10, 20);
	unmap(PAGES(1), 1);
	assert_in_range(fake_calls(FAKE_VMA) - queries - first, 1, 3);
	assert_pinned(f, GIVEN);
	/* What was mapped since then is found. */
	file_map(6 * HUGE, GIVEN, 0);
	unmap(PAGES(5), 1);
	assert_pinned(f, GIVEN);
}

/* What is listed may be unmapped since then, or have other memory. */
static void
listed_mapping_that_is_gone_does_not_count(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	unmap(0, 1);
	assert_pinned(f, GIVEN);
	fake_vma_remove(FAKE_VA(OTHER));
	unmap(PAGES(1), 1);
	assert_pinned(f, GIVEN - 1);
}

static void
without_an_answer_of_the_kernel_pages_are_unpinned(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	unmap(0, 1);
	assert_pinned(f, GIVEN - 1);
	assert_int_equal(vfio_cdev_monitor_segment(FAKE_VA(0)), 0);
	fake.maps_error = 0;
	fake_fail(FAKE_VMA, 1, ENOTTY);
	unmap(PAGES(1), 1);
	assert_pinned(f, GIVEN - 2);
	fake_fail_from(FAKE_VMA, 2, EACCES);
	unmap(PAGES(2), 1);
	assert_pinned(f, GIVEN - 3);
	fake_fail_from(FAKE_VMA, 1, 0);
	unmap(PAGES(3), 1);
	assert_pinned(f, GIVEN - 3);
}

/* The list of memory was opened when the addresses were given. */
static void
page_is_followed_when_no_file_is_left(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	fake.maps_error = EMFILE;
	unmap(0, GIVEN);
	assert_pinned(f, GIVEN);
	assert_int_equal(given(f, OTHER + PAGES(5)), FAKE_PHYS(PAGES(5)));
	assert_pinned(f, GIVEN);
}

static void
pending_page_is_followed_when_no_file_is_left(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	fake.maps_error = EMFILE;
	unmap(0, GIVEN);
	fake.maps_error = 0;
	fake_page_move(FAKE_VA(OTHER + PAGES(1)), FAKE_PHYS(PAGES(99)));
	assert_int_equal(fixture_open(f), -EADDRNOTAVAIL);
}

/* closefrom(3) of the application: that number is another file's now, and stays open. */
static void
page_is_followed_after_the_list_was_closed(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	fake.maps_lost = true;
	unmap(0, GIVEN);
	assert_pinned(f, GIVEN);
	fake.maps_lost = true;
	rte_vfio_cdev_domain_forked(f->domain);
	fake.maps_lost = true;
}

static void
private_pages_are_unpinned_when_no_file_is_left(void **state)
{
	struct fixture *f = *state;

	fake.maps_error = EMFILE;
	for (uint64_t i = 0; i < 100; i++) {
		fake_page_move(FAKE_VA(4 * HUGE), FAKE_PHYS(PAGES(i)));
		assert_int_equal(given(f, 4 * HUGE), FAKE_PHYS(PAGES(i)));
		unmap(4 * HUGE, 1);
	}
	assert_pinned(f, GIVEN);
}

static void
no_address_is_given_when_no_file_is_left(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	fake.maps_error = EMFILE;
	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(0), &phys), -EMFILE);
	assert_logged(ERR, log_hex((uintptr_t)FAKE_VA(0)), strerror(EMFILE));
	log_clear();
	assert_int_equal(rte_vfio_cdev_domain_expect(f->domain, FAKE_VA(0), FAKE_PHYS(0)), -EMFILE);
	assert_logged(ERR, log_hex((uintptr_t)FAKE_VA(0)), strerror(EMFILE));
	assert_int_equal(fixture_stats(f).refused, 2);
	assert_kernel_holds(2, 0, 0);
	fake.maps_error = 0;
	assert_int_equal(given(f, 0), FAKE_PHYS(0));
}

/* The kernel is queried for each page then. */
static void
page_is_followed_without_memory_for_a_list(void **state)
{
	struct fixture *f = *state;
	struct rlimit limit, none;

	file_map(OTHER, GIVEN - 1, 0);
	assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	unmap(0, GIVEN);
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
	assert_pinned(f, GIVEN - 1);
	assert_int_equal(given(f, OTHER + PAGES(4)), FAKE_PHYS(PAGES(4)));
	assert_pinned(f, GIVEN - 1);
}

/* A list that ends too early is not kept. */
static void
page_is_followed_after_a_query_that_fails(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	for (unsigned int nth = 2; nth <= 6; nth++) {
		vfio_cdev_monitor_shared();
		fake_fail(FAKE_VMA, nth, EACCES);
		unmap(PAGES(nth - 1), 1);
		assert_pinned(f, GIVEN);
	}
}

/* A file that the parent has opened shows the parent's memory. */
static void
child_opens_its_own_list(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fake_maps_opened(), 1);
	rte_vfio_cdev_domain_forked(f->domain);
	assert_int_equal(fake_maps_opened(), 1);
	fake.maps_error = EACCES;
	rte_vfio_cdev_domain_forked(f->domain);
	assert_int_equal(fake_maps_opened(), 0);
	fake.maps_error = 0;
	file_map(OTHER, GIVEN, 0);
	unmap(0, GIVEN);
	assert_int_equal(fixture_stats(f).provisional, GIVEN);
	assert_int_equal(fake_maps_opened(), 1);
}

static void
without_addresses_no_list_is_opened(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_false(vfio_cdev_monitor_begin(FAKE_VA(0), HUGE));
	vfio_cdev_monitor_recheck(NULL, 0);
	rte_vfio_cdev_domain_sweep(f->domain);
	rte_vfio_cdev_domain_forked(f->domain);
	assert_int_equal(fake_maps_opened(), 0);
}

/* Its EAL moves memory itself: there, the pin has to stay where it is. */
static void
pins_that_are_kept_do_not_follow(void **state)
{
	struct fixture *f = *state;
	const unsigned int queries = fake_calls(FAKE_VMA);

	rte_vfio_cdev_domain_keep_provisional(f->domain, true);
	file_map(OTHER, GIVEN, 0);
	unmap(0, GIVEN);
	assert_int_equal(fake_calls(FAKE_VMA), queries);
	assert_int_equal(fixture_stats(f).provisional, 0);
	assert_kernel_holds(2, GIVEN, PAGES(GIVEN));
}

/* The mapping stays, and the pin is where it has been found: both are the page. */
static void
call_that_fails_keeps_the_page(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	assert_true(vfio_cdev_monitor_begin(FAKE_VA(0), PAGES(GIVEN)));
	vfio_cdev_monitor_end(FAKE_VA(0), PAGES(GIVEN), VFIO_CDEV_KEPT);
	assert_pinned(f, GIVEN);
	memory_remove(OTHER);
}

/* The caller of munmap() may have an allocator's lock, and errno is its own. */
static void
search_allocates_and_logs_nothing(void **state)
{
	struct fixture *f = *state;

	file_map(OTHER, GIVEN, 0);
	fake_heap_fail(FAKE_HEAP_MALLOC);
	fake_fail(FAKE_VMA, 3, EACCES);
	errno = EDOM;
	assert_true(vfio_cdev_monitor_begin(FAKE_VA(0), PAGES(GIVEN)));
	assert_int_equal(errno, EDOM);
	vfio_cdev_monitor_end(FAKE_VA(0), PAGES(GIVEN), VFIO_CDEV_GONE);
	assert_int_equal(errno, EDOM);
	assert_string_equal(log_text(), "");
	/* The failure is still to come. */
	assert_int_equal(rte_vfio_cdev_domain_expect(f->domain, FAKE_VA(4 * HUGE),
						     FAKE_PHYS(4 * HUGE)),
			 -ENOMEM);
}

/* A move in memory is not unmapping: where it went is known. */
static void
memory_that_is_moved_is_not_searched(void **state)
{
	const unsigned int queries = fake_calls(FAKE_VMA);

	(void)state;
	file_map(OTHER, GIVEN, 0);
	assert_true(vfio_cdev_monitor_begin(NULL, 0));
	vfio_cdev_monitor_end(NULL, 0, VFIO_CDEV_KEPT);
	assert_int_equal(fake_calls(FAKE_VMA), queries);
}

#define PINNED_TEST(name) cmocka_unit_test_setup_teardown(name, pinned_begin, fixture_end)
#define UNREADABLE_TEST(name) cmocka_unit_test_setup_teardown(name, unreadable_begin, fixture_end)
#define PENDING_TEST(name) cmocka_unit_test_setup_teardown(name, pending_begin, fixture_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PINNED_TEST(page_that_is_mapped_elsewhere_stays_pinned),
		PINNED_TEST(page_that_is_mapped_nowhere_else_is_unpinned),
		PENDING_TEST(pending_page_is_followed_too),
		PENDING_TEST(pending_page_that_has_moved_refuses_the_device),
		PINNED_TEST(other_memory_is_not_taken_for_the_page),
		PINNED_TEST(private_page_is_not_followed),
		DEVICE_TEST(hugepage_is_followed_as_a_whole),
		PINNED_TEST(place_that_is_unmapped_too_does_not_count),
		PINNED_TEST(page_with_a_pin_at_the_other_place_needs_no_other),
		PINNED_TEST(mappings_are_listed_once),
		PINNED_TEST(listed_mapping_that_is_gone_does_not_count),
		UNREADABLE_TEST(without_an_answer_of_the_kernel_pages_are_unpinned),
		PINNED_TEST(page_is_followed_when_no_file_is_left),
		PENDING_TEST(pending_page_is_followed_when_no_file_is_left),
		PINNED_TEST(page_is_followed_after_the_list_was_closed),
		PINNED_TEST(private_pages_are_unpinned_when_no_file_is_left),
		DEVICE_TEST(no_address_is_given_when_no_file_is_left),
		PINNED_TEST(page_is_followed_without_memory_for_a_list),
		PINNED_TEST(page_is_followed_after_a_query_that_fails),
		PENDING_TEST(child_opens_its_own_list),
		DEVICE_TEST(without_addresses_no_list_is_opened),
		PINNED_TEST(pins_that_are_kept_do_not_follow),
		PINNED_TEST(call_that_fails_keeps_the_page),
		PINNED_TEST(search_allocates_and_logs_nothing),
		PINNED_TEST(memory_that_is_moved_is_not_searched),
	};

	return cmocka_run_group_tests_name("follow", tests, NULL, NULL);
}
