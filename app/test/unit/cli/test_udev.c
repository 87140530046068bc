/* SPDX-License-Identifier: BSD-3-Clause */

/* The rule for udev. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asserts.h"
#include "cmd.h"
#include "fake_sysfs.h"

static struct host host;
static char *text;

static int
host_begin(void **state)
{
	(void)state;
	fake_sysfs_reset();
	fake_sysfs_write("root:x:0:\nvfio:x:999:\n", "etc/group");
	return host_open(fake_sysfs_root(), &host);
}

static int
host_end(void **state)
{
	(void)state;
	host_close(&host);
	free(text);
	text = NULL;
	return 0;
}

static const char *
printed(const char *group, int status)
{
	size_t size;
	FILE *out;

	free(text);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(udev_print(&host, group, out), status);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void
both_nodes_are_the_group_s(void **state)
{
	(void)state;
	assert_non_null(strstr(printed("vfio", 0),
			       "\nSUBSYSTEM==\"vfio-dev\", GROUP=\"vfio\", MODE=\"0660\"\n"
			       "SUBSYSTEM==\"misc\", KERNEL==\"iommu\", GROUP=\"vfio\", "
			       "MODE=\"0660\"\n"));
	assert_non_null(strstr(printed("1000", 0), "GROUP=\"1000\""));
	/* Which may come to be later. */
	assert_non_null(strstr(printed("dpdk-users_1.x", 0), "GROUP=\"dpdk-users_1.x\""));
}

static void
name_that_is_none_is_refused(void **state)
{
	static const char *const names[] = {
		"",   "a b", "a\"b", "a\nb",  "$a",   "*",
		"-a", "1a",  ".a",   "/root", "a\\b", "abcdefghijklmnopqrstuvwxyz0123456",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_string_equal(printed(names[i], CMD_TROUBLE), "");
}

#define UDEV_TEST(name) cmocka_unit_test_setup_teardown(name, host_begin, host_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		UDEV_TEST(both_nodes_are_the_group_s),
		UDEV_TEST(name_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
