/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the dynamic linker would load: each program here is written by the test and
 * given to the linker of this machine too, which must answer the same.
 */

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asserts.h"
#include "crafted.h"
#include "fake_sysfs.h"
#include "loader.h"

#define LIST_LEN 65536

static const struct host host = { .root = "" };

#define CRAFT(...) crafted_write(&(const struct crafted){ __VA_ARGS__ })
#define LIBRARY(path_) CRAFT(.path = path_)

/* An environment variable for this process and the linker; NULL takes it away. */
static void
variable_set(const char *name, const char *value)
{
	char out[PATH_MAX];

	if (value != NULL)
		assert_int_equal(setenv(name, crafted_expand(value, out), 1), 0);
	else
		assert_int_equal(unsetenv(name), 0);
}

/* What the loader says: a line for each library. Its status: 0 or what it fails with. */
static int
answer_of_ours(const char *program, char list[LIST_LEN])
{
	const struct loader_object *object;
	struct loader loader;
	size_t used = 0;
	int ret = loader_open(&host, program, &loader);

	list[0] = '\0';
	for (int i = 1; i < loader.count; i++) {
		object = &loader.objects[i];
		ret = ret == 0 ? object->err : ret;
		used += snprintf(list + used, LIST_LEN - used, "%s => %s\n", object->name,
				 object->path != NULL ? object->path : "not found");
	}
	loader_close(&loader);
	return ret;
}

static void
linker_run(const char *program, bool by_itself, int fd)
{
	const char *interpreter = crafted_interpreter();
	const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(fd, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (by_itself)
		setenv("LD_TRACE_LOADED_OBJECTS", "1", 1);
	if (by_itself)
		execl(program, program, NULL);
	else
		execl(interpreter, interpreter, "--list", program, NULL);
	_exit(127);
}

/* A line of its list: the address goes, and what it says of itself and of the vDSO. */
static size_t
line_append(char *line, char *list, size_t used)
{
	const char *name = line + strspn(line, "\t ");
	const char *base = strrchr(crafted_interpreter(), '/') + 1;
	char *end = strstr(line, " (0x");

	if (end != NULL)
		*end = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strstr(name, base) != NULL || strncmp(name, "linux-vdso", 10) == 0 ||
	    strcmp(name, "statically linked") == 0)
		return used;
	if (strstr(name, " => ") != NULL)
		return used + snprintf(list + used, LIST_LEN - used, "%s\n", name);
	return used + snprintf(list + used, LIST_LEN - used, "%s => %s\n", name, name);
}

