/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev --library: what can be preloaded, and what cannot. */

#include <dlfcn.h>
#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asserts.h"
#include "library.h"

static char copy[] = "/tmp/test-library-XXXXXX";
static char shared[PATH_MAX]; /* a library of this process */

static int
begin(void **state)
{
	Dl_info info;

	(void)state;
	assert_int_not_equal(dladdr((void *)(uintptr_t)json_loads, &info), 0);
	assert_non_null(realpath(info.dli_fname, shared));
	return mkdtemp(copy) != NULL ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	return rmdir(copy);
}

static void
assert_refused(const char *library, const char *text)
{
	struct result result = { 0 };
	char path[PATH_MAX];

	assert_int_equal(library_check(library, &result, path), VERDICT_ERROR);
	if (strstr(result.text, text) == NULL || strstr(result.text, library) != result.text)
		fail_msg("'%s' instead of '%s'", result.text, text);
}

/* The shared library with another byte at a place. */
static void
assert_copy_refused(size_t offset, char byte, const char *text)
{
	char path[PATH_MAX], *content = malloc(1 << 20);
	FILE *from = fopen(shared, "re"), *to;
	size_t size;

	assert_non_null(from);
	assert_non_null(content);
	size = fread(content, 1, 1 << 20, from);
	fclose(from);
	assert_true(size > sizeof(Elf64_Ehdr));
	content[offset] = byte;
	snprintf(path, sizeof(path), "%s/copy.so", copy);
	to = fopen(path, "we");
	assert_non_null(to);
	assert_int_equal(fwrite(content, 1, size, to), size);
	fclose(to);
	free(content);
	assert_refused(path, text);
	unlink(path);
}

static void
file_that_is_no_library_is_refused(void **state)
{
	(void)state;
	assert_refused("/etc/passwd", "not a 64-bit shared library");
	assert_refused("/proc/self/exe", "not a shared library");
	assert_refused("/tmp", "");
	assert_refused("/nonesuch", "No such file or directory");
}

static void
library_of_another_machine_is_refused(void **state)
{
	(void)state;
	assert_copy_refused(EI_CLASS, ELFCLASS32, "not a 64-bit shared library");
	assert_copy_refused(offsetof(Elf64_Ehdr, e_machine), EM_68K,
			    "a library for another kind of machine");
	assert_copy_refused(offsetof(Elf64_Ehdr, e_type), ET_REL, "not a shared library");
}

/* The dynamic linker would look elsewhere for it. */
static void
name_without_a_slash_is_refused(void **state)
{
	char here[PATH_MAX];

	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir("/etc"), 0);
	assert_refused("passwd", "without a slash");
	assert_int_equal(chdir(here), 0);
}

static void
path_becomes_absolute(void **state)
{
	char here[PATH_MAX], name[PATH_MAX], path[PATH_MAX];
	struct result result = { 0 };

	(void)state;
	assert_int_equal(library_check(shared, &result, path), VERDICT_PASS);
	assert_string_equal(path, shared);
	assert_non_null(getcwd(here, sizeof(here)));
	snprintf(name, sizeof(name), ".%s", strrchr(shared, '/'));
	*strrchr(shared, '/') = '\0';
	assert_int_equal(chdir(shared), 0);
	assert_int_equal(library_check(name, &result, path), VERDICT_PASS);
	assert_int_equal(chdir(here), 0);
	assert_int_equal(path[0], '/');
	assert_string_equal(strrchr(path, '/'), name + 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(file_that_is_no_library_is_refused),
		cmocka_unit_test(library_of_another_machine_is_refused),
		cmocka_unit_test(name_without_a_slash_is_refused),
		cmocka_unit_test(path_becomes_absolute),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
