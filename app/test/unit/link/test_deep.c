/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A host of plug-ins, run with the C library front preloaded. The arguments are plug-ins: one
 * that is bound lazily, one that is bound at once and protected (RELRO), one with a read() of
 * its own, one that is linked with the third. The host has a RUNPATH.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asserts.h"
#include "deep_plugin.h"
#include "slots.h"

/* <fcntl.h> of the plug-in is that of large files. */
#define OPEN "open64"
#define OWN_READ_RESULT 7

static const char *lazy, *now, *own, *needing;

static void *
plugin_open(const char *path, int flags)
{
	void *handle = dlopen(path, flags | RTLD_LOCAL);

	if (handle == NULL)
		fail_msg("%s", dlerror());
	return handle;
}

static int
plugin_reads(void *handle, const char *path, char *text)
{
	__typeof__(deep_plugin_read) *function;

	*(void **)&function = dlsym(handle, "deep_plugin_read");
	assert_non_null(function);
	return function(path, text, 1);
}

/* May the page of an address be written? */
static bool
is_writable(const void *address)
{
	unsigned long start, end;
	char line[512], mode[8] = "";
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3 &&
		    (uintptr_t)address >= start && (uintptr_t)address < end)
			break;
	fclose(maps);
	return strchr(mode, 'w') != NULL;
}

/* The plug-in works, and its calls of a function go to a file. */
static void
assert_calls(void *handle, const char *function, const char *file)
{
	char text[2] = "";
	void **slot;

	assert_int_equal(plugin_reads(handle, "/proc/self/comm", text), 1);
	assert_string_equal(text, "t");
	assert_int_equal(plugin_reads(handle, "/dev/null", text), 0);
	assert_true(plugin_reads(handle, "/nowhere", text) < 0);
	slot = slot_of(map_of(handle), function);
	assert_non_null(slot);
	assert_string_equal(file_of(*slot), file);
}

static bool
is_off(void)
{
	return strcmp(getenv("RTE_VFIO_CDEV"), "off") == 0;
}

static void
calls_of_a_plugin_reach_the_front(void **state)
{
	static const int flags[] = { RTLD_NOW, RTLD_LAZY, RTLD_NOW | RTLD_DEEPBIND,
				     RTLD_LAZY | RTLD_DEEPBIND };
	const char *const plugins[] = { lazy, now };
	const char *file;
	void *handle;

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		handle = plugin_open(plugins[i % 2], flags[i / 2]);
		file = is_off() && (flags[i / 2] & RTLD_DEEPBIND) != 0 ? C_LIBRARY : FRONT;
		assert_calls(handle, OPEN, file);
		assert_calls(handle, "read", file);
		/* That it has no part in stays the C library's. */
		assert_calls(handle, "__errno_location", C_LIBRARY);
		assert_int_equal(dlclose(handle), 0);
	}
}

/* Before the first call, which would look it up. */
static void
call_that_is_bound_lazily_is_bound_in_time(void **state)
{
	void *handle = plugin_open(lazy, RTLD_LAZY | RTLD_DEEPBIND);

	(void)state;
	assert_string_equal(file_of(*slot_of(map_of(handle), OPEN)),
			    is_off() ? "libdeep_lazy.so" : FRONT);
	dlclose(handle);
}

static void
what_was_protected_is_protected_again(void **state)
{
	void *handle = plugin_open(now, RTLD_NOW | RTLD_DEEPBIND);
	void **slot = slot_of(map_of(handle), OPEN);

	(void)state;
	assert_non_null(slot);
	assert_false(is_writable(slot));
	dlclose(handle);
}

static void
function_of_the_plugins_own_stays(void **state)
{
	void *handle = plugin_open(own, RTLD_NOW | RTLD_DEEPBIND);
	char text[2] = "";
	void **slot = slot_of(map_of(handle), "read");

	(void)state;
	assert_int_equal(plugin_reads(handle, "/dev/null", text), OWN_READ_RESULT);
	assert_string_equal(text, "o");
	assert_true(slot == NULL || strstr(file_of(*slot), "deep_own") != NULL);
	slot = slot_of(map_of(handle), OPEN);
	assert_string_equal(file_of(*slot), is_off() ? C_LIBRARY : FRONT);
	dlclose(handle);
}

/* And what a library brings that it needs. */
static void
function_of_the_plugins_library_stays(void **state)
{
	void *handle = plugin_open(needing, RTLD_NOW | RTLD_DEEPBIND);
	char text[2] = "";

	(void)state;
	assert_int_equal(plugin_reads(handle, "/dev/null", text), OWN_READ_RESULT);
	assert_string_equal(file_of(*slot_of(map_of(handle), "read")), "libdeep_own.so");
	assert_string_equal(file_of(*slot_of(map_of(handle), OPEN)), is_off() ? C_LIBRARY : FRONT);
	dlclose(handle);
}

/* The program itself is no plug-in. */
static void
program_is_opened_as_ever(void **state)
{
	void *handle = dlopen(NULL, RTLD_NOW | RTLD_DEEPBIND);

	(void)state;
	assert_non_null(handle);
	dlclose(handle);
	assert_null(dlopen("/nowhere/at/all.so", RTLD_NOW | RTLD_DEEPBIND));
	assert_non_null(dlerror());
	assert_null(dlopen("/nowhere/at/all.so", RTLD_NOW));
	assert_non_null(dlerror());
}

/* glibc takes the RUNPATH of the object that the call returns to: that must be the host. */
static void
plugin_is_found_by_the_runpath_of_its_host(void **state)
{
	void *handle;

	(void)state;
#ifndef __OPTIMIZE__
	skip(); /* the front's call of dlopen() is no jump then */
#endif
	assert_null(strchr(BARE_NAME, '/'));
	handle = plugin_open(BARE_NAME, RTLD_NOW);
	assert_calls(handle, OPEN, FRONT);
	dlclose(handle);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call_that_is_bound_lazily_is_bound_in_time),
		cmocka_unit_test(calls_of_a_plugin_reach_the_front),
		cmocka_unit_test(what_was_protected_is_protected_again),
		cmocka_unit_test(function_of_the_plugins_own_stays),
		cmocka_unit_test(function_of_the_plugins_library_stays),
		cmocka_unit_test(program_is_opened_as_ever),
		cmocka_unit_test(plugin_is_found_by_the_runpath_of_its_host),
	};

	if (argc != 5)
		return 1;
	lazy = argv[1];
	now = argv[2];
	own = argv[3];
	needing = argv[4];
	return cmocka_run_group_tests_name("deep binding", tests, NULL, NULL);
}
