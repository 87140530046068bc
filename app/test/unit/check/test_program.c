/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The checks of DPDK and of a program. The stubs that are looked at were built
 * beside this test; the argument is their directory.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"

static const char *stubs;

static void
stub_copy(const char *stub, const char *path)
{
	char from[PATH_MAX];

	snprintf(from, sizeof(from), "%s/%s", stubs, stub);
	machine_copy(from, path);
}

static int
stub_start(void **state)
{
	int ret = machine_start(state);

	machine_remove("lib/librte_eal.so.23");
	stub_copy("libstub_eal.so", "lib/librte_eal.so.23");
	stub_copy("stub_app", "bin/app");
	return ret;
}

static void
path_make(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", fake_sysfs_root(), name);
}

/* The dynamic linker's cache, as far as it is looked at: strings between others. */
static void
cache_write(const char *library)
{
	char path[PATH_MAX];
	FILE *file;

	fake_sysfs_write("", "etc/ld.so.cache");
	path_make(path, "etc/ld.so.cache");
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "glibc-ld.so.cache1.1%c%clibrte_eal.so.24%c%s%cx", 1, 0, 0, library, 0);
	assert_int_equal(fclose(file), 0);
}

static void
dynamic_program_passes(void **state)
{
	(void)state;
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	assert_finding("app", CHECK_PASS,
		       "linked with DPDK 22.11 (/lib/librte_eal.so.23), which "
		       "calls the library when that is preloaded",
		       NULL);
}

static void
program_is_looked_for_in_the_path(void **state)
{
	const char *old = getenv("PATH");
	char *kept = old != NULL ? strdup(old) : NULL;

	(void)state;
	setenv("PATH", "/sbin:/bin", 1);
	assert_int_equal(machine_check_app("app"), CHECK_PASS);
	assert_finding("app", CHECK_PASS, "linked with DPDK 22.11", NULL);
	assert_int_equal(machine_check_app("no-such-program"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "cannot read no-such-program: No such file", "path");
	machine_check_app("/bin/a\033[31mb\n");
	assert_finding("app", CHECK_FAIL, "cannot read /bin/a?[31mb?: No such file", NULL);
	if (kept != NULL)
		setenv("PATH", kept, 1);
	free(kept);
}

static void
eal_that_calls_itself_fails(void **state)
{
	static const char *const eals[] = { "libstub_eal_functions.so", "libstub_eal_symbolic.so" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		stub_copy(eals[i], "lib/librte_eal.so.23");
		assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
		assert_finding("app", CHECK_FAIL,
			       "/lib/librte_eal.so.23 calls its own "
			       "rte_mem_virt2iova()",
			       "-Bsymbolic");
	}
}

static void
static_program_fails(void **state)
{
	(void)state;
	stub_copy("stub_app_static", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "/bin/app is static", "link it dynamically");
	stub_copy("stub_app_inside", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "DPDK is linked into /bin/app statically",
		       "shared libraries");
}

static void
program_without_dpdk_is_doubtful(void **state)
{
	(void)state;
	stub_copy("stub_app_plain", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "if a plug-in brings it", "RTE_VFIO_CDEV=require");
	fake_sysfs_write("#!/bin/sh\nexec app\n", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "perhaps a script", "that it starts");
	assert_int_equal(machine_check_app("/bin"), CHECK_WARN);
}

/* A file gives its own owner no rights that the owner has not. */
static void
program_that_gives_rights_fails(void **state)
{
	char path[PATH_MAX];

	(void)state;
	path_make(path, "bin/app");
	assert_int_equal(chmod(path, 04755), 0);
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	if (chown(path, getuid() + 1, -1) < 0)
		skip(); /* only root may */
	assert_int_equal(chmod(path, 04755), 0);
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "drops LD_PRELOAD", "chmod u-s");
}

