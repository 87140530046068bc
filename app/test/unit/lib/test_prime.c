/* SPDX-License-Identifier: BSD-3-Clause */

/* A HWPT without a device, and what was mapped before there was one. */

#include <errno.h>
#include <string.h>

#include "fixture.h"

#define PENDING 3

static int
prime(const struct fixture *f)
{
	return rte_vfio_cdev_domain_prime(f->domain, &f->info, NULL);
}

static void
assert_pending(const struct fixture *f, uint64_t pending)
{
	assert_int_equal(fixture_stats(f).pending, pending);
}

/* These hugepages are pending, and the kernel has none of them. */
static void
assert_all_pending(const struct fixture *f)
{
	assert_kernel_holds(1, 0, 0);
	assert_stats(f, 0, 0, 0);
	assert_pending(f, PENDING);
	for (unsigned int i = 0; i < PENDING; i++)
		assert_int_equal(memory_lookup(f, i * HUGE, HUGE), 0);
}

static void
map_waiting(const struct fixture *f)
{
	for (unsigned int i = PENDING; i-- > 0;)
		assert_int_equal(memory_map(f, i * HUGE, HUGE, HUGE), 0);
	assert_all_pending(f);
}

static void
primed_domain_pins_without_a_device(void **state)
{
	struct fixture *f = *state;
	uint64_t iova = 0;

	assert_int_equal(prime(f), 0);
	assert_kernel_holds(1, 0, 0);
	assert_false(fake_node(FIXTURE_NODE)->bound);
	assert_int_equal(fake_calls(FAKE_ATTACH), 0);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(HUGE), HUGE, &iova), 0);
	assert_int_equal(iova, FAKE_PHYS(HUGE));
	assert_kernel_holds(1, 2, 2 * HUGE);
	assert_stats(f, 2, 2, 2 * HUGE);
}

static void
device_joins_what_was_primed(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(prime(f), 0);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(fake_calls(FAKE_HWPT_ALLOC), 1);
	assert_int_equal(fake_calls(FAKE_ATTACH), 1);
	assert_int_equal(fake_calls(FAKE_MAP), 1);
	assert_kernel_holds(2, 1, HUGE);
}

static void
domain_with_a_hwpt_is_not_primed_again(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(prime(f), 0);
	fake_node_remove(FIXTURE_NODE);
	assert_int_equal(prime(f), 0);
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	assert_int_equal(fake_calls(FAKE_HWPT_ALLOC), 1);
}

static void
token_is_passed_when_priming(void **state)
{
	static const unsigned char token[FAKE_TOKEN_LEN] = { 1, 2, 3 };
	struct fixture *f = *state;

	fake_node(FIXTURE_NODE)->token = token;
	assert_int_equal(prime(f), -EACCES);
	assert_logged(ERR, "cannot bind", "--vfio-vf-token");
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(rte_vfio_cdev_domain_prime(f->domain, &f->info, token), 0);
}

static void
each_call_that_fails_while_priming_leaves_nothing(void **state)
{
	static const struct {
		enum fake_op op;
		int err, ret;
		const char *text;
	} cases[] = {
		{ FAKE_OPEN, EPERM, EPERM, "CAP_SYS_RAWIO" },
		{ FAKE_OPEN, ENOENT, ENOENT, "--device" },
		{ FAKE_RDEV, EBADF, ENXIO, "left over" },
		{ FAKE_BIND, EBUSY, EBUSY, "group is open" },
		{ FAKE_BIND, EINVAL, EINVAL, "another program" },
		{ FAKE_HWPT_ALLOC, ENOMEM, ENOMEM, "RLIMIT_MEMLOCK" },
	};
	struct fixture *f = *state;
	uint64_t iova;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_fail(cases[i].op, 1, cases[i].err);
		log_clear();
		assert_int_equal(prime(f), -cases[i].ret);
		assert_logged(ERR, FIXTURE_ADDR, FIXTURE_NODE, strerror(cases[i].ret),
			      cases[i].text);
		assert_kernel_holds(1, 0, 0);
		assert_false(fake_node(FIXTURE_NODE)->bound);
		assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(0), HUGE, &iova),
				 -ENODEV);
	}
	assert_int_equal(prime(f), 0);
}

