/* SPDX-License-Identifier: BSD-3-Clause */

/* The check of DPDK's releases. The argument is the directory of the stubs. */

#include <stdlib.h>

#include "crafted.h"
#include "machine.h"
#include "stubs.h"

static void
release_of_the_program_counts(void **state)
{
	(void)state;
	machine_remove("lib/librte_eal.so.23");
	stub_copy("libstub_eal.so", "lib/librte_eal.so.22");
	stub_copy("libstub_eal.so", "own/librte_eal.so.23");
	stub_copy("stub_app_own", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	assert_finding("dpdk", CHECK_PASS, "loads DPDK 22.11 (/bin/../own/librte_eal.so.23)", NULL);
	stub_copy("stub_app_plain", "bin/app");
	machine_check_app("/bin/app");
	assert_finding("dpdk", CHECK_WARN, "found DPDK 21.11", "22.11 or later");
}

static void
releases_are_known_by_the_abi(void **state)
{
	(void)state;
	machine_remove("lib/librte_eal.so.23");
	stub_copy("libstub_eal.so", "opt/dpdk/librte_eal.so.24.2");
	fake_sysfs_link("librte_eal.so.24.2", "opt/dpdk/librte_eal.so.24");
	crafted_cache_write("librte_eal.so.24", "/opt/dpdk/librte_eal.so.24", NULL);
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("dpdk", CHECK_PASS, "found DPDK 24.07 (/opt/dpdk/librte_eal.so.24)", NULL);
	/* The name of a longer one. */
	fake_sysfs_write("", "opt/dpdk/librte_eal.so.245");
	crafted_cache_write("librte_eal.so.245", "/opt/dpdk/librte_eal.so.245", NULL);
	machine_check();
	assert_finding("dpdk", CHECK_WARN, "finds no", NULL);
	fake_sysfs_write("", "lib/librte_eal.so.22");
	machine_check();
	assert_finding("dpdk", CHECK_WARN, "DPDK 21.11", "22.11 or later");
	fake_sysfs_write("", "lib/librte_eal.so.27");
	machine_check();
	assert_finding("dpdk", CHECK_WARN, "DPDK 21.11 (/lib/librte_eal.so.22), DPDK 26.11",
		       "dpdk-test-vfio-cdev");
	fake_sysfs_write("", "lib/librte_eal.so.26");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("dpdk", CHECK_PASS, "DPDK 25.11", NULL);
}

static void
own_cdev_mode_start(void)
{
	stub_copy("stub_app_new", "bin/app");
	machine_remove("lib/librte_eal.so.23");
	stub_copy("libstub_eal_own.so", "lib/librte_eal.so.27");
}

static void
eal_with_a_cdev_mode_of_its_own_is_a_warning(void **state)
{
	const struct check_options by_eal = { .app = "/bin/app", .front = FRONT_EAL };

	(void)state;
	own_cdev_mode_start();
	assert_int_equal(machine_check_app("/bin/app"), CHECK_WARN);
	assert_finding("app", CHECK_WARN,
		       "the C library front (libvfio_cdev_compat.so) answers, "
		       "which was not tried with a release of it",
		       "use DPDK 22.11 to 26.07; RTE_VFIO_CDEV=require refuses");
	assert_int_equal(machine_check_options(&by_eal), CHECK_WARN);
	assert_finding("app", CHECK_WARN,
		       "linked with DPDK 26.11 (/lib/librte_eal.so.27), which has a cdev mode of "
		       "its own: it pins no memory before its address is known, compares no "
		       "address with the kernel's, and binds without the VF token if the kernel "
		       "refuses it; the library steps aside",
		       "use DPDK 22.11 to 26.07");
	assert_finding("dpdk", CHECK_WARN, "the program loads DPDK 26.11", "22.11 to 26.07");
	assert_no_cure("dpdk", "dpdk-test-vfio-cdev");
}

static void
eal_with_a_cdev_mode_of_its_own_fails_where_one_is_required(void **state)
{
	struct check_options options = { .app = "/bin/app", .require = true };

	(void)state;
	own_cdev_mode_start();
	assert_int_equal(machine_check_options(&options), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "was not tried", "--front libc starts it");
	options.front = FRONT_EAL;
	assert_int_equal(machine_check_options(&options), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "the library steps aside", "22.11 to 26.07");
	/* Whoever chooses it knows what is not known. */
	options.front = FRONT_LIBC;
	assert_int_equal(machine_check_options(&options), CHECK_WARN);
	options.front = FRONT_AUTO;
	options.require = false;
	setenv("RTE_VFIO_CDEV", "require", 1);
	assert_int_equal(machine_check_options(&options), CHECK_FAIL);
	unsetenv("RTE_VFIO_CDEV");
	assert_int_equal(machine_check_options(&options), CHECK_WARN);
}

static void
installed_releases_with_a_cdev_mode_of_their_own_are_known(void **state)
{
	(void)state;
	own_cdev_mode_start();
	machine_check();
	assert_finding("dpdk", CHECK_WARN, "found DPDK 26.11 (/lib/librte_eal.so.27)",
		       "have a cdev mode of their own");
	/* The other one is as good as it is alone. */
	stub_copy("libstub_eal.so", "lib/librte_eal.so.23");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("dpdk", CHECK_PASS, "DPDK 22.11 (/lib/librte_eal.so.23), DPDK 26.11", NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stubs_start, machine_end)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(release_of_the_program_counts),
		TEST(releases_are_known_by_the_abi),
		TEST(eal_with_a_cdev_mode_of_its_own_is_a_warning),
		TEST(eal_with_a_cdev_mode_of_its_own_fails_where_one_is_required),
		TEST(installed_releases_with_a_cdev_mode_of_their_own_are_known),
	};

	if (argc != 2)
		return 1;
	stubs_dir = argv[1];
	return cmocka_run_group_tests_name("release", tests, NULL, NULL);
}