static int
answer_of_linker(const char *program, bool by_itself, char list[LIST_LEN])
{
	char line[2 * PATH_MAX];
	size_t used = 0;
	int fds[2], status;
	FILE *out;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		linker_run(program, by_itself, fds[1]);
	close(fds[1]);
	out = fdopen(fds[0], "r");
	assert_non_null(out);
	list[0] = '\0';
	while (fgets(line, sizeof(line), out) != NULL)
		used = line_append(line, list, used);
	fclose(out);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static char ours[LIST_LEN], linkers[LIST_LEN];

/*
 * Both answer the same for a program, and have that line among it (or NULL). --list ends
 * where a library is missing; the program itself would list the others, as ldd has it.
 */
static void
same_by(const char *program, bool by_itself, const char *wanted)
{
	char path[PATH_MAX], line[PATH_MAX], part[PATH_MAX + 2];
	bool lacks;

	crafted_expand(program, path);
	assert_int_equal(answer_of_ours(path, ours), 0);
	lacks = strstr(ours, " => not found\n") != NULL;
	if (!by_itself)
		assert_int_equal(answer_of_linker(path, false, linkers), lacks ? 127 : 0);
	if (by_itself || lacks)
		assert_int_equal(answer_of_linker(path, true, linkers), 0);
	assert_string_equal(ours, linkers);
	if (wanted == NULL)
		return;
	snprintf(part, sizeof(part), "%s\n", crafted_expand(wanted, line));
	if (strstr(ours, part) == NULL)
		fail_msg("no \"%s\" in: %s", line, ours);
}

static void
same(const char *program, const char *wanted)
{
	same_by(program, false, wanted);
}

static void
runpath_comes_behind_the_environment(void **state)
{
	(void)state;
	LIBRARY("@/own/libtx.so");
	LIBRARY("@/env/libtx.so");
	CRAFT(.path = "@/bin/app", .runpath = "@/own", .needed = { "libtx.so" });
	same("@/bin/app", "libtx.so => @/own/libtx.so");
	variable_set("LD_LIBRARY_PATH", "@/env");
	same("@/bin/app", "libtx.so => @/env/libtx.so");
	CRAFT(.path = "@/bin/app", .rpath = "@/own", .needed = { "libtx.so" });
	same("@/bin/app", "libtx.so => @/own/libtx.so");
}

static void
rpath_is_ignored_beside_a_runpath(void **state)
{
	(void)state;
	LIBRARY("@/old/libtx.so");
	LIBRARY("@/env/libtx.so");
	LIBRARY("@/new/libtx.so");
	CRAFT(.path = "@/bin/app", .rpath = "@/old", .runpath = "@/new", .needed = { "libtx.so" });
	same("@/bin/app", "libtx.so => @/new/libtx.so");
	variable_set("LD_LIBRARY_PATH", "@/env");
	same("@/bin/app", "libtx.so => @/env/libtx.so");
	variable_set("LD_LIBRARY_PATH", NULL);
	CRAFT(.path = "@/bin/app", .rpath = "@/old", .runpath = "", .needed = { "libtx.so" });
	same("@/bin/app", "libtx.so => not found");
}

static void
rpath_reaches_what_is_needed_further_on(void **state)
{
	(void)state;
	LIBRARY("@/lib/libtz.so");
	CRAFT(.path = "@/lib/libty.so", .needed = { "libtz.so" });
	CRAFT(.path = "@/lib/libtx.so", .needed = { "libty.so" });
	CRAFT(.path = "@/bin/app", .rpath = "@/lib", .needed = { "libtx.so" });
	same("@/bin/app", "libtz.so => @/lib/libtz.so");
	CRAFT(.path = "@/bin/app", .runpath = "@/lib", .needed = { "libtx.so" });
	same("@/bin/app", "libty.so => not found");
	/* One on the way that has a RUNPATH asks nobody else. */
	CRAFT(.path = "@/bin/app", .rpath = "@/lib", .needed = { "libtx.so" });
	CRAFT(.path = "@/lib/libty.so", .runpath = "@/none", .needed = { "libtz.so" });
	same("@/bin/app", "libtz.so => not found");
	LIBRARY("@/other/libtz.so");
	CRAFT(.path = "@/lib/libtx.so", .rpath = "@/other", .needed = { "libty.so" });
	CRAFT(.path = "@/lib/libty.so", .needed = { "libtz.so" });
	same("@/bin/app", "libtz.so => @/other/libtz.so");
	CRAFT(.path = "@/lib/libtx.so", .rpath = "@/other", .runpath = "@/lib",
	      .needed = { "libty.so" });
	same("@/bin/app", "libtz.so => @/lib/libtz.so");
}

static void
origin_is_that_of_the_file_that_has_it(void **state)
{
	static const char *const origins[] = {
		"$ORIGIN/../lib",
		"${ORIGIN}/../lib",
		"/none:$ORIGIN/../lib/",
		"$ORIGIN/../$ORIGIN",
		"$ORIGINAL:${ORIGIN/../lib",
		"${ORIGIN}x:$ORIGIN_:$ORIGIN-",
		"$",
		"$$ORIGIN",
		"@/bin/${ORIGIN}",
	};

	(void)state;
	LIBRARY("@/deep/libtz.so");
	LIBRARY("@/binx/libtx.so");
	CRAFT(.path = "@/lib/libtx.so", .runpath = "$ORIGIN/../deep", .needed = { "libtz.so" });
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
		CRAFT(.path = "@/bin/app", .runpath = origins[i], .needed = { "libtx.so" });
		same("@/bin/app",
		     i < 3	    ? "libtz.so => @/bin/../lib/../deep/libtz.so" :
			     i == 5 ? "libtx.so => @/binx/libtx.so" :
				      "libtx.so => not found");
	}
	variable_set("LD_LIBRARY_PATH", "$ORIGIN/../lib");
	CRAFT(.path = "@/bin/app", .needed = { "libtx.so" });
	same("@/bin/app", "libtx.so => @/bin/../lib/libtx.so");
	variable_set("LD_LIBRARY_PATH", NULL);
	CRAFT(.path = "@/bin/app", .needed = { "$ORIGIN/../lib/libtx.so" });
	same("@/bin/app", "libtz.so => @/bin/../lib/../deep/libtz.so");
}

