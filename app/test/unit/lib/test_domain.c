/* SPDX-License-Identifier: BSD-3-Clause */

/* Mappings of a domain: all of it pinned and confirmed, or nothing. */

#include <errno.h>
#include <string.h>

#include "fake_heap.h"
#include "fixture.h"

static void
memory_is_mapped_pinned_and_verified(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, 16 * FAKE_PAGE, FAKE_PAGE), 0);
	assert_kernel_holds(2, 1, 16 * FAKE_PAGE);
	assert_stats(f, 1, 16, 16 * FAKE_PAGE);
	assert_logged(DEBUG, "mapped", log_number(16 * FAKE_PAGE), "0x100000000");
	assert_int_equal(memory_unmap(f, 0, 16 * FAKE_PAGE), 0);
	assert_logged(DEBUG, "unmapped", log_number(16 * FAKE_PAGE));
	assert_nothing_mapped(f);
}

static void
adjacent_mappings_are_separate(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(memory_map(f, i * FAKE_PAGE, FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(memory_unmap(f, FAKE_PAGE, FAKE_PAGE), 0);
	assert_stats(f, 2, 2, 2 * FAKE_PAGE);
	assert_int_equal(memory_unmap(f, FAKE_PAGE, FAKE_PAGE), -ENOENT);
	assert_int_equal(memory_unmap(f, 0, FAKE_PAGE), 0);
	assert_int_equal(memory_unmap(f, 2 * FAKE_PAGE, FAKE_PAGE), 0);
	assert_nothing_mapped(f);
}

static void
mapping_is_looked_up_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(memory_lookup(f, 0, HUGE), 0);
	assert_int_equal(memory_lookup(f, 0, FAKE_PAGE), -EOPNOTSUPP);
	assert_int_equal(memory_lookup(f, HUGE, HUGE), -ENOENT);
	assert_int_equal(memory_lookup(f, 0, 0), -EINVAL);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_int_equal(memory_lookup(f, 0, HUGE), -ENOENT);
}

static void
same_mapping_again_counts_a_user(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_kernel_holds(2, 1, HUGE);
	assert_stats(f, 1, 1, HUGE);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_kernel_holds(2, 1, HUGE);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_nothing_mapped(f);
	assert_int_equal(memory_unmap(f, 0, HUGE), -ENOENT);
}

/* Freed under the mapping, which keeps the old page; other memory is there now. */
static void
same_range_of_other_memory_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, 4 * FAKE_PAGE, FAKE_PAGE), 0);
	fake_page_move(FAKE_VA(2 * FAKE_PAGE), FAKE_PHYS(HUGE));
	log_clear();
	assert_int_equal(memory_map(f, 0, 4 * FAKE_PAGE, FAKE_PAGE), -EADDRNOTAVAIL);
	assert_logged(ERR, "cannot confirm", "freed while it was mapped");
	assert_kernel_holds(2, 1, 4 * FAKE_PAGE);
	assert_stats(f, 1, 4, 4 * FAKE_PAGE);
	assert_int_equal(memory_unmap(f, 0, 4 * FAKE_PAGE), 0);
	assert_nothing_mapped(f);
}

static void
same_range_without_memory_is_refused(void **state)
{
	static const enum fake_op ops[] = { FAKE_MAP, FAKE_GET_PA };
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		fake_fail(ops[i], 1, EFAULT);
		assert_int_equal(memory_map(f, 0, HUGE, HUGE), -EFAULT);
		assert_kernel_holds(2, 1, HUGE);
		assert_stats(f, 1, 1, HUGE);
	}
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_nothing_mapped(f);
}

static void
users_do_not_wrap_around(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < VFIO_CDEV_MAX_USERS; i++)
		assert_int_equal(memory_map(f, 0, FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(memory_map(f, 0, FAKE_PAGE, FAKE_PAGE), -EOVERFLOW);
	for (unsigned int i = 0; i < VFIO_CDEV_MAX_USERS; i++)
		assert_int_equal(memory_unmap(f, 0, FAKE_PAGE), 0);
	assert_nothing_mapped(f);
}

/* Each is an area of its own, and goes alone. */
static void
overlaps_are_separate_mappings(void **state)
{
	static const uint64_t ranges[][2] = {
		{ 4, 4 },  { 4, 3 }, /* shorter */
		{ 4, 5 },	     /* longer */
		{ 3, 2 },	     /* over its start */
		{ 7, 2 },	     /* over its end */
		{ 5, 1 },	     /* inside */
		{ 0, 16 },	     /* around */
	};
	const size_t count = sizeof(ranges) / sizeof(ranges[0]);
	struct fixture *f = *state;
	uint64_t pages = 0;

	for (size_t i = 0; i < count; i++) {
		assert_int_equal(memory_map(f, ranges[i][0] * FAKE_PAGE, ranges[i][1] * FAKE_PAGE,
					    FAKE_PAGE),
				 0);
		pages += ranges[i][1];
		assert_stats(f, i + 1, pages, pages * FAKE_PAGE);
	}
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(memory_lookup(f, ranges[i][0] * FAKE_PAGE,
					       ranges[i][1] * FAKE_PAGE),
				 0);
		assert_int_equal(memory_unmap(f, ranges[i][0] * FAKE_PAGE,
					      ranges[i][1] * FAKE_PAGE),
				 0);
		pages -= ranges[i][1];
		assert_stats(f, count - 1 - i, pages, pages * FAKE_PAGE);
	}
	assert_nothing_mapped(f);
}

