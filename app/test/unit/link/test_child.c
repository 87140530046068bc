/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What programs notice that are started with the backend preloaded. The arguments
 * are the backend and a program that has DPDK in it.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "asserts.h"

#define RUNS 20
/* Much more than it takes, on a machine that has other things to do. */
#define MOST_NS 20000000

static const char *backend;
static const char *fake_static;

/* What a command prints, on stdout and stderr. Static memory. */
static const char *
printed_by(const char *policy, const char *command)
{
	static char output[1024];
	char line[1024];
	size_t len;
	FILE *pipe;

	snprintf(line, sizeof(line), "LD_PRELOAD='%s' RTE_VFIO_CDEV='%s' exec %s 2>&1", backend,
		 policy, command);
	pipe = popen(line, "re");
	assert_non_null(pipe);
	len = fread(output, 1, sizeof(output) - 1, pipe);
	output[len] = '\0';
	while (fgets(line, sizeof(line), pipe) != NULL)
		continue;
	assert_int_equal(pclose(pipe), 0);
	return output;
}

static void
program_without_dpdk_notices_nothing(void **state)
{
	static const char *const policies[] = { "", "prefer", "require", "off", "nonsense" };

	(void)state;
	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		assert_string_equal(printed_by(policies[i], "true"), "");
		assert_string_equal(printed_by(policies[i],
					       "grep -o 'librte_[a-z_]*' /proc/self/maps | uniq"),
				    "librte_bus_vfio_cdev\n");
	}
}

/* The least of some runs, which depends least on what else runs. */
static long
least_ns(const char *command)
{
	struct timespec start, end;
	long least = 0, took;

	for (int i = 0; i < RUNS; i++) {
		clock_gettime(CLOCK_MONOTONIC, &start);
		assert_string_equal(printed_by("require", command), "");
		clock_gettime(CLOCK_MONOTONIC, &end);
		took = (end.tv_sec - start.tv_sec) * 1000000000L + end.tv_nsec - start.tv_nsec;
		if (least == 0 || took < least)
			least = took;
	}
	return least;
}

static void
program_without_dpdk_takes_no_longer(void **state)
{
	(void)state;
	assert_true(least_ns("true") - least_ns("env -u LD_PRELOAD true") < MOST_NS);
}

static void
dpdk_in_a_program_is_logged_if_a_cdev_is_required(void **state)
{
	const char *output = printed_by("require", fake_static);

	(void)state;
	assert_non_null(strstr(output, "VFIO_CDEV: librte_bus_vfio_cdev.so: DPDK does not call"));
	assert_non_null(strstr(output, "linked into the program statically"));
	assert_non_null(strstr(output, "given up CAP_SYS_RAWIO"));
	assert_non_null(strstr(output, "shared libraries"));
	assert_ptr_equal(strchr(output, '\n'), output + strlen(output) - 1);
	assert_string_equal(printed_by("prefer", fake_static), "");
	assert_string_equal(printed_by("off", fake_static), "");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(program_without_dpdk_notices_nothing),
		cmocka_unit_test(program_without_dpdk_takes_no_longer),
		cmocka_unit_test(dpdk_in_a_program_is_logged_if_a_cdev_is_required),
	};

	if (argc != 3)
		return 1;
	backend = argv[1];
	fake_static = argv[2];
	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
