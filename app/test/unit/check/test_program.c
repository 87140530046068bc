/* SPDX-License-Identifier: BSD-3-Clause */

/* The check of a program. The argument is the directory of the stubs. */

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "crafted.h"
#include "launch.h"
#include "loader_rules.h"
#include "machine.h"
#include "stubs.h"

static bool is_nosuid; /* the file system of the test */

/* What files of 64 bits make of statvfs(). */
int
__wrap_statvfs64(const char *path, struct statvfs *fs);

int
__wrap_statvfs64(const char *path, struct statvfs *fs)
{
	(void)path;
	*fs = (struct statvfs){ .f_flag = is_nosuid ? ST_NOSUID : 0 };
	return 0;
}

static int
program_start(void **state)
{
	is_nosuid = false;
	return stubs_start(state);
}

static void
path_make(char path[PATH_MAX], const char *name)
{
	snprintf(path, PATH_MAX, "%s/%s", fake_sysfs_root(), name);
}

static void
byte_change(const char *name, long at, uint8_t byte)
{
	char path[PATH_MAX];
	FILE *file;

	path_make(path, name);
	file = fopen(path, "r+e");
	assert_non_null(file);
	assert_int_equal(fseek(file, at, SEEK_SET), 0);
	assert_int_equal(fwrite(&byte, 1, 1, file), 1);
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
eal_that_calls_itself_needs_the_c_library_front(void **state)
{
	static const char *const eals[] = { "libstub_eal_functions.so", "libstub_eal_symbolic.so" };
	const struct check_options by_eal = { .app = "/bin/app", .front = FRONT_EAL };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		stub_copy(eals[i], "lib/librte_eal.so.23");
		assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
		assert_finding("app", CHECK_PASS,
			       "/lib/librte_eal.so.23 calls its own functions of memory and of "
			       "VFIO: \"dpdk-vfio-cdev run\" preloads the C library front "
			       "(libvfio_cdev_compat.so)",
			       NULL);
		assert_int_equal(machine_check_options(&by_eal), CHECK_FAIL);
		assert_finding("app", CHECK_FAIL,
			       "/lib/librte_eal.so.23 calls its own rte_mem_virt2iova()",
			       "which preloads libvfio_cdev_compat.so");
	}
}

/* The dynamic linker needs no sections: sstrip(1) takes them away. */
static void
eal_without_sections_passes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(uint64_t); i++)
		byte_change("lib/librte_eal.so.23", offsetof(Elf64_Ehdr, e_shoff) + i, 0);
	byte_change("lib/librte_eal.so.23", offsetof(Elf64_Ehdr, e_shnum), 0);
	byte_change("lib/librte_eal.so.23", offsetof(Elf64_Ehdr, e_shstrndx), 0);
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	assert_finding("app", CHECK_PASS, "calls the library", NULL);
}

static void
static_program_fails(void **state)
{
	(void)state;
	stub_copy("stub_app_static", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "/bin/app is static", "link it dynamically");
}

static void
program_without_dpdk_is_doubtful(void **state)
{
	(void)state;
	stub_copy("stub_app_plain", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "if a plug-in brings it", "RTE_VFIO_CDEV=require");
	assert_finding("app", CHECK_WARN, "if a plug-in brings it", "--app-plugin");
	/* The library alone shows nothing; it need not be found, for it is preloaded. */
	crafted_write(&(const struct crafted){ .path = "@/bin/app", .needed = { LAUNCH_LIBRARY } });
	assert_int_equal(machine_check_app("/bin/app"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "if a plug-in brings it", NULL);
	assert_int_equal(machine_check_app("/bin"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "cannot read /bin: Permission denied", "path");
}

static void
executable_write(const char *text, const char *name)
{
	char path[PATH_MAX];

	fake_sysfs_write(text, "%s", name);
	path_make(path, name);
	assert_int_equal(chmod(path, 0755), 0);
}

static void
script_write(const char *text)
{
	executable_write("", "usr/bin/env");
	executable_write(text, "bin/script");
}

/* What runs it counts: it may be a program of DPDK itself. */
static void
script_is_judged_by_its_interpreter(void **state)
{
	static const char *const lines[] = {
		"#!/bin/app\n",
		"#! /bin/app -x y\nexec x\n",
		"#!/usr/bin/env app\n",
		"#!/usr/bin/env -S app --x=1\n",
		"#!/usr/bin/env  app \t\n",
	};
	const char *old = getenv("PATH");
	char *kept = old != NULL ? strdup(old) : NULL;

	(void)state;
	setenv("PATH", "/sbin:/bin", 1);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		stub_copy("stub_app", "bin/app");
		script_write(lines[i]);
		assert_int_equal(machine_check_app("/bin/script"), CHECK_PASS);
		assert_finding("app", CHECK_PASS, "calls the library", NULL);
		assert_finding("dpdk", CHECK_PASS, "the program loads DPDK 22.11", NULL);
		stub_copy("stub_app_inside", "bin/app");
		assert_int_equal(machine_check_app("/bin/script"), CHECK_PASS);
		assert_finding("app", CHECK_PASS, "linked into /bin/app statically", NULL);
	}
	/* A shell passes the library on, even one that is static. */
	stub_copy("stub_app_plain", "bin/app");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_WARN);
	assert_finding("app", CHECK_WARN,
		       "/bin/script is a script of /bin/app, which is not linked",
		       "name the program that it starts");
	stub_copy("stub_app_static", "bin/app");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "cannot see what it starts", "RTE_VFIO_CDEV=require");
	if (kept != NULL)
		setenv("PATH", kept, 1);
	free(kept);
}

