/* SPDX-License-Identifier: BSD-3-Clause */

/* Much memory is mapped in pieces, so that other threads can use the domain meanwhile. */

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake_heap.h"
#include "fixture.h"

#define GIB (UINT64_C(1) << 30)
/* So that the first piece is shorter than the others. */
#define START (GIB / 2)
#define LEN (3 * GIB)
#define PIECES 4
#define BIND_MS 2000

static int
large_map(const struct fixture *f)
{
	return memory_map(f, START, LEN, HUGE);
}

static void
pieces_end_at_multiples_of_a_gib(void **state)
{
	static const uint64_t ends[PIECES] = { GIB, 2 * GIB, 3 * GIB, START + LEN };
	struct rte_vfio_cdev_mapping mappings[PIECES + 1];
	struct fixture *f = *state;
	uint64_t start = START;

	assert_int_equal(large_map(f), 0);
	assert_int_equal(rte_vfio_cdev_domain_mappings(f->domain, 0, mappings, PIECES + 1), PIECES);
	for (unsigned int i = 0; i < PIECES; i++) {
		assert_int_equal(mappings[i].va, (uintptr_t)FAKE_VA(start));
		assert_int_equal(mappings[i].iova, FAKE_PHYS(start));
		assert_int_equal(mappings[i].len, ends[i] - start);
		start = ends[i];
	}
	assert_stats(f, PIECES, LEN / HUGE, LEN);
}

/* The caller need not know. */
static void
pieces_are_one_to_their_user(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(large_map(f), 0);
	assert_int_equal(memory_lookup(f, START, LEN), 0);
	assert_int_equal(memory_lookup(f, START, LEN - HUGE), -EOPNOTSUPP);
	assert_int_equal(memory_lookup(f, START, GIB / 2), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_stats(f, PIECES, LEN / HUGE, LEN);
		assert_int_equal(memory_unmap(f, START, LEN), 0);
	}
	assert_nothing_mapped(f);
	assert_int_equal(memory_unmap(f, START, LEN), -ENOENT);
	assert_int_equal(fake_calls(FAKE_COPY), 0);
}

static void
parts_of_pieces_can_be_unmapped(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(large_map(f), 0);
	assert_int_equal(memory_unmap(f, GIB - HUGE, GIB + 2 * HUGE), 0);
	assert_stats(f, PIECES - 1, (LEN - GIB) / HUGE - 2, LEN - GIB - 2 * HUGE);
	assert_int_equal(memory_unmap(f, START, LEN), -ENOENT);
}

static void
as_much_as_a_piece_stays_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, START, GIB, HUGE), 0);
	assert_stats(f, 1, GIB / HUGE, GIB);
	assert_int_equal(memory_unmap(f, START, GIB), 0);
	assert_nothing_mapped(f);
}

static void
pages_larger_than_a_piece_stay_whole(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, 16 * GIB, 8 * GIB), 0);
	assert_stats(f, 2, 2, 16 * GIB);
	assert_int_equal(memory_lookup(f, 0, 8 * GIB), 0);
	assert_int_equal(memory_lookup(f, 0, 16 * GIB), 0);
	assert_int_equal(memory_unmap(f, 0, 16 * GIB), 0);
	assert_nothing_mapped(f);
}

static void
piece_that_fails_takes_all_back(void **state)
{
	static const enum fake_op ops[] = { FAKE_MAP, FAKE_GET_PA };
	struct rte_vfio_cdev_pin *pin = NULL;
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 2 * PIECES; i++) {
		fake_fail(ops[i % 2], 1 + (i / 2), i % 2 == 0 ? ENOMEM : EFAULT);
		assert_int_equal(large_map(f), i % 2 == 0 ? -ENOMEM : -EFAULT);
		assert_nothing_mapped(f);
		fake_fail(ops[i % 2], 1 + (i / 2), ENOMEM);
		assert_int_equal(rte_vfio_cdev_domain_pin(f->domain, FAKE_VA(START), LEN, &pin),
				 -ENOMEM);
		assert_null(pin);
		assert_nothing_mapped(f);
	}
	fake_page_move(FAKE_VA(START + LEN - HUGE), FAKE_PHYS(0));
	assert_int_equal(large_map(f), -EADDRNOTAVAIL);
	assert_nothing_mapped(f);
}

