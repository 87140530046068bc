/* SPDX-License-Identifier: BSD-3-Clause */

/* Tables: aligned, within their width, and safe to show. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asserts.h"
#include "fake_heap.h"
#include "table.h"
#include "term.h"

#define LONG "0123456789012345678901234567890123456789012345678901234567890123456789"

static const struct table_column columns[] = {
	{ "ADDRESS", false },
	{ "NAME", true },
	{ "OPENED BY", false },
};

static char *text;

static int
text_end(void **state)
{
	(void)state;
	free(text);
	text = NULL;
	return 0;
}

/* The text of a table with these rows of three. */
static char *
rendered(const char *const (*rows)[3], unsigned int n_rows, bool colours)
{
	struct table table = { .columns = columns, .n_columns = 3 };
	size_t size;
	FILE *out;

	text_end(NULL);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	for (unsigned int i = 0; i < n_rows; i++)
		assert_int_equal(table_add(&table, rows[i], i % 2 == 1), 0);
	table_print(&table, out, colours);
	table_free(&table);
	assert_int_equal(fclose(out), 0);
	return text;
}

static size_t
widest(const char *lines)
{
	size_t most = 0, len;

	for (; *lines != '\0'; lines += len + (lines[len] == '\n')) {
		len = strcspn(lines, "\n");
		most = len > most ? len : most;
	}
	return most;
}

static void
columns_are_aligned(void **state)
{
	static const char *const rows[][3] = {
		{ "0000:00:03.0", "NIC", "-" },
		{ "x", "A longer name", "12 testpmd" },
	};

	(void)state;
	assert_string_equal(rendered(rows, 2, false),
			    "ADDRESS       NAME           OPENED BY\n"
			    "0000:00:03.0  NIC            -\n"
			    "x             A longer name  12 testpmd\n");
}

static void
long_names_are_cut_first(void **state)
{
	static const char *const rows[][3] = { { "0000:00:03.0", LONG LONG, "12 testpmd" } };

	(void)state;
	assert_int_equal(widest(rendered(rows, 1, false)), TABLE_WIDTH);
	assert_non_null(strstr(text, "0000:00:03.0  " LONG "012~  12 testpmd\n"));
}

static void
whatever_is_too_long_is_cut(void **state)
{
	static const char *const rows[][3] = { { LONG, LONG, LONG LONG } };

	(void)state;
	assert_int_equal(widest(rendered(rows, 1, false)), TABLE_WIDTH);
	assert_non_null(strstr(text, "  012~  01234"));
	assert_true(strlen(text) < 2 * TABLE_WIDTH + 2);
}

static void
an_exact_fit_is_not_cut(void **state)
{
	static const char *const rows[][3] = { { "0000:00:03.0", LONG, "1234 dpdk-test" } };

	(void)state;
	assert_int_equal(widest(rendered(rows, 1, false)), TABLE_WIDTH);
	assert_null(strchr(text, '~'));
}

static void
control_characters_are_not_shown(void **state)
{
	static const char *const rows[][3] = {
		{ "a\033[2Jb", "two\nlines\tand\177", "\xc3\xa4 \x9b" },
	};

	(void)state;
	assert_non_null(strstr(rendered(rows, 1, false), "a?[2Jb   two?lines?and?  ?? ?\n"));
}

static void
colours_are_not_counted(void **state)
{
	static const char *const rows[][3] = { { "one", "two", "three" }, { "1", "2", "3" } };

	(void)state;
	assert_string_equal(rendered(rows, 2, true),
			    TERM_BOLD "ADDRESS  NAME  OPENED BY" TERM_PLAIN "\n"
				      "one      two   three\n" TERM_DIM
				      "1        2     3" TERM_PLAIN "\n");
}

static void
memory_shortage_is_an_error(void **state)
{
	static const char *const row[3] = { "one", "two", "three" };
	struct table table = { .columns = columns, .n_columns = 3 };

	(void)state;
	fake_heap_fail(FAKE_HEAP_REALLOC);
	assert_int_equal(table_add(&table, row, false), -ENOMEM);
	assert_int_equal(table.n_rows, 0);
	table_free(&table);
}

static void
files_have_no_colours(void **state)
{
	FILE *out = fopen("/dev/null", "we");

	(void)state;
	assert_non_null(out);
	setenv("TERM", "xterm", 1);
	unsetenv("NO_COLOR");
	assert_false(term_colours(out));
	fclose(out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(columns_are_aligned, text_end),
		cmocka_unit_test_teardown(long_names_are_cut_first, text_end),
		cmocka_unit_test_teardown(whatever_is_too_long_is_cut, text_end),
		cmocka_unit_test_teardown(an_exact_fit_is_not_cut, text_end),
		cmocka_unit_test_teardown(control_characters_are_not_shown, text_end),
		cmocka_unit_test_teardown(colours_are_not_counted, text_end),
		cmocka_unit_test(memory_shortage_is_an_error),
		cmocka_unit_test(files_have_no_colours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
