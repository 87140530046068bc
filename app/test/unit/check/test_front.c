/* SPDX-License-Identifier: BSD-3-Clause */

/* Which front a program needs, by what is in it. The argument is the directory of the stubs. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "crafted.h"
#include "front.h"
#include "launch.h"
#include "machine.h"
#include "stubs.h"

#define DRIVER "PMD_INFO_STRING= {}"
#define VFIO "/dev/vfio/vfio"
#define PAGEMAP "/proc/self/pagemap"
#define GO "\xff Go buildinf:"
#define BY_LIBC "\"dpdk-vfio-cdev run\" preloads the C library front (libvfio_cdev_compat.so)"
#define CALLS \
	{ \
		"open64", "ioctl" \
	}

static struct check_options options;

static int
front_start(void **state)
{
	options = (struct check_options){ .app = "/bin/app" };
	return stubs_start(state);
}

static void
program_write(const struct crafted *c)
{
	struct crafted program = *c;

	program.path = "@/bin/app";
	crafted_write(&program);
}

#define PROGRAM(...) program_write(&(const struct crafted){ __VA_ARGS__ })

static void
assert_app(enum check_verdict verdict, const char *text, const char *cure)
{
	assert_int_equal(machine_check_options(&options), verdict);
	assert_finding("app", verdict, text, cure);
}

static void
dpdk_inside_needs_the_c_library_front(void **state)
{
	(void)state;
	stub_copy("stub_app_inside", "bin/app");
	assert_app(CHECK_PASS, "DPDK is linked into /bin/app statically: " BY_LIBC, NULL);
	/* What is installed besides does not matter. */
	assert_no_finding("dpdk");
	options.front = FRONT_EAL;
	assert_app(CHECK_FAIL, "DPDK is linked into /bin/app statically, and does not call",
		   "libvfio_cdev_compat.so");
	assert_finding("dpdk", CHECK_PASS, "found DPDK 22.11", NULL);
}

/* Linked into the program the other front is there whatever is preloaded. */
static void
program_has_one_front(void **state)
{
	(void)state;
	PROGRAM(.contents = { DRIVER }, .needed = { LAUNCH_LIBRARY });
	assert_app(CHECK_FAIL, "does not call the library", "do not link it with");
	/* One that is preloaded may be another one. */
	PROGRAM(.contents = { DRIVER });
	stub_copy("libstub_bus.so", "lib/" LAUNCH_LIBRARY);
	setenv("LD_PRELOAD", LAUNCH_LIBRARY, 1);
	assert_app(CHECK_PASS, BY_LIBC, NULL);
	unsetenv("LD_PRELOAD");
}

static void
shared_dpdk_needs_the_eal_front(void **state)
{
	(void)state;
	assert_app(CHECK_PASS,
		   "which calls the library when that is preloaded: the EAL front "
		   "(librte_bus_vfio_cdev.so)",
		   NULL);
	options.front = FRONT_LIBC;
	assert_app(CHECK_PASS,
		   "linked with DPDK 22.11 (/lib/librte_eal.so.23), whose calls of "
		   "the C library",
		   NULL);
}

static void
driver_without_dpdk_needs_the_c_library_front(void **state)
{
	(void)state;
	PROGRAM(.contents = { VFIO }, .imports = CALLS);
	assert_app(CHECK_PASS, "/bin/app uses VFIO or pagemap without DPDK: " BY_LIBC, NULL);
	PROGRAM(.contents = { PAGEMAP });
	assert_app(CHECK_PASS, "/bin/app uses VFIO or pagemap without DPDK", NULL);
	options.front = FRONT_EAL;
	assert_app(CHECK_WARN, "which the EAL front does not reach", "libvfio_cdev_compat.so");
	options.front = FRONT_AUTO;
	PROGRAM(.needed = { "libdriver.so" });
	crafted_write(&(const struct crafted){ .path = "@/lib/libdriver.so",
					       .contents = { VFIO },
					       .imports = { "__open64_2", "ioctl" } });
	assert_app(CHECK_PASS, "/lib/libdriver.so uses VFIO or pagemap", NULL);
}

/* Such as one in Rust with rustix's linux_raw. */
static void
program_with_its_own_system_calls_fails(void **state)
{
	(void)state;
	PROGRAM(.contents = { VFIO }, .imports = { "read", "open64" });
	assert_app(CHECK_FAIL,
		   "imports no open() or no ioctl() of the C library: it makes its "
		   "system calls itself",
		   "use-libc");
	PROGRAM(.contents = { VFIO }, .imports = { "ioctl" });
	assert_app(CHECK_FAIL, "makes its system calls itself", NULL);
	options.front = FRONT_LIBC;
	assert_app(CHECK_WARN, "makes its system calls itself", NULL);
	options.front = FRONT_EAL;
	assert_app(CHECK_WARN, "makes its system calls itself", NULL);
	options.front = FRONT_AUTO;
	/* One of its libraries may make them. */
	PROGRAM(.contents = { VFIO }, .needed = { "libcalls.so" });
	crafted_write(&(const struct crafted){ .path = "@/lib/libcalls.so", .imports = CALLS });
	assert_app(CHECK_PASS, "/bin/app uses VFIO", NULL);
}