/* The kernel gives a program's own path; --list takes the link's for it. */
static void
link_to_a_program_is_not_its_origin(void **state)
{
	(void)state;
	LIBRARY("@/opt/lib/libtx.so");
	LIBRARY("@/lib/libtx.so");
	CRAFT(.path = "@/opt/bin/app", .runpath = "$ORIGIN/../lib", .needed = { "libtx.so" });
	fake_sysfs_link("../opt/bin/app", "bin/app");
	same_by("@/bin/app", true, "libtx.so => @/opt/bin/../lib/libtx.so");
	/* A library's is where it was found. */
	CRAFT(.path = "@/opt/bin/app", .runpath = "@/links", .needed = { "libty.so" });
	CRAFT(.path = "@/opt/lib/libty.so", .runpath = "$ORIGIN/here", .needed = { "libtx.so" });
	LIBRARY("@/links/here/libtx.so");
	fake_sysfs_link("../opt/lib/libty.so", "links/libty.so");
	same_by("@/bin/app", true, "libtx.so => @/links/here/libtx.so");
	same("@/opt/bin/app", "libtx.so => @/links/here/libtx.so");
}

static void
lib_and_platform_are_those_of_the_linker(void **state)
{
	static const char *const tokens[] = { "$LIB",	     "${LIB}",		 "$PLATFORM",
					      "${PLATFORM}", "${LIB}-$PLATFORM", "$LIBX",
					      "$PLATFORM_" };
	struct loader_rules rules;
	char runpath[PATH_MAX];

	(void)state;
	assert_int_equal(loader_rules_read(&host, crafted_interpreter(), &rules), 0);
	fake_sysfs_mkdir("own");
	snprintf(runpath, sizeof(runpath), "@/own/%s/libtx.so", rules.lib);
	CRAFT(.path = runpath);
	snprintf(runpath, sizeof(runpath), "@/own/%s/libtx.so", rules.platform);
	CRAFT(.path = runpath);
	snprintf(runpath, sizeof(runpath), "@/own/%s-%s/libtx.so", rules.lib, rules.platform);
	CRAFT(.path = runpath);
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++) {
		snprintf(runpath, sizeof(runpath), "@/own/%s", tokens[i]);
		CRAFT(.path = "@/bin/app", .runpath = runpath, .needed = { "libtx.so" });
		same("@/bin/app", i >= 5 ? "libtx.so => not found" : NULL);
		assert_true(i >= 5 || strstr(ours, "not found") == NULL);
	}
}

static void
empty_element_is_the_working_directory(void **state)
{
	static const char *const empties[] = { ":", "@/none:", ":@/none", "@/none::@/none" };
	char old[PATH_MAX], dir[PATH_MAX];

	(void)state;
	LIBRARY("@/here/deep/libtz.so");
	CRAFT(.path = "@/here/libtx.so", .runpath = "$ORIGIN/deep", .needed = { "libtz.so" });
	assert_non_null(getcwd(old, sizeof(old)));
	assert_int_equal(chdir(crafted_expand("@/here", dir)), 0);
	for (size_t i = 0; i < sizeof(empties) / sizeof(empties[0]); i++) {
		CRAFT(.path = "@/bin/app", .runpath = empties[i], .needed = { "libtx.so" });
		same("@/bin/app", "libtz.so => @/here/deep/libtz.so");
		CRAFT(.path = "@/bin/app", .needed = { "libtx.so" });
		variable_set("LD_LIBRARY_PATH", empties[i]);
		same("@/bin/app", "libtx.so => libtx.so");
		variable_set("LD_LIBRARY_PATH", NULL);
	}
	CRAFT(.path = "@/bin/app", .runpath = "", .needed = { "libtx.so" });
	same("@/bin/app", "libtx.so => not found");
	CRAFT(.path = "@/bin/app", .needed = { "libtx.so" });
	variable_set("LD_LIBRARY_PATH", "");
	same("@/bin/app", "libtx.so => not found");
	variable_set("LD_LIBRARY_PATH", "@/none;./deep/..//");
	same("@/bin/app", "libtx.so => ./deep/../libtx.so");
	assert_int_equal(chdir(old), 0);
}

