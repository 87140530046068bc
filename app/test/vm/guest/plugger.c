/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * plugger [EAL OPTION...] -- plug|setup COUNT PCI-ADDRESS
 *
 * Has a device come and go COUNT times: as the EAL's hot-plug does it, with the
 * whole of its driver, or only its VFIO part. Prints what the process has
 * before and after.
 */

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <rte_eal.h>

#include "resources.h"

/* What a driver, an allocator or the C library keep from the first times. */
#define WARM_UP 3

static bool
repeat(bool (*step)(const char *addr), unsigned long count, const char *addr)
{
	unsigned long i;

	for (i = 0; i < count; i++)
		if (!step(addr)) {
			printf("failed: %s, after %lu times\n", addr, i);
			return false;
		}
	return true;
}

static double
seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	bool (*step)(const char *addr), passed;
	const char *addr;
	unsigned long count;
	double start;

	if (used < 0 || used + 4 != argc) {
		fprintf(stderr, "plugger: no EAL, or no -- plug|setup COUNT PCI-ADDRESS\n");
		return EXIT_FAILURE;
	}
	step = strcmp(argv[used + 1], "setup") == 0 ? setup : plug;
	count = strtoul(argv[used + 2], NULL, 10);
	addr = argv[used + 3];
	passed = repeat(step, WARM_UP, addr);
	resources_print("before");
	start = seconds();
	passed = passed && repeat(step, count, addr);
	printf("took: %.1f ms each\n", (seconds() - start) * 1000 / count);
	resources_print("after");
	rte_eal_cleanup();
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