static void
go_program_fails(void **state)
{
	(void)state;
	PROGRAM(.contents = { GO }, .is_static = true);
	assert_app(CHECK_FAIL,
		   "/bin/app is written in Go, whose runtime makes its system calls "
		   "itself, with cgo too",
		   "librte_vfio_cdev");
	options.front = FRONT_LIBC;
	assert_app(CHECK_FAIL, "/bin/app is written in Go", NULL);
	PROGRAM(.contents = { ".note.go.buildid", "/dev/vfio" }, .imports = CALLS);
	assert_app(CHECK_WARN, "/bin/app is written in Go", NULL);
	options.front = FRONT_AUTO;
	assert_app(CHECK_FAIL, "/bin/app is written in Go", NULL);
}

/* What is in C calls the C library; and Go without VFIO is any program. */
static void
go_program_with_dpdk_works(void **state)
{
	(void)state;
	PROGRAM(.contents = { GO, "/dev/vfio", DRIVER });
	assert_app(CHECK_PASS, "DPDK is linked into /bin/app statically", NULL);
	PROGRAM(.contents = { GO, "/dev/vfio" }, .needed = { "librte_eal.so.23" });
	assert_app(CHECK_PASS, "the EAL front", NULL);
	PROGRAM(.contents = { GO });
	assert_app(CHECK_WARN, "is not linked with DPDK", "--app-plugin");
}

static void
static_program_fails_whatever_is_in_it(void **state)
{
	static const char *const contents[] = { "", DRIVER, VFIO };

	(void)state;
	for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
		PROGRAM(.contents = { contents[i] }, .imports = CALLS, .is_static = true);
		options.front = FRONT_AUTO;
		assert_app(CHECK_FAIL, "/bin/app is static", "link it dynamically");
		options.front = FRONT_LIBC;
		assert_app(CHECK_FAIL, "/bin/app is static", NULL);
	}
}

static void
libraries_with_the_same_texts_do_not_count(void **state)
{
	static const char *const names[] = { "libgc.so.1", "libmlx5.so.1", "librte_vfio_cdev.so.1",
					     LAUNCH_COMPAT };
	char path[PATH_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		PROGRAM(.needed = { names[i] });
		snprintf(path, sizeof(path), "@/lib/%s", names[i]);
		crafted_write(&(const struct crafted){
			.path = path, .contents = { VFIO, PAGEMAP }, .imports = CALLS });
		assert_app(CHECK_WARN, "/bin/app is not linked with DPDK", NULL);
	}
}

/* The shape of VPP: a host without DPDK. */
static void
plugin_decides_for_its_host(void **state)
{
	static const char *const plugins[] = { "/lib/first.so", "/lib/plugin.so", NULL };

	(void)state;
	stub_copy("stub_app_plain", "bin/app");
	assert_app(CHECK_WARN, "/bin/app is not linked with DPDK", "--app-plugin");
	options.plugins = plugins;
	crafted_write(&(const struct crafted){ .path = "@/lib/first.so" });
	stub_copy("libstub_inside.so", "lib/plugin.so");
	assert_app(CHECK_PASS, "DPDK is linked into /lib/plugin.so statically: " BY_LIBC, NULL);
	/* A plug-in that has it from a library of its own. */
	crafted_write(&(const struct crafted){ .path = "@/lib/plugin.so",
					       .runpath = "$ORIGIN/behind",
					       .needed = { "libbehind.so" } });
	crafted_write(&(const struct crafted){ .path = "@/lib/behind/libbehind.so",
					       .contents = { DRIVER } });
	assert_app(CHECK_PASS, "DPDK is linked into /lib/behind/libbehind.so statically", NULL);
	crafted_write(&(const struct crafted){ .path = "@/lib/plugin.so",
					       .needed = { "librte_eal.so.23" } });
	assert_app(CHECK_PASS, "a plug-in is linked with DPDK 22.11", NULL);
	assert_finding("dpdk", CHECK_PASS, "the program loads DPDK 22.11", NULL);
	crafted_write(&(const struct crafted){ .path = "@/lib/plugin.so" });
	assert_app(CHECK_WARN, "/bin/app is not linked with DPDK", NULL);
}

/* And for a program of DPDK's shared libraries: one front reaches both. */
static void
plugin_with_dpdk_inside_counts_beside_a_shared_one(void **state)
{
	static const char *const plugins[] = { "/lib/plugin.so", NULL };

	(void)state;
	options.plugins = plugins;
	crafted_write(&(const struct crafted){ .path = "@/lib/plugin.so", .contents = { DRIVER } });
	assert_app(CHECK_PASS, "DPDK is linked into /lib/plugin.so statically: " BY_LIBC, NULL);
	/* A driver of the shared one is no other DPDK. */
	crafted_write(&(const struct crafted){ .path = "@/lib/plugin.so",
					       .contents = { DRIVER },
					       .needed = { "librte_eal.so.23" } });
	assert_app(CHECK_PASS, "the EAL front", NULL);
}

