/* SPDX-License-Identifier: BSD-3-Clause */

/* Reading the files of a machine, whatever is in them. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "machine.h"

#define LONGEST 8192

static struct host host;

static int
host_start(void **state)
{
	(void)state;
	fake_sysfs_reset();
	return host_open(fake_sysfs_root(), &host);
}

static int
host_end(void **state)
{
	(void)state;
	host_close(&host);
	assert_null(host.ctx);
	return 0;
}

static void
line_is_the_first_one(void **state)
{
	char line[8];

	(void)state;
	fake_sysfs_write("one\ntwo\n", "f");
	assert_int_equal(host_line(&host, line, sizeof(line), "/%s", "f"), 3);
	assert_string_equal(line, "one");
	fake_sysfs_write("one", "f");
	assert_int_equal(host_line(&host, line, sizeof(line), "/f"), 3);
	fake_sysfs_write("", "f");
	assert_int_equal(host_line(&host, line, sizeof(line), "/f"), 0);
	assert_string_equal(line, "");
}

static void
line_is_clean(void **state)
{
	char line[32];

	(void)state;
	fake_sysfs_write("a\033[31m\tb\377\177c\r\n", "f");
	assert_int_equal(host_line(&host, line, sizeof(line), "/f"), 12);
	assert_string_equal(line, "a?[31m b??c?");
}

/* A part of a number would be another number. */
static void
line_that_is_too_long_is_none(void **state)
{
	char line[8] = "before";

	(void)state;
	fake_sysfs_write("1234567\n", "f");
	assert_int_equal(host_line(&host, line, sizeof(line), "/f"), 7);
	fake_sysfs_write("12345678\n", "f");
	assert_int_equal(host_line(&host, line, sizeof(line), "/f"), -EMSGSIZE);
	assert_string_equal(line, "");
}