/* Two views of the same pages (vhost-user ports of one guest): one goes, the other stays. */
static void
aliases_are_separate_mappings(void **state)
{
	struct fixture *f = *state;

	for (uint64_t i = 0; i < 4; i++)
		fake_page_move(FAKE_VA(HUGE + i * FAKE_PAGE), FAKE_PHYS(i * FAKE_PAGE));
	assert_int_equal(memory_map(f, 0, 4 * FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(HUGE), FAKE_PHYS(0),
						  4 * FAKE_PAGE, FAKE_PAGE),
			 0);
	assert_stats(f, 2, 8, 8 * FAKE_PAGE);
	assert_int_equal(memory_unmap(f, 0, 4 * FAKE_PAGE), 0);
	assert_int_equal(memory_lookup(f, 0, 4 * FAKE_PAGE), -ENOENT);
	assert_int_equal(rte_vfio_cdev_domain_lookup(f->domain, FAKE_VA(HUGE), FAKE_PHYS(0),
						     4 * FAKE_PAGE),
			 0);
	assert_kernel_holds(2, 1, 4 * FAKE_PAGE);
}

static void
same_memory_with_another_address_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	log_clear();
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(HUGE), HUGE,
						  HUGE),
			 -EEXIST);
	assert_logged(ERR, "cannot map", strerror(EEXIST), "unmap it first");
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(0), FAKE_PHYS(HUGE), HUGE),
			 -ENOENT);
	assert_stats(f, 1, 1, HUGE);
}

/* Wherever it is, page by page. */
static void
memory_without_an_address_is_mapped_where_it_is(void **state)
{
	const uint64_t any = RTE_VFIO_CDEV_IOVA_ANY, len = 8 * FAKE_PAGE;
	struct fixture *f = *state;

	fake_page_move(FAKE_VA(3 * FAKE_PAGE), FAKE_PHYS(9 * HUGE));
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), any, len, FAKE_PAGE), 0);
	assert_stats(f, 1, 8, len);
	assert_int_equal(fake_calls(FAKE_GET_PA), 1 + 3);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), any, len, FAKE_PAGE), 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(0), len,
						  FAKE_PAGE),
			 -EADDRNOTAVAIL);
	assert_int_equal(memory_lookup(f, 0, len), 0);
	assert_int_equal(rte_vfio_cdev_domain_lookup(f->domain, FAKE_VA(0), any, len), 0);
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(0), any, len), 0);
	assert_int_equal(memory_unmap(f, 0, len), 0);
	assert_nothing_mapped(f);
}

/* One page of it has come in the place of another. */
static void
replaced_memory_without_an_address_is_found(void **state)
{
	const uint64_t any = RTE_VFIO_CDEV_IOVA_ANY, len = 8 * FAKE_PAGE;
	struct fixture *f = *state;

	fake_page_move(FAKE_VA(2 * FAKE_PAGE), FAKE_PHYS(9 * HUGE));
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), any, len, FAKE_PAGE), 0);
	fake_page_move(FAKE_VA(5 * FAKE_PAGE), FAKE_PHYS(7 * HUGE));
	log_clear();
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), any, len, FAKE_PAGE),
			 -EADDRNOTAVAIL);
	assert_logged(ERR, log_hex((uintptr_t)FAKE_VA(5 * FAKE_PAGE)),
		      log_hex(FAKE_PHYS(5 * FAKE_PAGE)), log_hex(FAKE_PHYS(7 * HUGE)));
	assert_kernel_holds(2, 1, len);
	assert_stats(f, 1, 8, len);
}