static void
maps_before_a_device_are_made_with_it(void **state)
{
	struct fixture *f = *state;

	map_waiting(f);
	assert_int_equal(fake_calls(FAKE_MAP), 0);
	assert_int_equal(fixture_open(f), 0);
	assert_kernel_holds(2, PENDING, PENDING * HUGE);
	assert_stats(f, PENDING, PENDING, PENDING * HUGE);
	assert_pending(f, 0);
	/* Pinned and verified before the device could have used it. */
	assert_true(strrchr(fake_trace(), 'P') < strchr(fake_trace(), 'a'));
}

static void
maps_before_a_device_are_made_by_priming(void **state)
{
	struct fixture *f = *state;

	map_waiting(f);
	assert_int_equal(prime(f), 0);
	assert_kernel_holds(1, PENDING, PENDING * HUGE);
	assert_stats(f, PENDING, PENDING, PENDING * HUGE);
	assert_pending(f, 0);
}

static void
pending_maps_are_checked_like_others(void **state)
{
	struct fixture *f = *state;

	map_waiting(f);
	assert_int_equal(memory_map(f, 0, HUGE, FAKE_PAGE / 2), -EINVAL);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(HUGE), HUGE,
						  HUGE),
			 -EEXIST);
	assert_int_equal(memory_lookup(f, 0, FAKE_PAGE), -EOPNOTSUPP);
	assert_all_pending(f);
}

static void
users_of_pending_maps_are_counted(void **state)
{
	struct fixture *f = *state;

	map_waiting(f);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_all_pending(f);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_kernel_holds(2, PENDING, PENDING * HUGE);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_kernel_holds(2, PENDING - 1, (PENDING - 1) * HUGE);
}

static void
pending_map_is_forgotten_by_unmap(void **state)
{
	struct fixture *f = *state;

	map_waiting(f);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_int_equal(memory_unmap(f, 0, HUGE), -ENOENT);
	assert_pending(f, PENDING - 1);
	assert_int_equal(fake_calls(FAKE_UNMAP), 0);
	assert_int_equal(fixture_open(f), 0);
	assert_kernel_holds(2, PENDING - 1, (PENDING - 1) * HUGE);
}

static void
part_of_a_pending_map_is_forgotten(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, 8 * FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(memory_unmap(f, 2 * FAKE_PAGE, 3 * FAKE_PAGE), 0);
	assert_pending(f, 2);
	assert_int_equal(fake_calls(FAKE_COPY) + fake_calls(FAKE_UNMAP), 0);
	assert_int_equal(fixture_open(f), 0);
	assert_kernel_holds(2, 2, 5 * FAKE_PAGE);
	assert_int_equal(memory_lookup(f, 0, 2 * FAKE_PAGE), 0);
	assert_int_equal(memory_lookup(f, 5 * FAKE_PAGE, 3 * FAKE_PAGE), 0);
}

static const enum fake_op replay_ops[] = { FAKE_MAP, FAKE_GET_PA };

/* Whichever fails, the message names it, and all of them are pending again. */
static void
pending_map_that_fails_refuses_the_device(void **state)
{
	static const char *const names[PENDING] = { "f0000000000", "f0000200000", "f0000400000" };
	struct fixture *f = *state;

	map_waiting(f);
	for (unsigned int i = 0; i < 2 * PENDING; i++) {
		fake_fail(replay_ops[i % 2], 1 + i / 2, ENOMEM);
		log_clear();
		assert_int_equal(fixture_open(f), -ENOMEM);
		assert_logged(ERR, "memory", names[i / 2], strerror(ENOMEM));
		assert_logged(ERR, FIXTURE_ADDR, "cannot attach", strerror(ENOMEM));
		assert_null(f->device);
		assert_all_pending(f);
		assert_false(fake_node(FIXTURE_NODE)->bound);
	}
	assert_int_equal(fake_calls(FAKE_ATTACH), 0);
	assert_int_equal(fixture_open(f), 0);
	assert_stats(f, PENDING, PENDING, PENDING * HUGE);
}

static void
pending_map_that_fails_refuses_to_prime(void **state)
{
	struct fixture *f = *state;
	uint64_t phys;

	map_waiting(f);
	for (unsigned int i = 0; i < 2 * PENDING; i++) {
		fake_fail(replay_ops[i % 2], 1 + i / 2, EFAULT);
		assert_int_equal(prime(f), -EFAULT);
		assert_all_pending(f);
		assert_int_equal(rte_vfio_cdev_domain_phys(f->domain, FAKE_VA(0), &phys), -ENODEV);
	}
	/* Only what the fixture has opened is left. */
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(prime(f), 0);
	assert_stats(f, PENDING, PENDING, PENDING * HUGE);
	assert_pending(f, 0);
}

