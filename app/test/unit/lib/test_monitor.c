/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory whose address was given, when a hook reports that it moves or is unmapped. */

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"
#include "process.h"
#include "vfio_cdev_monitor.h"

#define GIVEN 8

static uint64_t
provisional_count(const struct fixture *f)
{
	return fixture_stats(f).provisional;
}

/* Pages 0 to GIVEN - 1, pinned. */
static int
pinned_begin(void **state)
{
	struct fixture *f;
	uint64_t phys;

	if (fixture_device(state) < 0)
		return -1;
	f = *state;
	for (unsigned int i = 0; i < GIVEN; i++)
		if (rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(PAGES(i)), &phys) < 0)
			return -1;
	return 0;
}

/* The same, pending. */
static int
pending_begin(void **state)
{
	struct fixture *f;

	if (fixture_domain(state) < 0)
		return -1;
	f = *state;
	for (unsigned int i = 0; i < GIVEN; i++)
		if (rte_vfio_cdev_domain_expect(f->domain, FAKE_VA(PAGES(i)), FAKE_PHYS(PAGES(i))) <
		    0)
			return -1;
	return 0;
}

/* A call that unmaps memory, as a hook makes it. */
static bool
pages_end(uint64_t first, uint64_t count, enum vfio_cdev_fate fate)
{
	const bool busy = vfio_cdev_monitor_begin(FAKE_VA(PAGES(first)), PAGES(count));

	if (busy)
		vfio_cdev_monitor_end(FAKE_VA(PAGES(first)), PAGES(count), fate);
	return busy;
}

static void
memory_that_is_unmapped_is_unpinned(void **state)
{
	struct fixture *f = *state;

	assert_true(pages_end(2, 3, VFIO_CDEV_GONE));
	assert_int_equal(provisional_count(f), GIVEN - 3);
	assert_false(pages_end(2, 3, VFIO_CDEV_GONE));
	/* All of it, and from the middle of a page on. */
	assert_true(vfio_cdev_monitor_begin((char *)FAKE_VA(0) + 5, PAGES(1)));
	vfio_cdev_monitor_end((char *)FAKE_VA(0) + 5, PAGES(1), VFIO_CDEV_GONE);
	assert_int_equal(provisional_count(f), GIVEN - 5);
	assert_true(pages_end(0, 100, VFIO_CDEV_GONE));
	assert_int_equal(provisional_count(f), 0);
	assert_int_equal(fake_holds().areas, 0);
}

static void
call_that_fails_keeps_memory(void **state)
{
	struct fixture *f = *state;

	assert_true(pages_end(0, GIVEN, VFIO_CDEV_KEPT));
	assert_int_equal(provisional_count(f), GIVEN);
}

/* The caller of munmap() may have an allocator's lock. */
static void
hooks_free_and_log_nothing(void **state)
{
	struct fixture *f = *state;

	fake_fail(FAKE_UNMAP, 1, EBUSY);
	log_clear();
	assert_true(pages_end(0, 3, VFIO_CDEV_GONE));
	assert_string_equal(log_text(), "");
	assert_int_equal(f->domain->stats.provisional, GIVEN - 2);
	assert_non_null(f->domain->dropped);
	assert_int_equal(provisional_count(f), GIVEN - 2);
	assert_null(f->domain->dropped);
}

static void
other_memory_is_ignored(void **state)
{
	struct fixture *f = *state;

	assert_false(pages_end(GIVEN, 100, VFIO_CDEV_GONE));
	assert_false(vfio_cdev_monitor_begin(NULL, 4096));
	assert_false(vfio_cdev_monitor_begin((void *)UINTPTR_MAX, SIZE_MAX));
	assert_int_equal(provisional_count(f), GIVEN);
}

static void
errno_stays(void **state)
{
	(void)state;
	errno = EDOM;
	assert_true(pages_end(0, 1, VFIO_CDEV_GONE));
	assert_false(pages_end(0, 1, VFIO_CDEV_GONE));
	vfio_cdev_monitor_recheck(NULL, 0);
	assert_int_equal(errno, EDOM);
}

/* Pages 0 to 2 move to 4 to 6, replace what was there, and move on to 6 to 8. */
static void
moved_memory_is_followed_to_its_new_address(void **state)
{
	struct fixture *f = *state;
	const bool pinned = rte_vfio_cdev_domain_is_ready(f->domain);

	assert_true(vfio_cdev_monitor_begin(NULL, 0));
	vfio_cdev_monitor_moved(FAKE_VA(0), FAKE_VA(PAGES(4)), PAGES(3));
	vfio_cdev_monitor_end(NULL, 0, VFIO_CDEV_KEPT);
	assert_int_equal(provisional_count(f), GIVEN - 3);
	assert_int_equal(fake_holds().areas, pinned ? GIVEN - 3 : 0);
	assert_false(pages_end(0, 3, VFIO_CDEV_GONE));
	assert_true(vfio_cdev_monitor_begin(FAKE_VA(PAGES(4)), PAGES(3)));
	vfio_cdev_monitor_moved(FAKE_VA(PAGES(4)), FAKE_VA(PAGES(4 + 2)), PAGES(3));
	vfio_cdev_monitor_end(FAKE_VA(PAGES(4)), PAGES(2), VFIO_CDEV_GONE);
	assert_int_equal(provisional_count(f), 1 + 3);
	assert_true(pages_end(8, 1, VFIO_CDEV_GONE));
	assert_int_equal(provisional_count(f), 1 + 2);
}