/* What one page costs at the seam. */
static void
page_takes_two_ioctls(void **state)
{
	const struct iommufd_spent before = iommufd_spent();
	const size_t start = strlen(fake_trace());
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(memory_map(f, i * HUGE, HUGE, HUGE), 0);
	assert_string_equal(fake_trace() + start, "MPMPMPMPMPMPMPMPMPMP");
	assert_int_equal(iommufd_spent().calls - before.calls, 20);
}

static void
kernels_eexist_is_an_error(void **state)
{
	struct fixture *f = *state;

	fake_fail(FAKE_MAP, 1, EEXIST);
	assert_int_equal(memory_map(f, 0, FAKE_PAGE, FAKE_PAGE), -EEXIST);
	assert_logged(ERR, "cannot map", strerror(EEXIST));
	assert_nothing_mapped(f);
}

static void
unmap_of_nothing_is_an_error(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_unmap(f, 0, FAKE_PAGE), -ENOENT);
	assert_logged(ERR, "cannot unmap", strerror(ENOENT), "nothing is mapped there");
	assert_int_equal(fake_calls(FAKE_UNMAP), 0);
}

static void
bad_ranges_are_refused(void **state)
{
	static const struct {
		uint64_t va, iova, len, page_size;
	} bad[] = {
		{ 0x10000, 0x10000, 0, 4096 },
		{ 0, 0, 0, 4096 },
		{ 0x10001, 0x10000, 4096, 4096 },
		{ 0x10000, 0x10800, 4096, 4096 },
		{ 0x10000, 0x10000, 4095, 4096 },
		{ 0x10000, 0x10000, 4097, 4096 },
		{ UINT64_MAX - 4095, 0x10000, 8192, 4096 },
		{ 0x10000, UINT64_MAX - 4095, 8192, 4096 },
		{ 0, 0, UINT64_C(1) << 50, 4096 },
		{ 0, 0, UINT64_MAX - 4095, 4096 },
		{ 0x10001, 0x10000, 4096, 0 },
		{ 0x10000, 0x10000, 4096, 2048 },
		{ 0x10000, 0x10000, 4096, 4097 },
		{ 0x10000, 0x10000, 0x30000, 0x3000 },
		{ 0x10000, 0x10000, 0x2000, 0x4000 },
		{ 0x11000, 0x10000, 0x2000, 0x2000 },
		{ 0x10000, 0x10000, 4096, UINT64_C(1) << 63 },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		log_clear();
		assert_int_equal(rte_vfio_cdev_domain_map(f->domain, (void *)(uintptr_t)bad[i].va,
							  bad[i].iova, bad[i].len,
							  bad[i].page_size),
				 -EINVAL);
		assert_logged(ERR, "cannot map", strerror(EINVAL), "multiples");
	}
	assert_int_equal(fake_calls(FAKE_MAP), 0);
	assert_int_equal(memory_unmap(f, 0, 0), -EINVAL);
	assert_int_equal(memory_unmap(f, 1, FAKE_PAGE), -EINVAL);
	assert_nothing_mapped(f);
}

/* One that ends with the last byte of the address space is no wrap-around. */
static void
last_page_can_be_mapped(void **state)
{
	struct fixture *f = *state;
	const uint64_t iova = UINT64_MAX - (FAKE_PAGE - 1);

	fake_page_move(FAKE_VA(0), iova);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), iova, FAKE_PAGE,
						  FAKE_PAGE),
			 0);
	assert_stats(f, 1, 1, FAKE_PAGE);
	assert_int_equal(memory_map(f, FAKE_PAGE, FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(0), iova, FAKE_PAGE), 0);
	assert_stats(f, 1, 1, FAKE_PAGE);
}

static void
address_that_the_kernel_does_not_confirm_is_refused(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(FAKE_PAGE),
						  FAKE_PAGE, FAKE_PAGE),
			 -EADDRNOTAVAIL);
	assert_logged(ERR, "cannot confirm", log_hex(FAKE_PHYS(FAKE_PAGE)), "0x100000000",
		      strerror(EADDRNOTAVAIL), "moved before it was pinned");
	assert_nothing_mapped(f);
}

/* A page in the middle, and the last one. */
static void
moved_page_undoes_the_mapping(void **state)
{
	struct fixture *f = *state;

	fake_page_move(FAKE_VA(7 * FAKE_PAGE), FAKE_PHYS(100 * FAKE_PAGE));
	assert_int_equal(memory_map(f, 0, 16 * FAKE_PAGE, FAKE_PAGE), -EADDRNOTAVAIL);
	assert_nothing_mapped(f);
	assert_int_equal(memory_map(f, 0, 8 * FAKE_PAGE, FAKE_PAGE), -EADDRNOTAVAIL);
	assert_nothing_mapped(f);
	assert_int_equal(memory_map(f, 0, 7 * FAKE_PAGE, FAKE_PAGE), 0);
}

