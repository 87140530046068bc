/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * usermem [EAL OPTION...] -- PCI-ADDRESS [CASE...]
 *
 * Prints "ok CASE" or "not ok CASE: why" for each, and exits 1 if one was not.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "usermem.h"

struct rte_vfio_cdev_domain *domain;
const char *idle_device;

/* All that a case must leave as it was. */
struct state {
	uint64_t pinned;
	struct rte_vfio_cdev_stats stats;
};

/* Pages whose addresses were requested stay pinned until their memory has gone. */
static struct state
state_now(void)
{
	rte_vfio_cdev_domain_sweep(domain);
	return (struct state){ .pinned = pinned_now(), .stats = stats_now() };
}

#define SAME(before, after, member) \
	do { \
		if ((before)->member != (after)->member) \
			return why("%s was %" PRIu64 " and is %" PRIu64, #member, \
				   (uint64_t)(before)->member, (uint64_t)(after)->member); \
	} while (0)

static const char *
state_compare(const struct state *before, const struct state *after)
{
	SAME(before, after, pinned);
	SAME(before, after, stats.mappings);
	SAME(before, after, stats.pages_mapped);
	SAME(before, after, stats.pages_verified);
	SAME(before, after, stats.bytes);
	SAME(before, after, stats.pending);
	SAME(before, after, stats.provisional);
	SAME(before, after, stats.provisional_bytes);
	return NULL;
}

static bool
case_run(const struct usermem_case *test)
{
	struct state before = state_now(), after;
	const char *wrong = test->run();

	if (wrong == NULL) {
		after = state_now();
		wrong = state_compare(&before, &after);
	}
	if (wrong == NULL)
		printf("ok %s\n", test->name);
	else
		printf("not ok %s: %s\n", test->name, wrong);
	fflush(stdout);
	return wrong == NULL;
}

static bool
is_named(const char *name, int count, char **names)
{
	int i;

	for (i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

/* Those that are named, or those of all groups but the last. */
static bool
cases_run(int count, char **names)
{
	const struct usermem_case *groups[] = { map_cases, bad_cases, bar_cases, pin_cases,
						limit_cases };
	const struct usermem_case *test;
	bool passed = true;
	unsigned int i;

	for (i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (test = groups[i]; test->name != NULL; test++)
			if (count == 0 ? groups[i] != limit_cases :
					 is_named(test->name, count, names))
				passed &= case_run(test);
	return passed;
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv), ret;
	bool passed;

	if (used < 0 || used + 2 > argc) {
		fprintf(stderr, "usermem: no EAL, or no address of an idle device: %s\n",
			rte_strerror(rte_errno));
		return EXIT_FAILURE;
	}
	idle_device = argv[used + 1];
	ret = rte_bus_vfio_cdev_domain(&domain);
	if (ret < 0) {
		fprintf(stderr, "usermem: no domain: %s\n", strerror(-ret));
		return EXIT_FAILURE;
	}
	passed = cases_run(argc - used - 2, argv + used + 2);
	rte_eal_cleanup();
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
