/* SPDX-License-Identifier: BSD-3-Clause */

/* Mappings of a domain in great number, by chance, and from several threads. */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define SLOTS 64
#define OPERATIONS 20000
#define THREADS 4
#define ROUNDS 500

/* What should be mapped: users[i] of a mapping of len[i] pages from page i on. */
struct model {
	unsigned int len[SLOTS];
	unsigned int users[SLOTS];
};

struct operation {
	unsigned int page;
	unsigned int len;
	unsigned int shift;	/* not 0: the VA is so many pages elsewhere */
};

static struct operation
operation_pick(unsigned int *seed)
{
	struct operation op = { .page = rand_r(seed) % SLOTS, .shift = 0 };
	const unsigned int most = SLOTS - op.page;

	op.len = 1 + rand_r(seed) % (most < 6 ? most : 6);
	if (rand_r(seed) % 8 == 0)
		op.shift = 1000;
	return op;
}

static bool
model_overlaps(const struct model *m, const struct operation *op)
{
	for (unsigned int i = 0; i < SLOTS; i++)
		if (m->users[i] != 0 && i < op->page + op->len && op->page < i + m->len[i])
			return true;
	return false;
}

static bool
model_has(const struct model *m, const struct operation *op)
{
	return m->users[op->page] != 0 && m->len[op->page] == op->len && op->shift == 0;
}

static int
model_map(struct model *m, const struct operation *op)
{
	if (model_has(m, op)) {
		m->users[op->page]++;
		return 0;
	}
	if (model_overlaps(m, op))
		return -EEXIST;
	if (op->shift != 0)
		return -EADDRNOTAVAIL;
	m->len[op->page] = op->len;
	m->users[op->page] = 1;
	return 0;
}

static int
model_unmap(struct model *m, const struct operation *op)
{
	if (model_has(m, op)) {
		m->users[op->page]--;
		return 0;
	}
	return model_overlaps(m, op) ? -EOPNOTSUPP : -ENOENT;
}

static void
model_compare(const struct model *m, struct rte_vfio_cdev_domain *domain)
{
	unsigned int mappings = 0, pages = 0;
	struct rte_vfio_cdev_stats stats;

	for (unsigned int i = 0; i < SLOTS; i++) {
		mappings += m->users[i] != 0;
		pages += m->users[i] != 0 ? m->len[i] : 0;
	}
	rte_vfio_cdev_domain_stats(domain, &stats);
	assert_int_equal(stats.mappings, mappings);
	assert_int_equal(stats.pages_mapped, pages);
	assert_int_equal(stats.pages_verified, pages);
	assert_int_equal(stats.bytes, pages * FAKE_PAGE);
	assert_kernel_holds(2, mappings, pages * FAKE_PAGE);
}

static void
random_operations_follow_the_model(void **state)
{
	const struct fixture *f = *state;
	struct model m = { { 0 }, { 0 } };
	unsigned int seed = 1;

	for (unsigned int i = 0; i < OPERATIONS; i++) {
		const struct operation op = operation_pick(&seed);
		const void *va = FAKE_VA((op.page + op.shift) * FAKE_PAGE);
		const uint64_t iova = FAKE_PHYS(op.page * FAKE_PAGE);

		if (rand_r(&seed) % 2 == 0)
			assert_int_equal(rte_vfio_cdev_domain_map(f->domain, va, iova,
								  op.len * FAKE_PAGE, FAKE_PAGE),
					 model_map(&m, &op));
		else
			assert_int_equal(rte_vfio_cdev_domain_unmap(f->domain, va, iova,
								    op.len * FAKE_PAGE),
					 model_unmap(&m, &op));
		model_compare(&m, f->domain);
	}
}

struct worker {
	pthread_t thread;
	const struct fixture *f;
	unsigned int number;
	unsigned int errors;
};

static int
page_map(const struct fixture *f, unsigned int page)
{
	return rte_vfio_cdev_domain_map(f->domain, FAKE_VA(page * FAKE_PAGE),
					FAKE_PHYS(page * FAKE_PAGE), FAKE_PAGE, FAKE_PAGE);
}

static int
page_unmap(const struct fixture *f, unsigned int page)
{
	return rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(page * FAKE_PAGE),
					  FAKE_PHYS(page * FAKE_PAGE), FAKE_PAGE);
}

/* Page 0 is everybody's, others are the worker's own. */
static void *
worker_run(void *arg)
{
	struct worker *w = arg;
	struct rte_vfio_cdev_stats stats;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		const unsigned int page = 1 + w->number + THREADS * (i % 8);

		w->errors += page_map(w->f, 0) != 0;
		w->errors += page_map(w->f, page) != 0;
		rte_vfio_cdev_domain_stats(w->f->domain, &stats);
		w->errors += stats.mappings < 2 || stats.mappings > 1 + THREADS;
		w->errors += page_unmap(w->f, page) != 0;
		w->errors += page_unmap(w->f, 0) != 0;
	}
	return NULL;
}

static void
threads_may_map_and_unmap_at_once(void **state)
{
	struct worker workers[THREADS];
	unsigned int i;

	memset(workers, 0, sizeof(workers));
	for (i = 0; i < THREADS; i++) {
		workers[i].f = *state;
		workers[i].number = i;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]),
				 0);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	for (i = 0; i < THREADS; i++)
		assert_int_equal(workers[i].errors, 0);
	model_compare(&(struct model){ { 0 }, { 0 } }, workers[0].f->domain);
}

#define STRESS_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_device, fixture_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STRESS_TEST(random_operations_follow_the_model),
		STRESS_TEST(threads_may_map_and_unmap_at_once),
	};

	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
