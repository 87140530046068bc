/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The backend in a program that loads DPDK 26.11 as a plug-in, after the constructor has
 * run. The arguments are that DPDK's file and RTE_VFIO_CDEV. That is set as late, too: with
 * "require" the constructor searches the program, where a sanitizer has its red zones.
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "asserts.h"
#include "fake_eal.h"

static void *eal;

static phys_addr_t
pagemap(const void *virt)
{
	return (uintptr_t)virt;
}

/* The plug-in has a log of its own. */
static unsigned int
plugin_errors(void)
{
	unsigned int (*count)(enum rte_vfio_cdev_log_level level);

	*(void **)&count = dlsym(eal, "log_count");
	return count(RTE_VFIO_CDEV_LOG_ERR);
}

static bool
plugin_has_logged(const char *const *words)
{
	bool (*has)(enum rte_vfio_cdev_log_level level, const char *const *words);

	*(void **)&has = dlsym(eal, "log_has");
	return has(RTE_VFIO_CDEV_LOG_ERR, words);
}

static void
eal_of_a_plugin_is_told_at_its_first_call(void **state)
{
	const bool required = strcmp(getenv("RTE_VFIO_CDEV"), "require") == 0;
	const char *const words[] = {
		"DPDK does not call it",
		"cdev mode of its own",
		"steps aside",
		required ? "given up CAP_SYS_RAWIO" : "left to that mode",
		NULL,
	};
	struct fake_eal *(*state_of)(void);

	(void)state;
	*(void **)&state_of = dlsym(eal, "fake_eal");
	state_of()->pagemap = pagemap;
	assert_int_equal(plugin_errors(), 0);
	assert_int_equal(rte_eal_using_phys_addrs(), !required);
	assert_true(plugin_has_logged(words));
	assert_int_equal(rte_mem_virt2phy(&eal), required ? RTE_BAD_PHYS_ADDR : (uintptr_t)&eal);
	assert_int_equal(rte_vfio_enable("vfio"), -1);
	assert_int_equal(plugin_errors(), 1);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eal_of_a_plugin_is_told_at_its_first_call),
	};

	if (argc != 3)
		return 1;
	setenv("RTE_VFIO_CDEV", argv[2], 1);
	eal = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (eal == NULL)
		return 1;
	return cmocka_run_group_tests_name("plug-in of DPDK 26.11", tests, NULL, NULL);
}