/* The address was given: it must stay right. */
static void
piece_that_fails_keeps_provisional_pins(void **state)
{
	struct rte_vfio_cdev_pin *pin = NULL;
	struct fixture *f = *state;
	uint64_t phys;

	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(START), &phys), 0);
	fake_fail(FAKE_MAP, 2, ENOMEM);
	assert_int_equal(large_map(f), -ENOMEM);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	fake_fail(FAKE_MAP, 2, ENOMEM);
	assert_int_equal(rte_vfio_cdev_domain_pin(f->domain, FAKE_VA(START), LEN, &pin), -ENOMEM);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(large_map(f), 0);
	assert_kernel_holds(2, PIECES, LEN);
}

/* One that the kernel does not unpin is no reason to keep the others. */
static void
pin_that_fails_keeps_no_other_piece(void **state)
{
	struct rte_vfio_cdev_pin *pin = NULL;
	struct fixture *f = *state;

	fake_fail(FAKE_MAP, 3, ENOMEM);
	fake_fail(FAKE_UNMAP, 1, EBUSY);
	assert_int_equal(rte_vfio_cdev_domain_pin(f->domain, FAKE_VA(START), LEN, &pin), -ENOMEM);
	assert_logged(ERR, "cannot unmap", strerror(EBUSY));
	assert_stats(f, 1, GIB / FAKE_PAGE, GIB);
}

static void
pin_of_much_memory_is_released_as_one(void **state)
{
	const struct rte_vfio_cdev_extent *extents;
	struct rte_vfio_cdev_pin *pins[2];
	struct fixture *f = *state;

	fake_page_move(FAKE_VA(GIB + HUGE), FAKE_PHYS(9 * GIB));
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(rte_vfio_cdev_domain_pin(f->domain, FAKE_VA(START), LEN, &pins[i]),
				 0);
	assert_int_equal(rte_vfio_cdev_pin_extents(pins[0], &extents), PIECES + 2);
	assert_int_equal(extents[0].iova, FAKE_PHYS(START));
	assert_int_equal(extents[2].iova, FAKE_PHYS(9 * GIB));
	assert_stats(f, 2 * PIECES, 2 * LEN / FAKE_PAGE, 2 * LEN);
	/* The second try does not release the other pin's pieces. */
	fake_fail(FAKE_UNMAP, 3, EBUSY);
	assert_int_equal(rte_vfio_cdev_pin_release(pins[0]), -EBUSY);
	assert_int_equal(rte_vfio_cdev_pin_release(pins[0]), 0);
	assert_stats(f, PIECES, LEN / FAKE_PAGE, LEN);
	assert_int_equal(rte_vfio_cdev_pin_release(pins[1]), 0);
	assert_nothing_mapped(f);
}

/* What was planned before stays. */
static void
plan_that_fails_takes_its_own_back(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(GIB), FAKE_PHYS(GIB), GIB,
						   HUGE),
			 0);
	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(2 * GIB), FAKE_PHYS(0), GIB,
						   HUGE),
			 0);
	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(START), FAKE_PHYS(START), LEN,
						   HUGE),
			 -EEXIST);
	assert_int_equal(fixture_stats(f).pending, 2);
	assert_int_equal(memory_lookup(f, GIB, GIB), 0);
	assert_int_equal(memory_lookup(f, START, GIB / 2), -ENOENT);
}

static void
planned_memory_is_pinned_by_settling(void **state)
{
	struct fixture *f = *state;
	const unsigned int maps = fake_calls(FAKE_MAP);

	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(START),
							   FAKE_PHYS(START), LEN, HUGE),
				 0);
	assert_int_equal(memory_map(f, 9 * GIB, HUGE, HUGE), 0);
	assert_int_equal(fake_calls(FAKE_MAP) - maps, 1);
	assert_int_equal(fixture_stats(f).pending, PIECES);
	for (unsigned int i = 1; i <= PIECES; i++) {
		fake_fail(FAKE_MAP, i, ENOMEM);
		assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), -ENOMEM);
		assert_int_equal(fixture_stats(f).pending, PIECES);
		assert_stats(f, 1, 1, HUGE);
	}
	assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), 0);
	assert_stats(f, 1 + PIECES, 1 + LEN / HUGE, LEN + HUGE);
	assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), 0);
	/* Planned once more it stays with its one user. */
	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(START), FAKE_PHYS(START), LEN,
						   HUGE),
			 0);
	assert_int_equal(memory_unmap(f, START, LEN), 0);
	assert_stats(f, 1, 1, HUGE);
}