static void
moved_hugepage_undoes_the_mapping(void **state)
{
	struct fixture *f = *state;

	fake_page_move(FAKE_VA(2 * HUGE), FAKE_PHYS(9 * HUGE));
	assert_int_equal(memory_map(f, 0, 3 * HUGE, HUGE), -EADDRNOTAVAIL);
	assert_nothing_mapped(f);
	assert_int_equal(memory_map(f, 0, 2 * HUGE, HUGE), 0);
	assert_stats(f, 1, 2, 2 * HUGE);
}

static void
each_hugepage_is_asked_for_once_and_one_base_page(void **state)
{
	struct fixture *f = *state;
	const unsigned int before = fake_calls(FAKE_GET_PA);

	assert_int_equal(memory_map(f, 0, 5 * HUGE, HUGE), 0);
	assert_int_equal(fake_calls(FAKE_GET_PA) - before, 5);
	assert_stats(f, 1, 5, 5 * HUGE);
	assert_int_equal(memory_map(f, 0, 5 * HUGE, HUGE), 0);
	assert_int_equal(fake_calls(FAKE_GET_PA) - before, 10);
	assert_int_equal(fake_pa_asked(), FAKE_PAGE);
}

static void
base_pages_are_asked_for_in_runs(void **state)
{
	struct fixture *f = *state;
	const unsigned int before = fake_calls(FAKE_GET_PA);

	assert_int_equal(memory_map(f, 0, 16 * FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(fake_calls(FAKE_GET_PA) - before, 1);
	fake.pa_run = 3 * FAKE_PAGE;
	assert_int_equal(memory_map(f, 16 * FAKE_PAGE, 16 * FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(fake_calls(FAKE_GET_PA) - before, 1 + 6);
	assert_stats(f, 2, 32, 32 * FAKE_PAGE);
}

static void
impossible_run_is_refused(void **state)
{
	const uint64_t lies[] = {
		0,
		1,
		100,
		FAKE_PAGE - 1,
		FAKE_PAGE + 1,
		FAKE_PAGE * 3 / 2,
		10 * FAKE_PAGE,
		UINT64_MAX - (FAKE_PAGE - 1),
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		fake.pa_length = lies[i];
		log_clear();
		assert_int_equal(memory_map(f, 0, 9 * FAKE_PAGE, FAKE_PAGE), -EPROTO);
		assert_logged(ERR, "cannot confirm", strerror(EPROTO));
		assert_nothing_mapped(f);
	}
}

static void
get_pa_failing_halfway_undoes_the_mapping(void **state)
{
	static const int errors[] = { EPERM, ENOENT, EOPNOTSUPP };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		fake_fail(FAKE_GET_PA, 3, errors[i]);
		log_clear();
		assert_int_equal(memory_map(f, 0, 5 * HUGE, HUGE), -errors[i]);
		assert_logged(ERR, "cannot confirm", "0x7f0000000000", strerror(errors[i]));
		assert_nothing_mapped(f);
	}
}

static void
capability_dropped_after_start_is_named(void **state)
{
	struct fixture *f = *state;

	fake.rawio = false;
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), -EPERM);
	assert_logged(ERR, "cannot confirm", strerror(EPERM), "CAP_SYS_RAWIO");
	assert_nothing_mapped(f);
}

static void
map_that_the_kernel_refuses_leaves_nothing(void **state)
{
	static const struct {
		int err;
		const char *remedy;
	} cases[] = {
		{ ENOMEM, "RLIMIT_MEMLOCK" },
		{ EFAULT, "read-only" },
		{ EINVAL, "multiples" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_fail(FAKE_MAP, 1, cases[i].err);
		log_clear();
		assert_int_equal(memory_map(f, 0, HUGE, HUGE), -cases[i].err);
		assert_logged(ERR, "cannot map", strerror(cases[i].err), cases[i].remedy);
		assert_nothing_mapped(f);
	}
}

static void
memlock_limit_is_named(void **state)
{
	struct fixture *f = *state;

	fake.memlock = 3 * HUGE;
	assert_int_equal(memory_map(f, 0, 2 * HUGE, HUGE), 0);
	assert_int_equal(memory_map(f, 2 * HUGE, 2 * HUGE, HUGE), -ENOMEM);
	assert_logged(ERR, "cannot map", strerror(ENOMEM), "RLIMIT_MEMLOCK", "CAP_IPC_LOCK");
	assert_kernel_holds(2, 1, 2 * HUGE);
	assert_stats(f, 1, 2, 2 * HUGE);
}

/* Both errors are logged; the pins are released with the domain at the latest. */
static void
undo_that_fails_is_logged(void **state)
{
	struct fixture *f = *state;

	fake_page_move(FAKE_VA(0), FAKE_PHYS(9 * HUGE));
	fake_fail(FAKE_UNMAP, 1, ENOENT);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), -EADDRNOTAVAIL);
	assert_logged(ERR, "cannot confirm", strerror(EADDRNOTAVAIL));
	assert_logged(ERR, "cannot unmap", strerror(ENOENT));
	assert_stats(f, 0, 0, 0);
}

