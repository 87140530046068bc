/* SPDX-License-Identifier: BSD-3-Clause */

/* The environment that `run` makes. */

#include <stdlib.h>
#include <string.h>

#include "asserts.h"
#include "preload.h"

#define EAL "/x/librte_bus_vfio_cdev.so.1"
#define LIBC "/x/libvfio_cdev_compat.so.1"

static void
assert_list(const char *library, const char *before, const char *wanted)
{
	char *list = preload_list(library, before);

	assert_non_null(list);
	assert_string_equal(list, wanted);
	free(list);
}

static void
library_comes_first(void **state)
{
	(void)state;
	assert_list(EAL, "", EAL);
	assert_list(EAL, "/lib/a.so", EAL ":/lib/a.so");
	assert_list(LIBC, ":a.so  b.so:", LIBC ":a.so:b.so");
}

static void
process_gets_one_front(void **state)
{
	(void)state;
	assert_list(LIBC, EAL, LIBC);
	assert_list(EAL, "librte_bus_vfio_cdev.so", EAL);
	assert_list(EAL, "a.so:/y/libvfio_cdev_compat.so.1 b.so", EAL ":a.so:b.so");
	assert_list(LIBC, "/y/libvfio_cdev_compat.so.1:" EAL ":a.so", LIBC ":a.so");
	/* What only looks like it. */
	assert_list(LIBC, "/librte_bus_vfio_cdev.so/a.so", LIBC ":/librte_bus_vfio_cdev.so/a.so");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(library_comes_first),
		cmocka_unit_test(process_gets_one_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