static void
script_that_cannot_run_fails(void **state)
{
	(void)state;
	script_write("#!/bin/no-such-shell\n");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "a script of /bin/no-such-shell: No such file",
		       "first line");
	script_write("#!/opt/bin/env app\n");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "a script of /opt/bin/env: No such file", NULL);
	/* Such as an editor of another system leaves. */
	script_write("#!/bin/app\r\n");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "a script of /bin/app?: No such file", NULL);
	/* Without -S all of it is one name. */
	script_write("#!/usr/bin/env app --verbose\n");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "a script of app --verbose: No such file", NULL);
	script_write("#!/bin/script\n");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "Too many levels", NULL);
	/* What a shell may take, or a handler of binfmt_misc. */
	script_write("exec app\n");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "neither a program nor a script", "that it starts");
	script_write("#!/usr/bin/env -i app\n");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "options that this check does not know", NULL);
}

static void
program_of_another_kind_fails(void **state)
{
	(void)state;
	byte_change("bin/app", EI_CLASS, ELFCLASS32);
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "/bin/app is a 32-bit program", "of 64 bits");
	byte_change("bin/app", EI_CLASS, ELFCLASS64);
	byte_change("bin/app", offsetof(Elf64_Ehdr, e_machine), EM_SPARC);
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "a program for another processor", NULL);
	/* A shell of 32 bits starts programs of 64. */
	script_write("#!/bin/app\n");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "no 64-bit program of this machine", NULL);
}

/* Where the program names its dynamic linker. */
static long
interpreter_place(void)
{
	const char *name = crafted_interpreter();
	char path[PATH_MAX], content[65536], *found;
	FILE *file;
	size_t len;

	path_make(path, "bin/app");
	file = fopen(path, "re");
	assert_non_null(file);
	len = fread(content, 1, sizeof(content), file);
	fclose(file);
	found = memmem(content, len, name, strlen(name) + 1);
	assert_non_null(found);
	return found - content;
}

/* Such as that of musl: what it finds is not known. */
static void
foreign_linker_is_not_judged(void **state)
{
	const char *name = crafted_interpreter();
	const long at = interpreter_place() + strlen(name) - 1;
	char other[64];

	(void)state;
	byte_change("bin/app", at, 'x');
	snprintf(other, sizeof(other), "%.*sx", (int)strlen(name) - 1, name);
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, other, "install it");
	stub_copy("libstub_bus.so", other + 1);
	assert_int_equal(machine_check_app("/bin/app"), CHECK_WARN);
	assert_finding("app", CHECK_WARN, "which is none of glibc", "RTE_VFIO_CDEV=require");
	assert_finding("app", CHECK_WARN, other, NULL);
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
	assert_finding("app", CHECK_FAIL,
		       "is setuid or setgid: the dynamic linker drops LD_PRELOAD", "chmod u-s");
	/* Where neither counts the bit harms nobody. */
	is_nosuid = true;
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	is_nosuid = false;
	fake_sysfs_write("CapEff:\t000001ffffffffff\nNoNewPrivs:\t1\n", "proc/self/status");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	/* Of a script those of its interpreter count. */
	fake_sysfs_write("CapEff:\t000001ffffffffff\nNoNewPrivs:\t0\n", "proc/self/status");
	script_write("#!/bin/app\n");
	assert_int_equal(machine_check_app("/bin/script"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "/bin/app is setuid", NULL);
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
	machine_remove("lib/librte_eal.so.23");
	/* Where the linker does not look until ldconfig has. */
	stub_copy("libstub_eal.so", "usr/local/lib/librte_eal.so.23");
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
	assert_finding("app", CHECK_PASS, "/own/librte_eal.so.23 calls", NULL);
	unsetenv("LD_LIBRARY_PATH");
	stub_copy("stub_app_own", "bin/app");
	machine_check_app("/bin/app");
	assert_finding("app", CHECK_PASS, "/own/librte_eal.so.23 calls", NULL);
	/* Its directories are in a DT_RUNPATH, behind those of the environment. */
	setenv("LD_LIBRARY_PATH", "/lib", 1);
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	assert_finding("app", CHECK_PASS, "(/lib/librte_eal.so.23)", NULL);
	unsetenv("LD_LIBRARY_PATH");
}