/* It is at any address still. */
static void
map_that_fails_leaves_the_plan_as_it_was(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(0), RTE_VFIO_CDEV_IOVA_ANY,
						   HUGE, HUGE),
			 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(HUGE), HUGE,
						  HUGE),
			 -EADDRNOTAVAIL);
	assert_int_equal(fixture_stats(f).pending, 1);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_stats(f, 1, 1, HUGE);
}

struct settler {
	struct fixture *f;
	int ret;
};

static void *
settle_run(void *arg)
{
	struct settler *s = arg;

	s->ret = rte_vfio_cdev_domain_settle(s->f->domain);
	return NULL;
}

/* Asks in each way for a page that settling has pinned already. */
static int
page_rely(const struct fixture *f, unsigned int way)
{
	uint64_t phys;

	if (way == 0)
		return memory_map(f, 0, FAKE_PAGE, FAKE_PAGE);
	return way == 1 ? rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(0), FAKE_PAGE, &phys) :
			  rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(0), &phys);
}

static void
settling_that_fails_leaves_what_others_rely_on(void **state)
{
	struct fixture *f = *state;
	struct settler s = { .f = f };
	pthread_t thread;

	fake_page_move(FAKE_VA(FAKE_PAGE), FAKE_PHYS(HUGE));
	fake.map_ms = 50;
	for (unsigned int way = 0; way < 3; way++) {
		for (unsigned int i = 0; i < 2; i++)
			assert_int_equal(rte_vfio_cdev_domain_plan(f->domain,
								   FAKE_VA(i * FAKE_PAGE),
								   FAKE_PHYS(i * FAKE_PAGE),
								   FAKE_PAGE, FAKE_PAGE),
					 0);
		assert_int_equal(pthread_create(&thread, NULL, settle_run, &s), 0);
		usleep(500 * fake.map_ms);
		assert_int_equal(page_rely(f, way), 0);
		pthread_join(thread, NULL);
		assert_int_equal(s.ret, -EADDRNOTAVAIL);
		assert_kernel_holds(2, 1, FAKE_PAGE);
		for (unsigned int i = 0; i < 1 + (way == 0); i++)
			assert_int_equal(memory_unmap(f, 0, FAKE_PAGE), 0);
	}
}

static void
without_a_device_nothing_settles(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(rte_vfio_cdev_domain_plan(f->domain, FAKE_VA(0), FAKE_PHYS(0), HUGE, HUGE),
			 0);
	assert_int_equal(rte_vfio_cdev_domain_settle(f->domain), -ENODEV);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_int_equal(fixture_stats(f).pending, 0);
}

struct worker {
	pthread_t thread;
	struct fixture *f;
	atomic_bool done;
	int ret;
};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void *
open_run(void *arg)
{
	struct worker *w = arg;

	w->ret = rte_vfio_cdev_device_open(w->f->domain, &w->f->info, NULL, &w->f->device);
	atomic_store(&w->done, true);
	return NULL;
}

static void *
prime_run(void *arg)
{
	struct worker *w = arg;

	w->ret = rte_vfio_cdev_domain_prime(w->f->domain, &w->f->info, NULL);
	atomic_store(&w->done, true);
	return NULL;
}

/* BIND resets the device, for seconds; no other call waits, and all that was mapped is pinned. */
static void
others_go_on_while_a_device_is_reset(struct fixture *f, void *(*run)(void *arg))
{
	struct worker w = { .f = f };
	struct rte_vfio_cdev_mapping mapping;
	unsigned int rounds = 0;
	uint64_t start, most = 0;

	fake.bind_ms = BIND_MS;
	assert_int_equal(pthread_create(&w.thread, NULL, run, &w), 0);
	while (!atomic_load(&w.done)) {
		start = now_ms();
		assert_int_equal(memory_map(f, rounds * HUGE, HUGE, HUGE), 0);
		assert_int_equal(rte_vfio_cdev_domain_mappings(f->domain, 0, &mapping, 1), 1);
		if (rounds % 2 == 1)
			assert_int_equal(memory_unmap(f, rounds * HUGE, HUGE), 0);
		start = now_ms() - start;
		most = start > most ? start : most;
		rounds++;
		usleep(10000);
	}
	pthread_join(w.thread, NULL);
	assert_int_equal(w.ret, 0);
	assert_in_range(most, 0, BIND_MS / 2);
	assert_in_range(rounds, 10, UINT32_MAX);
	assert_stats(f, (rounds + 1) / 2, (rounds + 1) / 2, (rounds + 1) / 2 * HUGE);
	assert_int_equal(fixture_stats(f).pending, 0);
}