static void
failed_unmap_can_be_tried_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	fake_fail(FAKE_UNMAP, 1, ENOMEM);
	assert_int_equal(memory_unmap(f, 0, HUGE), -ENOMEM);
	assert_logged(ERR, "cannot unmap", strerror(ENOMEM));
	assert_stats(f, 1, 1, HUGE);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_nothing_mapped(f);
}

static void
short_heap_is_found_before_anything_is_mapped(void **state)
{
	struct fixture *f = *state;

	log_clear();
	fake_heap_fail(FAKE_HEAP_MALLOC);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), -ENOMEM);
	assert_logged(ERR, "cannot map", strerror(ENOMEM));
	assert_int_equal(fake_calls(FAKE_MAP), 0);
	assert_nothing_mapped(f);
}

static void
destroying_a_domain_unpins_everything(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(memory_map(f, i * HUGE, HUGE, HUGE), 0);
	rte_vfio_cdev_device_close(f->device);
	f->device = NULL;
	assert_kernel_holds(1, 100, 100 * HUGE);
	assert_int_equal(rte_vfio_cdev_domain_destroy(f->domain), 0);
	f->domain = NULL;
	assert_kernel_holds(0, 0, 0);
	assert_int_equal(fake_unpinned_live(), 0);
}

static void
domain_with_a_device_is_not_destroyed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(rte_vfio_cdev_domain_destroy(f->domain), -EBUSY);
	assert_kernel_holds(2, 1, HUGE);
	assert_stats(f, 1, 1, HUGE);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(memory_is_mapped_pinned_and_verified),
		DEVICE_TEST(adjacent_mappings_are_separate),
		DEVICE_TEST(mapping_is_looked_up_whole),
		DEVICE_TEST(same_mapping_again_counts_a_user),
		DEVICE_TEST(same_range_of_other_memory_is_refused),
		DEVICE_TEST(same_range_without_memory_is_refused),
		DEVICE_TEST(users_do_not_wrap_around),
		DEVICE_TEST(overlaps_are_separate_mappings),
		DEVICE_TEST(aliases_are_separate_mappings),
		DEVICE_TEST(same_memory_with_another_address_is_refused),
		DEVICE_TEST(memory_without_an_address_is_mapped_where_it_is),
		DEVICE_TEST(replaced_memory_without_an_address_is_found),
		DEVICE_TEST(page_takes_two_ioctls),
		DEVICE_TEST(kernels_eexist_is_an_error),
		DEVICE_TEST(unmap_of_nothing_is_an_error),
		DEVICE_TEST(bad_ranges_are_refused),
		DEVICE_TEST(last_page_can_be_mapped),
		DEVICE_TEST(address_that_the_kernel_does_not_confirm_is_refused),
		DEVICE_TEST(moved_page_undoes_the_mapping),
		DEVICE_TEST(moved_hugepage_undoes_the_mapping),
		DEVICE_TEST(each_hugepage_is_asked_for_once_and_one_base_page),
		DEVICE_TEST(base_pages_are_asked_for_in_runs),
		DEVICE_TEST(impossible_run_is_refused),
		DEVICE_TEST(get_pa_failing_halfway_undoes_the_mapping),
		DEVICE_TEST(capability_dropped_after_start_is_named),
		DEVICE_TEST(map_that_the_kernel_refuses_leaves_nothing),
		DEVICE_TEST(memlock_limit_is_named),
		DEVICE_TEST(undo_that_fails_is_logged),
		DEVICE_TEST(failed_unmap_can_be_tried_again),
		DEVICE_TEST(short_heap_is_found_before_anything_is_mapped),
		DEVICE_TEST(destroying_a_domain_unpins_everything),
		DEVICE_TEST(domain_with_a_device_is_not_destroyed),
	};

	return cmocka_run_group_tests_name("domain", tests, NULL, NULL);
}