static void
pending_map_of_a_page_that_moved_can_be_taken_back(void **state)
{
	struct fixture *f = *state;

	map_waiting(f);
	fake_page_move(FAKE_VA(HUGE), FAKE_PHYS(9 * HUGE));
	assert_int_equal(fixture_open(f), -EADDRNOTAVAIL);
	assert_logged(ERR, "0x100200000", "0x101200000", strerror(EADDRNOTAVAIL));
	assert_all_pending(f);
	assert_int_equal(memory_unmap(f, HUGE, HUGE), 0);
	assert_int_equal(fixture_open(f), 0);
	assert_kernel_holds(2, PENDING - 1, (PENDING - 1) * HUGE);
}

/* A map after the failure is pending like those before. */
static void
map_after_a_failed_device_is_pending(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	fake_fail(FAKE_MAP, 1, ENOMEM);
	assert_int_equal(fixture_open(f), -ENOMEM);
	assert_int_equal(memory_map(f, HUGE, HUGE, HUGE), 0);
	assert_kernel_holds(1, 0, 0);
	assert_pending(f, 2);
	assert_int_equal(fixture_open(f), 0);
	assert_stats(f, 2, 2, 2 * HUGE);
}

static void
undo_that_fails_is_logged(void **state)
{
	struct fixture *f = *state;

	map_waiting(f);
	fake_fail(FAKE_MAP, 2, EFAULT);
	fake_fail(FAKE_UNMAP, 1, EBUSY);
	assert_int_equal(fixture_open(f), -EFAULT);
	assert_logged(ERR, "cannot map", strerror(EFAULT));
	assert_logged(ERR, "cannot unmap", "0x7f0000000000", strerror(EBUSY));
}

/* As it does when the last device is closed. */
static void
memory_stays_mapped_when_only_the_attach_fails(void **state)
{
	struct fixture *f = *state;

	map_waiting(f);
	fake_fail(FAKE_ATTACH, 1, EBUSY);
	assert_int_equal(fixture_open(f), -EBUSY);
	assert_kernel_holds(1, PENDING, PENDING * HUGE);
	assert_pending(f, 0);
	assert_int_equal(fixture_open(f), 0);
	assert_stats(f, PENDING, PENDING, PENDING * HUGE);
}

static void
pending_maps_go_with_the_domain(void **state)
{
	struct fixture *f = *state;

	map_waiting(f);
	assert_int_equal(rte_vfio_cdev_domain_destroy(f->domain), 0);
	f->domain = NULL;
	assert_kernel_holds(0, 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DOMAIN_TEST(primed_domain_pins_without_a_device),
		DOMAIN_TEST(device_joins_what_was_primed),
		DOMAIN_TEST(domain_with_a_hwpt_is_not_primed_again),
		DOMAIN_TEST(token_is_passed_when_priming),
		DOMAIN_TEST(each_call_that_fails_while_priming_leaves_nothing),
		DOMAIN_TEST(maps_before_a_device_are_made_with_it),
		DOMAIN_TEST(maps_before_a_device_are_made_by_priming),
		DOMAIN_TEST(pending_maps_are_checked_like_others),
		DOMAIN_TEST(users_of_pending_maps_are_counted),
		DOMAIN_TEST(pending_map_is_forgotten_by_unmap),
		DOMAIN_TEST(part_of_a_pending_map_is_forgotten),
		DOMAIN_TEST(pending_map_that_fails_refuses_the_device),
		DOMAIN_TEST(pending_map_that_fails_refuses_to_prime),
		DOMAIN_TEST(pending_map_of_a_page_that_moved_can_be_taken_back),
		DOMAIN_TEST(map_after_a_failed_device_is_pending),
		DOMAIN_TEST(undo_that_fails_is_logged),
		DOMAIN_TEST(memory_stays_mapped_when_only_the_attach_fails),
		DOMAIN_TEST(pending_maps_go_with_the_domain),
	};

	return cmocka_run_group_tests_name("prime", tests, NULL, NULL);
}