static void
file_that_is_none_is_an_error(void **state)
{
	char line[8] = "before", path[PATH_MAX];

	(void)state;
	assert_int_equal(host_line(&host, line, sizeof(line), "/f"), -ENOENT);
	assert_string_equal(line, "");
	fake_sysfs_mkdir("d");
	assert_int_equal(host_line(&host, line, sizeof(line), "/d"), -EISDIR);
	assert_int_equal(host_find(&host, line, sizeof(line), "*", "/d"), -ENODATA);
	fake_sysfs_link("loop", "loop");
	assert_int_equal(host_line(&host, line, sizeof(line), "/loop"), -ELOOP);
	assert_int_equal(host_find(&host, line, sizeof(line), "*", "/loop"), -ELOOP);
	/* Opening a pipe would wait for a writer. */
	assert_int_equal(host_path(&host, path, "/pipe"), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(host_line(&host, line, sizeof(line), "/pipe"), 0);
	assert_int_equal(host_find(&host, line, sizeof(line), "x*", "/pipe"), -ENODATA);
}

static void
path_that_is_too_long_is_an_error(void **state)
{
	char path[PATH_MAX], name[PATH_MAX], line[8];
	struct dirent **names;
	struct stat st;

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(host_path(&host, path, "/%s", name), -ENAMETOOLONG);
	assert_int_equal(host_line(&host, line, sizeof(line), "/%s", name), -ENAMETOOLONG);
	assert_int_equal(host_find(&host, line, sizeof(line), "*", "/%s", name), -ENAMETOOLONG);
	assert_int_equal(host_link(&host, line, sizeof(line), "/%s", name), -ENAMETOOLONG);
	assert_int_equal(host_names(&host, &names, "/%s", name), -ENAMETOOLONG);
	assert_int_equal(host_stat(&host, &st, "/%s", name), -ENAMETOOLONG);
	assert_int_equal(host_access(&host, F_OK, "/%s", name), -ENAMETOOLONG);
}

static void
relative_path_knows_no_root(void **state)
{
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(host_path(&host, path, "%s", "a/b"), 0);
	assert_string_equal(path, "a/b");
}

static void
link_gives_the_last_name(void **state)
{
	char name[8];

	(void)state;
	fake_sysfs_link("../../drivers/e1000e", "driver");
	assert_int_equal(host_link(&host, name, sizeof(name), "/driver"), 6);
	assert_string_equal(name, "e1000e");
	fake_sysfs_link("much-too-long", "long");
	assert_int_equal(host_link(&host, name, sizeof(name), "/long"), -EMSGSIZE);
	assert_string_equal(name, "");
	fake_sysfs_link("x\033x", "bad");
	assert_int_equal(host_link(&host, name, sizeof(name), "/bad"), 3);
	assert_string_equal(name, "x?x");
	assert_int_equal(host_link(&host, name, sizeof(name), "/none"), -ENOENT);
}

static void
line_is_found_by_its_pattern(void **state)
{
	char line[64];

	(void)state;
	fake_sysfs_write("Name:\tx\nCapEff:\t00ff\nCapEff:\tother\n", "f");
	assert_int_equal(host_find(&host, line, sizeof(line), "CapEff:*", "/f"), 12);
	assert_string_equal(line, "CapEff: 00ff");
	assert_int_equal(host_find(&host, line, sizeof(line), "apEff:*", "/f"), -ENODATA);
	assert_string_equal(line, "");
}

/* What is in the middle of a line begins none, however long the line is. */
static void
middle_of_a_long_line_is_not_found(void **state)
{
	char text[LONGEST], line[16];

	(void)state;
	memset(text, 'x', sizeof(text));
	for (size_t at = 0; at + 6 < sizeof(text); at += 7)
		memcpy(text + at, "found", 5);
	memcpy(text, "long ", 5);
	memcpy(text + sizeof(text) - 8, "\nfinal\n", 8);
	fake_sysfs_write(text, "f");
	assert_int_equal(host_find(&host, line, sizeof(line), "found*", "/f"), -ENODATA);
	assert_int_equal(host_find(&host, line, sizeof(line), "final", "/f"), 5);
	assert_true(host_find(&host, line, sizeof(line), "long*", "/f") < (int)sizeof(line));
}

static void
line_is_found_in_a_compressed_file(void **state)
{
	char path[PATH_MAX], line[32];
	gzFile file;

	(void)state;
	assert_int_equal(host_path(&host, path, "/config.gz"), 0);
	file = gzopen(path, "w");
	assert_non_null(file);
	gzputs(file, "# CONFIG_A is not set\nCONFIG_B=m\n");
	assert_int_equal(gzclose(file), Z_OK);
	assert_int_equal(host_find(&host, line, sizeof(line), "CONFIG_B=[ym]", "/config.gz"), 10);
	assert_int_equal(truncate(path, 20), 0);
	assert_int_equal(host_find(&host, line, sizeof(line), "CONFIG_B=[ym]", "/config.gz"),
			 -ENODATA);
}

static void
names_are_sorted(void **state)
{
	struct dirent **names;

	(void)state;
	fake_sysfs_mkdir("d/0000:00:1c.0");
	fake_sysfs_mkdir("d/0000:00:02.0");
	fake_sysfs_mkdir("d/0000:00:10.0");
	fake_sysfs_mkdir("d/.hidden");
	assert_int_equal(host_names(&host, &names, "/d"), 3);
	assert_string_equal(names[0]->d_name, "0000:00:02.0");
	assert_string_equal(names[1]->d_name, "0000:00:10.0");
	assert_string_equal(names[2]->d_name, "0000:00:1c.0");
	host_names_free(names, 3);
	assert_int_equal(host_names(&host, &names, "/none"), -ENOENT);
	host_names_free(names, -ENOENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, host_start, host_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(line_is_the_first_one),
		TEST(line_is_clean),
		TEST(line_that_is_too_long_is_none),
		TEST(file_that_is_none_is_an_error),
		TEST(path_that_is_too_long_is_an_error),
		TEST(relative_path_knows_no_root),
		TEST(link_gives_the_last_name),
		TEST(line_is_found_by_its_pattern),
		TEST(middle_of_a_long_line_is_not_found),
		TEST(line_is_found_in_a_compressed_file),
		TEST(names_are_sorted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