static void
plugin_that_cannot_be_loaded_fails(void **state)
{
	static const char *const plugins[] = { "/lib/plugin.so", NULL };

	(void)state;
	options.plugins = plugins;
	assert_app(CHECK_FAIL, "the plug-in /lib/plugin.so cannot be loaded: No such file",
		   "path of a plug-in");
	fake_sysfs_write("no library", "lib/plugin.so");
	assert_app(CHECK_FAIL, "cannot be loaded: Exec format error", NULL);
	crafted_write(&(const struct crafted){ .path = "@/lib/plugin.so", .is_foreign = true });
	assert_app(CHECK_FAIL, "cannot be loaded: Exec format error", NULL);
	crafted_write(
		&(const struct crafted){ .path = "@/lib/plugin.so", .needed = { "libnone.so" } });
	assert_app(CHECK_FAIL, "/lib/plugin.so needs libnone.so, which is not found", NULL);
}

/* A script's interpreter may load one as well. */
static void
plugin_of_a_script_counts(void **state)
{
	static const char *const plugins[] = { "/lib/plugin.so", NULL };
	char path[PATH_MAX];

	(void)state;
	stub_copy("stub_app_plain", "bin/python");
	fake_sysfs_write("#!/bin/python\n", "bin/app");
	assert_int_equal(chmod(crafted_expand("@/bin/app", path), 0755), 0);
	assert_app(CHECK_WARN, "cannot see what it starts", NULL);
	options.plugins = plugins;
	stub_copy("libstub_inside.so", "lib/plugin.so");
	assert_app(CHECK_PASS, "DPDK is linked into /lib/plugin.so statically", NULL);
}

static void
front_is_found_for_run(void **state)
{
	static const char *const plugins[] = { "/lib/plugin.so", NULL };
	const struct host host = { .root = fake_sysfs_root() };

	(void)state;
	assert_int_equal(front_find(&host, "/bin/app", NULL), FRONT_EAL);
	assert_true(front_has_dpdk(&host, "/bin/app"));
	PROGRAM(.contents = { DRIVER });
	assert_int_equal(front_find(&host, "/bin/app", NULL), FRONT_LIBC);
	assert_true(front_has_dpdk(&host, "/bin/app"));
	PROGRAM(.soname = "app");
	assert_int_equal(front_find(&host, "/bin/app", NULL), FRONT_EAL);
	assert_false(front_has_dpdk(&host, "/bin/app"));
	stub_copy("libstub_inside.so", "lib/plugin.so");
	assert_int_equal(front_find(&host, "/bin/app", plugins), FRONT_LIBC);
	assert_int_equal(front_find(&host, "/bin/none", plugins), FRONT_EAL);
	PROGRAM(.is_static = true);
	assert_int_equal(front_find(&host, "/bin/app", NULL), FRONT_EAL);
}

static void
library_is_known_by_its_name(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(front_by_name("librte_bus_vfio_cdev.so"), FRONT_EAL);
	assert_int_equal(front_by_name("/x/librte_bus_vfio_cdev.so.1"), FRONT_EAL);
	assert_int_equal(front_by_name("/x/libvfio_cdev_compat.so.1"), FRONT_LIBC);
	assert_int_equal(front_by_name("/librte_bus_vfio_cdev.so.1/x.so"), FRONT_AUTO);
	assert_int_equal(front_by_file("/none/libvfio_cdev_compat.so"), FRONT_LIBC);
	crafted_write(&(const struct crafted){ .path = "@/lib/x.so", .soname = LAUNCH_COMPAT });
	assert_int_equal(front_by_file(crafted_expand("@/lib/x.so", path)), FRONT_LIBC);
	crafted_write(&(const struct crafted){ .path = "@/lib/x.so", .soname = LAUNCH_LIBRARY });
	assert_int_equal(front_by_file(path), FRONT_EAL);
	crafted_write(&(const struct crafted){ .path = "@/lib/x.so" });
	assert_int_equal(front_by_file(path), FRONT_AUTO);
	assert_string_equal(front_name(FRONT_EAL), "eal");
	assert_string_equal(front_name(FRONT_LIBC), "libc");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, front_start, machine_end)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(dpdk_inside_needs_the_c_library_front),
		TEST(program_has_one_front),
		TEST(shared_dpdk_needs_the_eal_front),
		TEST(driver_without_dpdk_needs_the_c_library_front),
		TEST(program_with_its_own_system_calls_fails),
		TEST(go_program_fails),
		TEST(go_program_with_dpdk_works),
		TEST(static_program_fails_whatever_is_in_it),
		TEST(libraries_with_the_same_texts_do_not_count),
		TEST(plugin_decides_for_its_host),
		TEST(plugin_with_dpdk_inside_counts_beside_a_shared_one),
		TEST(plugin_that_cannot_be_loaded_fails),
		TEST(plugin_of_a_script_counts),
		TEST(front_is_found_for_run),
		TEST(library_is_known_by_its_name),
	};

	if (argc != 2)
		return 1;
	stubs_dir = argv[1];
	return cmocka_run_group_tests_name("front", tests, NULL, NULL);
}