/* The pages are the same: to ask for them at the new address takes no other pin. */
static void
moved_page_keeps_its_pin(void **state)
{
	struct fixture *f = *state;
	uint64_t phys = 0;

	fake_page_move(FAKE_VA(HUGE), FAKE_PHYS(0));
	fake_page_remove(FAKE_VA(0));
	assert_true(vfio_cdev_monitor_begin(FAKE_VA(0), PAGES(1)));
	vfio_cdev_monitor_moved(FAKE_VA(0), FAKE_VA(HUGE), PAGES(1));
	vfio_cdev_monitor_end(FAKE_VA(0), PAGES(1), VFIO_CDEV_KEPT);
	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(HUGE), &phys), 0);
	assert_int_equal(phys, FAKE_PHYS(0));
	assert_int_equal(provisional_count(f), GIVEN);
	assert_kernel_holds(2, GIVEN, PAGES(GIVEN));
}

static void
pages_that_were_dropped_are_looked_for(void **state)
{
	struct fixture *f = *state;
	const bool pinned = rte_vfio_cdev_domain_is_ready(f->domain);
	unsigned int maps;

	fake_page_remove(FAKE_VA(0));
	fake_page_remove(FAKE_VA(PAGES(1)));
	fake_page_move(FAKE_VA(PAGES(2)), FAKE_PHYS(PAGES(100)));
	fake_page_remove(FAKE_VA(PAGES(5)));
	vfio_cdev_monitor_recheck(FAKE_VA(PAGES(6)), PAGES(100));
	assert_int_equal(provisional_count(f), GIVEN);
	vfio_cdev_monitor_recheck(FAKE_VA(PAGES(1)), PAGES(2));
	/* A replaced page is noticed only if it was pinned. */
	assert_int_equal(provisional_count(f), GIVEN - 1 - pinned);
	maps = fake_calls(FAKE_MAP);
	vfio_cdev_monitor_recheck(NULL, 0);
	assert_int_equal(provisional_count(f), GIVEN - 3 - pinned);
	/* If the call's memory is unknown, only what takes no ioctl is found. */
	assert_int_equal(fake_calls(FAKE_MAP), maps);
}

static void
orphans_stay_until_they_are_released(void **state)
{
	struct fixture *f = *state;

	rte_vfio_cdev_domain_keep_provisional(f->domain, true);
	assert_true(pages_end(0, GIVEN, VFIO_CDEV_GONE));
	assert_int_equal(provisional_count(f), 0);
	assert_kernel_holds(2, GIVEN, PAGES(GIVEN));
	rte_vfio_cdev_domain_keep_provisional(f->domain, false);
	assert_kernel_holds(2, 0, 0);
}

static void *
phys_ask(void *arg)
{
	const struct fixture *f = arg;
	uint64_t phys;

	rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(0), &phys);
	return NULL;
}

/* No address is given between the call and its report. */
static void
domain_is_locked_over_the_call(void **state)
{
	struct fixture *f = *state;
	pthread_t other;

	assert_true(vfio_cdev_monitor_begin(FAKE_VA(0), PAGES(1)));
	assert_int_equal(pthread_create(&other, NULL, phys_ask, f), 0);
	usleep(20000);
	/* What the library itself unmaps meanwhile is not looked at. */
	assert_false(vfio_cdev_monitor_begin(FAKE_VA(0), PAGES(1)));
	fake_page_remove(FAKE_VA(0));
	vfio_cdev_monitor_end(FAKE_VA(0), PAGES(1), VFIO_CDEV_GONE);
	pthread_join(other, NULL);
	assert_int_equal(provisional_count(f), GIVEN - 1);
}

/* The call is reported to all domains, also those without such memory. */
static void
domains_come_and_go(void **state)
{
	struct rte_vfio_cdev_domain *others[3];
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(rte_vfio_cdev_domain_create(f->ctx, i % 2, &others[i]), 0);
		if (i != 1)
			assert_int_equal(rte_vfio_cdev_domain_expect(others[i], FAKE_VA(0),
								     FAKE_PHYS(0)),
					 0);
	}
	assert_int_equal(rte_vfio_cdev_domain_destroy(others[1]), 0);
	assert_true(pages_end(0, GIVEN, VFIO_CDEV_GONE));
	assert_false(pages_end(0, GIVEN, VFIO_CDEV_GONE));
	assert_int_equal(vfio_cdev_provisional_count(), 0);
	assert_int_equal(rte_vfio_cdev_domain_expect(others[0], FAKE_VA(0), FAKE_PHYS(0)), 0);
	assert_int_equal(vfio_cdev_provisional_count(), 1);
	assert_int_equal(rte_vfio_cdev_domain_destroy(others[0]), 0);
	assert_int_equal(vfio_cdev_provisional_count(), 0);
	assert_int_equal(rte_vfio_cdev_domain_destroy(others[2]), 0);
}