/* A library of the program may bring DPDK, and what is missing anywhere counts. */
static void
libraries_of_libraries_count(void **state)
{
	(void)state;
	stub_copy("stub_app_behind", "bin/app");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "/bin/app needs libbetween.so, which is not found", NULL);
	stub_copy("libstub_between.so", "lib/libbetween.so");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	assert_finding("app", CHECK_PASS, "linked with DPDK 22.11", NULL);
	machine_remove("lib/librte_eal.so.23");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "/lib/libbetween.so needs librte_eal.so.23", NULL);
	fake_sysfs_write("no library", "lib/librte_eal.so.23");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_FAIL);
	assert_finding("app", CHECK_FAIL, "cannot read /lib/librte_eal.so.23: Exec format", NULL);
	stub_copy("libstub_inside.so", "lib/libbetween.so");
	assert_int_equal(machine_check_app("/bin/app"), CHECK_PASS);
	assert_finding("app", CHECK_PASS, "DPDK is linked into /lib/libbetween.so statically",
		       NULL);
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

/* The best that this processor has, if there is one (glibc-hwcaps). */
static void
cache_prefers_the_processor(void **state)
{
	const struct host host = { .root = "" };
	struct loader_rules rules;

	(void)state;
	assert_int_equal(loader_rules_read(&host, NULL, &rules), 0);
	machine_remove("lib/librte_eal.so.23");
	stub_copy("libstub_eal.so", "opt/librte_eal.so.23");
	stub_copy("libstub_eal.so", "processor/librte_eal.so.23");
	crafted_cache_write("librte_eal.so.23", "/opt/librte_eal.so.23", NULL);
	machine_check();
	assert_finding("dpdk", CHECK_PASS, "(/opt/librte_eal.so.23)", NULL);
	if (rules.n_hwcaps == 0)
		skip();
	crafted_cache_write("librte_eal.so.23", "/opt/librte_eal.so.23", rules.hwcaps[0]);
	machine_check();
	assert_finding("dpdk", CHECK_PASS, "(/processor/librte_eal.so.23)", NULL);
}

static void
hostile_cache_is_no_crash(void **state)
{
	struct loader_rules rules;

	(void)state;
	assert_int_equal(loader_rules_read(&(const struct host){ .root = "" }, NULL, &rules), 0);
	crafted_cache_write("librte_eal.so.23", "/opt/librte_eal.so.23", rules.hwcaps[0]);
	hostile_file_is_no_crash("etc/ld.so.cache");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, program_start, machine_end)

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(dynamic_program_passes),
		TEST(program_is_looked_for_in_the_path),
		TEST(eal_that_calls_itself_needs_the_c_library_front),
		TEST(eal_without_sections_passes),
		TEST(static_program_fails),
		TEST(program_without_dpdk_is_doubtful),
		TEST(script_is_judged_by_its_interpreter),
		TEST(script_that_cannot_run_fails),
		TEST(program_of_another_kind_fails),
		TEST(foreign_linker_is_not_judged),
		TEST(program_that_gives_rights_fails),
		TEST(order_of_libraries_counts),
		TEST(missing_eal_fails),
		TEST(eal_is_found_where_the_linker_finds_it),
		TEST(libraries_of_libraries_count),
		TEST(cache_prefers_the_processor),
		TEST(hostile_cache_is_no_crash),
		TEST(hostile_program_is_no_crash),
		TEST(hostile_eal_is_no_crash),
	};

	if (argc != 2)
		return 1;
	stubs_dir = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
