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

/* What should be mapped: pages with users, and where mappings begin. */
struct model {
	unsigned int users[SLOTS + 1];
	bool begins[SLOTS + 1];
};

struct operation {
	unsigned int page;
	unsigned int len;
	unsigned int shift; /* not 0: the VA is so many pages elsewhere */
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

/* How many pages of the range are mapped. */
static unsigned int
model_mapped(const struct model *m, const struct operation *op)
{
	unsigned int mapped = 0;

	for (unsigned int i = op->page; i < op->page + op->len; i++)
		mapped += m->users[i] != 0;
	return mapped;
}

static bool
model_has(const struct model *m, const struct operation *op)
{
	const unsigned int end = op->page + op->len;

	if (op->shift != 0 || model_mapped(m, op) != op->len || !m->begins[op->page])
		return false;
	for (unsigned int i = op->page + 1; i < end; i++)
		if (m->begins[i])
			return false;
	return m->users[end] == 0 || m->begins[end];
}

static void
model_count(struct model *m, const struct operation *op, int users)
{
	for (unsigned int i = op->page; i < op->page + op->len; i++)
		m->users[i] += users;
}

/* Overlaps would need a model that knows more than the library does. */
static bool
model_knows(const struct model *m, const struct operation *op)
{
	return op->shift != 0 || model_mapped(m, op) == 0 || model_has(m, op);
}

static int
model_map(struct model *m, const struct operation *op)
{
	if (op->shift != 0)
		return -EADDRNOTAVAIL;
	if (!model_has(m, op)) {
		memset(&m->begins[op->page], 0, op->len);
		m->begins[op->page] = true;
	}
	model_count(m, op, 1);
	return 0;
}

static int
model_unmap(struct model *m, const struct operation *op)
{
	if (op->shift != 0 || model_mapped(m, op) != op->len)
		return -ENOENT;
	m->begins[op->page] = true;
	m->begins[op->page + op->len] = true;
	model_count(m, op, -1);
	return 0;
}

static int
model_lookup(const struct model *m, const struct operation *op)
{
	if (model_has(m, op))
		return 0;
	return op->shift == 0 && model_mapped(m, op) != 0 ? -EOPNOTSUPP : -ENOENT;
}

static void
model_compare(const struct model *m, struct rte_vfio_cdev_domain *domain)
{
	unsigned int mappings = 0, pages = 0;
	struct rte_vfio_cdev_stats stats;

	for (unsigned int i = 0; i < SLOTS; i++) {
		mappings += m->users[i] != 0 && m->begins[i];
		pages += m->users[i] != 0;
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
	struct model m;
	unsigned int seed = 1;

	memset(&m, 0, sizeof(m));
	for (unsigned int i = 0; i < OPERATIONS; i++) {
		const struct operation op = operation_pick(&seed);
		const void *va = FAKE_VA((op.page + op.shift) * FAKE_PAGE);
		const uint64_t iova = FAKE_PHYS(op.page * FAKE_PAGE);

		assert_int_equal(rte_vfio_cdev_domain_lookup(f->domain, va, iova,
							     op.len * FAKE_PAGE),
				 model_lookup(&m, &op));
		if (rand_r(&seed) % 2 == 0 && model_knows(&m, &op))
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

/* Learn where a page of the worker's own is, and cut a hole into a mapping. */
static unsigned int
worker_round(const struct fixture *f, unsigned int page)
{
	const void *va = FAKE_VA(page * FAKE_PAGE), *next = FAKE_VA((page + 1) * FAKE_PAGE);
	struct rte_vfio_cdev_pin *pin = NULL;
	uint64_t iova, phys, given = 0;
	unsigned int errors = 0;

	errors += rte_vfio_cdev_domain_pin_page(f->domain, va, FAKE_PAGE, &iova) != 0;
	errors += rte_vfio_cdev_domain_phys(f->domain, va, &phys) != 0;
	errors += rte_vfio_cdev_domain_provide(f->domain, next, &given) != 0;
	errors += iova != FAKE_PHYS(page * FAKE_PAGE) || phys != iova || given != iova + FAKE_PAGE;
	errors += rte_vfio_cdev_domain_pin(f->domain, next, 3 * FAKE_PAGE, &pin) != 0;
	errors += rte_vfio_cdev_pin_release(pin) != 0;
	errors += pages_map(f, page + 1, 3) != 0;
	errors += pages_unmap(f, page + 2, 1) != 0;
	errors += memory_lookup(f, (page + 1) * FAKE_PAGE, FAKE_PAGE) != 0;
	errors += memory_lookup(f, (page + 2) * FAKE_PAGE, FAKE_PAGE) != -ENOENT;
	errors += pages_unmap(f, page, 2) != 0;
	errors += pages_unmap(f, page + 3, 1) != 0;
	return errors;
}

/* All workers share page 0, others are the worker's own. */
static void *
worker_run(void *arg)
{
	struct worker *w = arg;
	struct rte_vfio_cdev_stats stats;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		w->errors += pages_map(w->f, 0, 1) != 0;
		w->errors += worker_round(w->f, 4 * (1 + w->number + THREADS * (i % 8)));
		rte_vfio_cdev_domain_sweep(w->f->domain);
		rte_vfio_cdev_domain_stats(w->f->domain, &stats);
		w->errors += stats.mappings < 1 || stats.mappings > 1 + 3 * THREADS;
		w->errors += stats.pages_mapped != stats.pages_verified;
		w->errors += pages_unmap(w->f, 0, 1) != 0;
	}
	return NULL;
}

static void
threads_may_map_pin_and_unmap_at_once(void **state)
{
	struct worker workers[THREADS];
	struct model nothing;
	unsigned int i;

	memset(workers, 0, sizeof(workers));
	memset(&nothing, 0, sizeof(nothing));
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
	model_compare(&nothing, workers[0].f->domain);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		DEVICE_TEST(random_operations_follow_the_model),
		DEVICE_TEST(threads_may_map_pin_and_unmap_at_once),
	};

	return cmocka_run_group_tests_name("stress", tests, NULL, NULL);
}