static void
other_class_and_machine_are_passed_over(void **state)
{
	(void)state;
	CRAFT(.path = "@/a/libtx.so", .is_32_bit = true);
	CRAFT(.path = "@/b/libtx.so", .is_foreign = true);
	CRAFT(.path = "@/bin/app", .runpath = "@/a:@/b:@/c", .needed = { "libtx.so" });
	same("@/bin/app", "libtx.so => not found");
	LIBRARY("@/c/libtx.so");
	same("@/bin/app", "libtx.so => @/c/libtx.so");
	variable_set("LD_LIBRARY_PATH", "@/a:@/b:@/nonexistent:@/bin/app");
	same("@/bin/app", "libtx.so => @/c/libtx.so");
}

/* What is no ELF file at all ends it. */
static void
broken_library_ends_the_search(void **state)
{
	static const char *const texts[] = { "", "INPUT(libtx.so.1)\n", "\177ELF" };
	char path[PATH_MAX];

	(void)state;
	LIBRARY("@/b/libtx.so");
	CRAFT(.path = "@/bin/app", .runpath = "@/a:@/b", .needed = { "libtx.so" });
	crafted_expand("@/bin/app", path);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		fake_sysfs_write(texts[i], "a/libtx.so");
		assert_int_not_equal(answer_of_linker(path, false, linkers), 0);
		assert_int_equal(answer_of_ours(path, ours), -ENOEXEC);
	}
}

