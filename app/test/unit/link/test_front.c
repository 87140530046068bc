/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Would the dynamic linker let a front stand before DPDK 26.11? Its functions have the
 * version INTERNAL, which the calls of its buses name, and a front's have none. glibc's
 * check_match() (elf/dl-lookup.c) takes a definition without a version for any.
 */

#include <dlfcn.h>

#include "asserts.h"
#include "fake_eal_own.h"

static void
calls_that_name_the_internal_version_reach_what_is_preloaded(void **state)
{
	int (*own)(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd);
	int fd = -1;

	(void)state;
	assert_int_equal(fake_bus_map("0000:00:03.0"), FAKE_OWN_FD + 1);
	assert_int_equal(fake_own_setups(), 0);
	/* As a front would forward what is not its own. */
	*(void **)&own = dlvsym(RTLD_DEFAULT, "dev_vfio_setup_device", "INTERNAL");
	assert_non_null(own);
	*(void **)&own = dlsym(dlopen("librte_eal.so.27.so", RTLD_LAZY | RTLD_NOLOAD),
			       "dev_vfio_setup_device");
	assert_non_null(own);
	assert_int_equal(own("", "", &fd), 0);
	assert_int_equal(fd, FAKE_OWN_FD);
	assert_int_equal(fake_own_setups(), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_that_name_the_internal_version_reach_what_is_preloaded),
	};

	return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