static void
others_go_on_while_a_device_is_opened(void **state)
{
	others_go_on_while_a_device_is_reset(*state, open_run);
}

static void
others_go_on_while_a_domain_is_primed(void **state)
{
	others_go_on_while_a_device_is_reset(*state, prime_run);
}

/* Pinning pending memory takes time; what is mapped meanwhile is pinned as well. */
static void
others_go_on_while_pending_memory_is_pinned(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .f = f };
	unsigned int rounds = 0;

	for (unsigned int i = 0; i < 100; i++)
		assert_int_equal(memory_map(f, i * HUGE, HUGE, HUGE), 0);
	fake.map_ms = 2;
	assert_int_equal(pthread_create(&w.thread, NULL, open_run, &w), 0);
	while (!atomic_load(&w.done) && rounds < 100) {
		assert_int_equal(memory_map(f, GIB + rounds * HUGE, HUGE, HUGE), 0);
		assert_int_equal(memory_unmap(f, rounds * HUGE, HUGE), 0);
		rounds++;
	}
	pthread_join(w.thread, NULL);
	assert_int_equal(w.ret, 0);
	/* An unfair lock would allow one, after all of the others. */
	assert_in_range(rounds, 10, 100);
	assert_stats(f, 100, 100, 100 * HUGE);
	assert_int_equal(fixture_stats(f).pending, 0);
}

static void *
map_run(void *arg)
{
	struct worker *w = arg;

	w->ret = memory_map(w->f, 0, 64 * GIB, GIB);
	atomic_store(&w->done, true);
	return NULL;
}

/* Between two pieces, a thread lets all that wait go first. */
static void
lock_is_fair(void **state)
{
	struct fixture *f = *state;
	struct worker w = { .f = f };
	unsigned int rounds = 0;

	fake.map_ms = 5;
	assert_int_equal(pthread_create(&w.thread, NULL, map_run, &w), 0);
	while (!atomic_load(&w.done)) {
		assert_int_equal(memory_lookup(f, 100 * GIB, HUGE), -ENOENT);
		rounds++;
	}
	pthread_join(w.thread, NULL);
	assert_int_equal(w.ret, 0);
	assert_in_range(rounds, 32, UINT32_MAX);
	assert_stats(f, 64, 64, 64 * GIB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(pieces_end_at_multiples_of_a_gib),
		DEVICE_TEST(pieces_are_one_to_their_user),
		DEVICE_TEST(parts_of_pieces_can_be_unmapped),
		DEVICE_TEST(as_much_as_a_piece_stays_whole),
		DEVICE_TEST(pages_larger_than_a_piece_stay_whole),
		DEVICE_TEST(piece_that_fails_takes_all_back),
		DEVICE_TEST(piece_that_fails_keeps_provisional_pins),
		DEVICE_TEST(pin_of_much_memory_is_released_as_one),
		DEVICE_TEST(pin_that_fails_keeps_no_other_piece),
		DEVICE_TEST(plan_that_fails_takes_its_own_back),
		DEVICE_TEST(planned_memory_is_pinned_by_settling),
		DEVICE_TEST(map_that_fails_leaves_the_plan_as_it_was),
		DEVICE_TEST(settling_that_fails_leaves_what_others_rely_on),
		DOMAIN_TEST(without_a_device_nothing_settles),
		DOMAIN_TEST(others_go_on_while_a_device_is_opened),
		DOMAIN_TEST(others_go_on_while_a_domain_is_primed),
		DOMAIN_TEST(others_go_on_while_pending_memory_is_pinned),
		DEVICE_TEST(lock_is_fair),
	};

	return cmocka_run_group_tests_name("pieces", tests, NULL, NULL);
}
