/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The backend in a program that loads DPDK as a plug-in, out of the scope that
 * RTLD_NEXT searches. The only argument is that DPDK's file.
 */

#include <dlfcn.h>
#include <errno.h>

#include "asserts.h"
#include "eal_api.h"

static const char *eal_path;

static void
eal_of_a_plugin_is_found(void **state)
{
	void *handle = dlopen(eal_path, RTLD_NOW | RTLD_LOCAL);
	unsigned int (*registered)(void);

	(void)state;
	assert_non_null(handle);
	assert_non_null(eal_api());
	assert_ptr_equal(eal_api()->enable, dlsym(handle, "rte_vfio_enable"));
	assert_ptr_not_equal(eal_api()->enable, rte_vfio_enable);
	/* Registers telemetry, unless the EAL has none. */
	*(void **)&registered = dlsym(handle, "fake_telemetry_commands");
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(eal_api()->telemetry.register_cmd != NULL, registered != NULL);
	assert_true(registered == NULL || registered() == 6);
	eal_errno_set(ENODEV);
	assert_int_equal(*(int *)dlsym(handle, "per_lcore__rte_errno"), ENODEV);
	assert_int_equal(eal_errno_get(), ENODEV);
	dlclose(handle);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(eal_of_a_plugin_is_found),
	};

	if (argc != 2)
		return 1;
	eal_path = argv[1];
	return cmocka_run_group_tests_name("plug-in", tests, NULL, NULL);
}
