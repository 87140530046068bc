/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A program that was linked with DPDK, run with the backend preloaded and an
 * RTE_VFIO_CDEV that it refuses, which shows that it answers.
 */

#include <link.h>
#include <string.h>

#include "asserts.h"
#include "fake_eal.h"

static int
dpdk_count(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	if (strstr(info->dlpi_name, "/librte_") != NULL &&
	    strstr(info->dlpi_name, "/librte_bus_vfio_cdev.so") == NULL)
		(*(unsigned int *)arg)++;
	return 0;
}

static void
preloaded_backend_stands_in_front_of_the_eal(void **state)
{
	(void)state;
	fake_eal_reset();
	assert_int_equal(rte_vfio_enable("vfio"), -1);
	assert_int_equal(fake_eal()->stock[STOCK_ENABLE].calls, 0);
	assert_logged(ERR, "bus.vfio_cdev", "RTE_VFIO_CDEV");
}

static void
preloaded_backend_loads_no_dpdk(void **state)
{
	unsigned int count = 0;

	(void)state;
	dl_iterate_phdr(dpdk_count, &count);
	assert_int_equal(count, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(preloaded_backend_stands_in_front_of_the_eal),
		cmocka_unit_test(preloaded_backend_loads_no_dpdk),
	};

	return cmocka_run_group_tests_name("preload", tests, NULL, NULL);
}