/* In the table of its segments, or in one of them: then the program would get a bus error. */
static void
library_that_is_cut_off_is_broken(void **state)
{
	char path[PATH_MAX], library[PATH_MAX];
	struct stat st;
	int in, out;

	(void)state;
	LIBRARY("@/a/libtx.so");
	CRAFT(.path = "@/bin/app", .runpath = "@/a", .needed = { "libtx.so" });
	crafted_expand("@/bin/app", path);
	crafted_expand("@/a/libtx.so", library);
	same("@/bin/app", "libtx.so => @/a/libtx.so");
	assert_int_equal(truncate(library, 100), 0);
	assert_int_not_equal(answer_of_linker(path, false, linkers), 0);
	assert_int_equal(answer_of_ours(path, ours), -ENOEXEC);
	in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	out = open(library, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(fstat(in, &st), 0);
	assert_int_equal(sendfile(out, in, NULL, st.st_size), st.st_size);
	assert_int_equal(answer_of_ours(path, ours), 0);
	assert_int_equal(truncate(library, 8192), 0);
	assert_int_equal(answer_of_ours(path, ours), -ENOEXEC);
	close(out);
	close(in);
}

/* A link that leads in a circle ends its list of directories, but not the search. */
static void
circle_ends_the_list(void **state)
{
	(void)state;
	fake_sysfs_link("libtx.so", "a/libtx.so");
	LIBRARY("@/b/libtx.so");
	CRAFT(.path = "@/bin/app", .runpath = "@/b", .needed = { "libtx.so" });
	variable_set("LD_LIBRARY_PATH", "@/a");
	same("@/bin/app", "libtx.so => @/b/libtx.so");
	variable_set("LD_LIBRARY_PATH", NULL);
	CRAFT(.path = "@/bin/app", .runpath = "@/a:@/b", .needed = { "libtx.so" });
	same("@/bin/app", "libtx.so => not found");
}

/* Each file once, by whatever name; the one that is first needed decides. */
static void
libraries_are_loaded_once(void **state)
{
	(void)state;
	CRAFT(.path = "@/a/libtx.so", .soname = "libother.so");
	LIBRARY("@/a/libother.so");
	CRAFT(.path = "@/a/libty.so", .runpath = "@/b", .needed = { "libtw.so", "@/a/libtx.so" });
	LIBRARY("@/a/libtw.so");
	LIBRARY("@/b/libtw.so");
	fake_sysfs_link("libtw.so", "a/libw2.so");
	CRAFT(.path = "@/bin/app", .runpath = "@/a",
	      .needed = { "libtx.so", "libother.so", "libty.so", "libw2.so" });
	same("@/bin/app", "libtw.so => @/b/libtw.so");
	CRAFT(.path = "@/a/libty.so", .runpath = "@/a", .needed = { "libtw.so", "@/a/libtx.so" });
	same("@/bin/app", "libw2.so => @/a/libw2.so");
	CRAFT(.path = "@/a/libty.so", .needed = { "libtx.so", "libty.so" });
	same("@/bin/app", NULL);
}

static void
directories_of_the_processor_come_first(void **state)
{
	struct loader_rules rules;
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(loader_rules_read(&host, crafted_interpreter(), &rules), 0);
	LIBRARY("@/a/libtx.so");
	LIBRARY("@/a/glibc-hwcaps/no-such-processor/libtx.so");
	CRAFT(.path = "@/bin/app", .runpath = "@/a", .needed = { "libtx.so" });
	same("@/bin/app", "libtx.so => @/a/libtx.so");
	for (int i = 4; i >= 2; i--) {
		snprintf(path, sizeof(path), "@/a/glibc-hwcaps/x86-64-v%d/libtx.so", i);
		LIBRARY(path);
		same("@/bin/app", NULL);
	}
	assert_true(rules.n_hwcaps == 0 || strstr(ours, "glibc-hwcaps") != NULL);
}

static void
preloaded_libraries_come_first(void **state)
{
	(void)state;
	CRAFT(.path = "@/p/libp.so", .soname = "libtx.so", .needed = { "libq.so" });
	LIBRARY("@/a/libtx.so");
	LIBRARY("@/a/libty.so");
	LIBRARY("@/a/libq.so");
	CRAFT(.path = "@/bin/app", .rpath = "@/a", .needed = { "libtx.so", "libty.so" });
	variable_set("LD_PRELOAD", "@/p/libp.so");
	same("@/bin/app", "libq.so => @/a/libq.so");
	assert_null(strstr(ours, "libtx.so"));
	variable_set("LD_PRELOAD", ":@/nonexistent.so libty.so :@/bin");
	same("@/bin/app", "libty.so => @/a/libty.so");
}

/* Those of this machine: by its cache, and where the linker looks without one. */
static void
libraries_of_the_machine_are_found(void **state)
{
	struct loader loader;
	char path[PATH_MAX];

	(void)state;
	CRAFT(.path = "@/bin/app", .needed = { "libc.so.6", "libm.so.6", "libnone.so.77" });
	same("@/bin/app", "libnone.so.77 => not found");
	assert_non_null(strstr(ours, "libc.so.6 => /"));
	CRAFT(.path = "@/bin/app", .flags_1 = DF_1_NODEFLIB, .needed = { "libm.so.6" });
	same("@/bin/app", NULL);
	assert_int_equal(loader_open(&host, NULL, &loader), 0);
	assert_int_equal(loader_search(&loader, "libc.so.6", path), 0);
	loader_cache_close(&loader.cache);
	assert_int_equal(loader_search(&loader, "libc.so.6", path), 0);
	assert_int_equal(loader_search(&loader, "libnone.so.77", path), -ENOENT);
	loader_close(&loader);
}

/* And real programs: this one, and one with a hundred libraries if it is there. */
static void
real_programs_are_read_as_the_linker_does(void **state)
{
	static const char *const programs[] = { "/bin/ls", "/usr/bin/dpdk-testpmd",
						"/usr/bin/python3", "/usr/bin/gdb" };
	char path[PATH_MAX];

	(void)state;
	assert_non_null(realpath("/proc/self/exe", path));
	same(path, NULL);
	assert_non_null(strstr(ours, "libc.so.6 => /"));
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (access(programs[i], X_OK) == 0)
			same(programs[i], NULL);
}

static int
case_begin(void **state)
{
	(void)state;
	fake_sysfs_reset();
	variable_set("LD_LIBRARY_PATH", NULL);
	variable_set("LD_PRELOAD", NULL);
	return 0;
}

static int
case_end(void **state)
{
	return case_begin(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, case_begin, case_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(runpath_comes_behind_the_environment),
		TEST(rpath_is_ignored_beside_a_runpath),
		TEST(rpath_reaches_what_is_needed_further_on),
		TEST(origin_is_that_of_the_file_that_has_it),
		TEST(link_to_a_program_is_not_its_origin),
		TEST(lib_and_platform_are_those_of_the_linker),
		TEST(empty_element_is_the_working_directory),
		TEST(other_class_and_machine_are_passed_over),
		TEST(broken_library_ends_the_search),
		TEST(library_that_is_cut_off_is_broken),
		TEST(circle_ends_the_list),
		TEST(libraries_are_loaded_once),
		TEST(directories_of_the_processor_come_first),
		TEST(preloaded_libraries_come_first),
		TEST(libraries_of_the_machine_are_found),
		TEST(real_programs_are_read_as_the_linker_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
