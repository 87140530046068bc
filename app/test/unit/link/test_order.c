/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A program of DPDK in which the backend is not called. The argument is a part of
 * what the backend's constructor has to log; without one it has to be silent.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/capability.h>

#include "asserts.h"
#include "fake_eal.h"

static const char *said;

static bool
is_required(void)
{
	return strcmp(getenv("RTE_VFIO_CDEV"), "require") == 0;
}

static void
constructor_logs_that_nothing_is_called(void **state)
{
	(void)state;
	if (said == NULL) {
		assert_string_equal(log_text(), "");
		return;
	}
	assert_logged(ERR, "bus.vfio_cdev", "DPDK does not call it", said, strerror(EOPNOTSUPP),
		      is_required() ? "given up CAP_SYS_RAWIO" : "not pinned");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
}

static void
stock_is_called(void **state)
{
	(void)state;
	fake_eal_reset();
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(fake_eal()->stock[STOCK_ENABLE].calls, 1);
}

/* As far as the user who runs this has it. */
static void
required_cdev_costs_the_capability(void **state)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long long set;
	char line[256];
	int sets = 0;

	(void)state;
	assert_non_null(status);
	while (fgets(line, sizeof(line), status) != NULL) {
		if (sscanf(line, "CapPrm: %llx", &set) != 1 &&
		    sscanf(line, "CapEff: %llx", &set) != 1)
			continue;
		sets++;
		if (is_required())
			assert_int_equal(set & (1 << CAP_SYS_RAWIO), 0);
	}
	fclose(status);
	assert_int_equal(sets, 2);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constructor_logs_that_nothing_is_called),
		cmocka_unit_test(stock_is_called),
		cmocka_unit_test(required_cdev_costs_the_capability),
	};

	said = argc == 2 ? argv[1] : NULL;
	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