static void
order_of_libraries_counts(void **state)
{
	(void)state;
	stub_copy("stub_app_first", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	assert_finding("app", CHECK_PASS, "calls the library", NULL);
	stub_copy("stub_app_last", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "behind librte_eal", "link it before DPDK");
}

static void
missing_eal_fails(void **state)
{
	(void)state;
	machine_remove("lib");
	machine_check_app("/bin/app");
	assert_finding("app", CHECK_FAIL, "/bin/app needs librte_eal.so.23, which is not found",
		       "LD_LIBRARY_PATH");
	assert_no_finding("dpdk");
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("dpdk", CHECK_WARN, "finds no librte_eal.so.", "--app");
}

/* The program's own directories come before those of the machine. */
static void
eal_is_found_where_the_linker_finds_it(void **state)
{
	(void)state;
	stub_copy("libstub_eal_functions.so", "own/librte_eal.so.23");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	setenv("LD_LIBRARY_PATH", "/nowhere:/own", 1);
	machine_check_app("/bin/app");
	assert_finding("app", CHECK_FAIL, "/own/librte_eal.so.23 calls", NULL);
	unsetenv("LD_LIBRARY_PATH");
	stub_copy("stub_app_own", "bin/app");
	machine_check_app("/bin/app");
	assert_finding("app", CHECK_FAIL, "/own/librte_eal.so.23 calls", NULL);
}

static void
releases_are_known_by_the_abi(void **state)
{
	(void)state;
	machine_remove("lib");
	stub_copy("libstub_eal.so", "opt/dpdk/librte_eal.so.24.2");
	fake_sysfs_link("librte_eal.so.24.2", "opt/dpdk/librte_eal.so.24");
	cache_write("/opt/dpdk/librte_eal.so.24");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("dpdk", CHECK_PASS, "found DPDK 24.07 (/opt/dpdk/librte_eal.so.24)", NULL);
	/* The name of a longer one. */
	fake_sysfs_write("", "opt/dpdk/librte_eal.so.245");
	cache_write("/opt/dpdk/librte_eal.so.245");
	machine_check();
	assert_finding("dpdk", CHECK_WARN, "finds no", NULL);
	fake_sysfs_write("", "lib/librte_eal.so.22");
	machine_check();
	assert_finding("dpdk", CHECK_FAIL, "DPDK 21.11", "22.11 or later");
	fake_sysfs_write("", "lib/librte_eal.so.27");
	machine_check();
	assert_finding("dpdk", CHECK_WARN, "DPDK 21.11 (/lib/librte_eal.so.22), DPDK 26.11",
		       "dpdk-test-vfio-cdev");
	fake_sysfs_write("", "lib/librte_eal.so.26");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("dpdk", CHECK_PASS, "DPDK 25.11", NULL);
}

/* Bytes turned over one after the other: whatever is found, nothing goes wrong. */
static void
hostile_file_is_no_crash(const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	uint8_t byte;
	FILE *file;

	path_make(path, name);
	assert_int_equal(stat(path, &st), 0);
	for (long at = 0; at < st.st_size; at += at < 1024 ? 11 : 397) {
		file = fopen(path, "r+e");
		assert_non_null(file);
		assert_int_equal(fseek(file, at, SEEK_SET), 0);
		byte = at % 7 == 0 ? 0xff : at * 31;
		assert_int_equal(fwrite(&byte, 1, 1, file), 1);
		assert_int_equal(fclose(file), 0);
		assert_true(machine_check_app("/bin/app") >= 0);
	}
	for (long size = st.st_size - 1; size >= 0; size = size * 7 / 8 - 1) {
		assert_int_equal(truncate(path, size), 0);
		assert_true(machine_check_app("/bin/app") >= 0);
	}
}

static void
hostile_program_is_no_crash(void **state)
{
	(void)state;
	hostile_file_is_no_crash("bin/app");
}

static void
hostile_eal_is_no_crash(void **state)
{
	(void)state;
	hostile_file_is_no_crash("lib/librte_eal.so.23");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stub_start, machine_end)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(dynamic_program_passes),
		TEST(program_is_looked_for_in_the_path),
		TEST(eal_that_calls_itself_fails),
		TEST(static_program_fails),
		TEST(program_without_dpdk_is_doubtful),
		TEST(program_that_gives_rights_fails),
		TEST(order_of_libraries_counts),
		TEST(missing_eal_fails),
		TEST(eal_is_found_where_the_linker_finds_it),
		TEST(releases_are_known_by_the_abi),
		TEST(hostile_program_is_no_crash),
		TEST(hostile_eal_is_no_crash),
	};

	if (argc != 2)
		return 1;
	stubs = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