/* The child's memory is its own, unless the domain is made the child's. */
static int
child_run(const struct fixture *f)
{
	if (pages_end(0, 1, VFIO_CDEV_GONE))
		return 1;
	rte_vfio_cdev_domain_forked(f->domain);
	if (!pages_end(0, 1, VFIO_CDEV_GONE))
		return 2;
	return provisional_count(f) == GIVEN - 1 ? 0 : 3;
}

struct locker {
	const struct fixture *f;
	pthread_barrier_t *barrier;
};

/* Another thread of the parent has the domain. */
static void *
locker_run(void *arg)
{
	const struct locker *locker = arg;

	vfio_cdev_lock(locker->f->domain);
	pthread_barrier_wait(locker->barrier);
	pthread_barrier_wait(locker->barrier);
	vfio_cdev_unlock(locker->f->domain);
	return NULL;
}

static void
child_is_not_looked_at(void **state)
{
	struct fixture *f = *state;
	pthread_barrier_t barrier;
	struct locker locker = { .f = f, .barrier = &barrier };
	int status = -1;
	pthread_t other;
	pid_t child;

	pthread_barrier_init(&barrier, NULL, 2);
	assert_int_equal(pthread_create(&other, NULL, locker_run, &locker), 0);
	pthread_barrier_wait(&barrier);
	child = fork();
	if (child == 0)
		process_end(child_run(f));
	pthread_barrier_wait(&barrier);
	pthread_join(other, NULL);
	pthread_barrier_destroy(&barrier);
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(provisional_count(f), GIVEN);
}

/* More than are looked at in one step; each is looked at. */
static void
sweep_looks_at_all_of_many(void **state)
{
	const unsigned int count = 700;
	struct fixture *f = *state;
	uint64_t phys;

	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(PAGES(i)), &phys),
				 0);
	for (unsigned int i = 0; i < count; i += 100)
		fake_page_move(FAKE_VA(PAGES(i)), FAKE_PHYS(PAGES(100000 + i)));
	for (unsigned int i = 255; i < 258; i++)
		fake_page_remove(FAKE_VA(PAGES(i)));
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_int_equal(provisional_count(f), count - 7 - 3);
}

/* It is read-only now: since its address was given, no device may be set up. */
static void
expected_page_that_cannot_be_pinned_refuses_the_device(void **state)
{
	struct fixture *f = *state;

	fake_fail(FAKE_MAP, 2, EFAULT);
	log_clear();
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device), -EFAULT);
	assert_logged(ERR, "cannot map", log_hex((uintptr_t)FAKE_VA(PAGES(1))),
		      log_hex(FAKE_PHYS(PAGES(1))), strerror(EFAULT));
	assert_logged(ERR, FIXTURE_ADDR, "cannot attach", strerror(EFAULT));
	assert_int_equal(provisional_count(f), GIVEN);
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device), 0);
	assert_kernel_holds(2, GIVEN, PAGES(GIVEN));
}

/* No lock, no system call: a program without such memory pays no more. */
static void
without_such_memory_nothing_is_done(void **state)
{
	struct fixture *f = *state;

	pthread_mutex_lock(&f->domain->lock);
	assert_false(pages_end(0, 1, VFIO_CDEV_GONE));
	vfio_cdev_monitor_recheck(NULL, 0);
	pthread_mutex_unlock(&f->domain->lock);
}

#define PINNED_TEST(name) cmocka_unit_test_setup_teardown(name, pinned_begin, fixture_end)
#define PENDING_TEST(name) \
	{ \
#name " (pending)", name, pending_begin, fixture_end, NULL \
	}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PINNED_TEST(memory_that_is_unmapped_is_unpinned),
		PENDING_TEST(memory_that_is_unmapped_is_unpinned),
		PINNED_TEST(call_that_fails_keeps_memory),
		PENDING_TEST(call_that_fails_keeps_memory),
		PINNED_TEST(hooks_free_and_log_nothing),
		PINNED_TEST(other_memory_is_ignored),
		PINNED_TEST(errno_stays),
		PINNED_TEST(moved_memory_is_followed_to_its_new_address),
		PENDING_TEST(moved_memory_is_followed_to_its_new_address),
		PINNED_TEST(moved_page_keeps_its_pin),
		PINNED_TEST(pages_that_were_dropped_are_looked_for),
		PENDING_TEST(pages_that_were_dropped_are_looked_for),
		PINNED_TEST(orphans_stay_until_they_are_released),
		PINNED_TEST(domain_is_locked_over_the_call),
		PINNED_TEST(domains_come_and_go),
		PENDING_TEST(child_is_not_looked_at),
		PINNED_TEST(sweep_looks_at_all_of_many),
		PENDING_TEST(expected_page_that_cannot_be_pinned_refuses_the_device),
		cmocka_unit_test_setup_teardown(without_such_memory_nothing_is_done, fixture_device,
						fixture_end),
	};

	return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
