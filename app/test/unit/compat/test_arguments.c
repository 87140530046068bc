/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices that the command line names. */

#include <string.h>

#include "arguments.h"
#include "prime.h"
#include "test_compat.h"

#define LINE(text) (text), sizeof(text)
#define LONG_LINE 20000

/* The arguments end with a zero byte each, and have the program's name before them. */
static const struct {
	const char *line;
	size_t size;
	bool any;
	bool first;  /* ADDR0 */
	bool second; /* ADDR1 */
} lines[] = {
	{ LINE("testpmd"), false, false, false },
	{ LINE("testpmd\0-a\0" ADDR0), true, true, false },
	{ LINE("testpmd\0-a\0"
	       "00:03.0"),
	  true, true, false },
	{ LINE("testpmd\0-a" ADDR0), true, true, false },
	{ LINE("testpmd\0-a\0" ADDR0 ",queues=2\0-a\0" ADDR1), true, true, true },
	{ LINE("testpmd\0--allow=" ADDR1), true, false, true },
	{ LINE("testpmd\0--allow=00:04.0,mac=00:11:22:33:44:55"), true, false, true },
	{ LINE("testpmd\0--allow\0"
	       "00:04.0"),
	  true, false, true },
	{ LINE("testpmd\0-w\0" ADDR1), true, false, true },
	{ LINE("vpp\0unix { nodaemon } dpdk { dev " ADDR0 " dev 00:04.0 }"), true, true, true },
	{ LINE("testpmd\0-b\0" ADDR0), false, false, false },
	{ LINE("testpmd\0-b" ADDR0), false, false, false },
	{ LINE("testpmd\0--block=" ADDR0), false, false, false },
	{ LINE("testpmd\0--block\0"
	       "00:03.0"),
	  false, false, false },
	{ LINE("testpmd\0-b\0" ADDR0 "\0-a\0" ADDR1), true, false, true },
	{ LINE("testpmd\0-b\0" ADDR0 "\0" ADDR0), true, true, false },
	{ LINE("testpmd\0-a\0"
	       "0000:af:1d.7"),
	  true, false, false },
	{ LINE("testpmd\0-a\0"
	       "0001:00:03.0"),
	  true, false, false },
	{ LINE("testpmd\0-a\0"
	       "00:03.1"),
	  true, false, false },
	/* Other text. */
	{ LINE("testpmd\0-l\0"
	       "0-3,8\0-m\0"
	       "1024\0--lcores=(0-7)@(1,2)"),
	  false, false, false },
	{ LINE("testpmd\0--mac\0"
	       "52:54:00:12:34:56"),
	  false, false, false },
	{ LINE("testpmd\0--vdev=net_tap0,remote=eth0\0--at=12:34:56.789"), false, false, false },
	{ LINE("testpmd\0--eth-peer=0,52:54:00:12:34:56\0::ffff:10.0.0.1\0eth0:10.1.2.3"), false,
	  false, false },
	{ LINE("testpmd\0::1\0fe80::1%eth0\0a.x:c.0\0:.\0"
	       "00:03.8\0"
	       "00:03."),
	  false, false, false },
	{ LINE(""), false, false, false },
};

static void
line_is_searched(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		machine.cmdline = lines[i].line;
		machine.cmdline_size = lines[i].size;
		if (arguments_name_any() != lines[i].any ||
		    arguments_name(ADDR0) != lines[i].first ||
		    arguments_name(ADDR1) != lines[i].second)
			fail_msg("line %zu, %s %s", i, lines[i].line,
				 lines[i].line + strlen(lines[i].line) + 1);
	}
	assert_int_equal(files_open(), 0);
}

/* As the kernel gives it: without an end, if the program has written over it. */
static void
line_without_an_end_is_searched_whole(void **state)
{
	(void)state;
	machine.cmdline = "a " ADDR0;
	machine.cmdline_size = strlen(machine.cmdline);
	assert_true(arguments_name(ADDR0));
	machine.cmdline_size--;
	assert_false(arguments_name_any());
	machine.cmdline_size = 0;
	assert_false(arguments_name_any());
}

static void
long_line_is_cut_off(void **state)
{
	static char line[LONG_LINE];

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line + 16000, "\0-a\0" ADDR0, 17);
	memcpy(line + 17000, "\0-a\0" ADDR1, 17);
	machine.cmdline = line;
	machine.cmdline_size = sizeof(line);
	assert_true(arguments_name(ADDR0));
	assert_false(arguments_name(ADDR1));
}

/* The other device may be another program's. */
static void
device_that_is_named_primes(void **state)
{
	static const char line[] = "testpmd\0-a\0"
				   "00:04.0";

	(void)state;
	machine.cmdline = line;
	machine.cmdline_size = sizeof(line);
	assert_true(prime_domain());
	assert_logged(INFO, ADDR1, "for a moment");
	assert_int_equal(fake_calls(FAKE_BIND), 1);
}

static void
device_that_is_not_named_does_not_prime(void **state)
{
	static const char line[] = "testpmd\0--allow=0000:00:09.0";

	(void)state;
	machine.cmdline = line;
	machine.cmdline_size = sizeof(line);
	assert_false(prime_domain());
	assert_int_equal(fake_calls(FAKE_BIND), 0);
}

static void
device_that_is_blocked_leaves_the_choice(void **state)
{
	static const char line[] = "testpmd\0-b\0"
				   "00:09.0";

	(void)state;
	machine.cmdline = line;
	machine.cmdline_size = sizeof(line);
	assert_true(prime_domain());
	assert_logged(INFO, ADDR0, "for a moment");
}

int
compat_arguments_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(line_is_searched),
		COMPAT_TEST(line_without_an_end_is_searched_whole),
		COMPAT_TEST(long_line_is_cut_off),
		COMPAT_TEST(device_that_is_named_primes),
		COMPAT_TEST(device_that_is_not_named_does_not_prime),
		COMPAT_TEST(device_that_is_blocked_leaves_the_choice),
	};

	return COMPAT_RUN("compat: arguments", tests);
}
