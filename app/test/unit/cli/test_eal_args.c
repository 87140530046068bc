/* SPDX-License-Identifier: BSD-3-Clause */

/* What `run --check` makes of a program's options. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "asserts.h"
#include "cmd.h"
#include "crafted.h"
#include "eal_args.h"
#include "fake_heap.h"
#include "fake_sysfs.h"

static struct host host;
static struct eal_args args;

static int
machine_start(void **state)
{
	static const char *const addrs[] = { "0000:00:03.0", "0000:1a:00.1" };

	(void)state;
	fake_sysfs_reset();
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		fake_sysfs_write("0x020000\n", "sys/bus/pci/devices/%s/class", addrs[i]);
	fake_sysfs_write("0x060000\n", "sys/bus/pci/devices/0000:00:00.0/class");
	fake_sysfs_mkdir("sys/bus/fsl-mc/devices/dpni.1");
	args = (struct eal_args){ .devices = NULL };
	return host_open(fake_sysfs_root(), &host);
}

static int
machine_end(void **state)
{
	(void)state;
	eal_args_free(&args);
	host_close(&host);
	return 0;
}

/* Read up to ten words behind a name that no program has. */
static int
words_read(const char *const *words)
{
	char none[] = "none", *copy[12] = { none };

	for (size_t i = 0; i < 10 && words[i] != NULL; i++)
		copy[i + 1] = (char *)(uintptr_t)words[i];
	eal_args_free(&args);
	return eal_args_read(&host, copy, &args);
}

#define READ(...) words_read((const char *const[]){ __VA_ARGS__, NULL })

static void
assert_devices(const char *first, const char *second)
{
	const char *const names[] = { first, second };

	for (size_t i = 0; i < 2; i++)
		if (names[i] == NULL)
			assert_null(args.devices[i]);
		else
			assert_string_equal(args.devices[i], names[i]);
}

static void
allowed_devices_are_taken(void **state)
{
	static const char *const ways[] = {
		"-a0000:00:03.0", "-a00:03.0,x=1",
		"--allow=0:3.0",  "--allow=pci:0000:00:03.0",
		"-apci:00:03.0",  "-abus=pci,addr=00:03.0/class=eth",
		"-a=00:03.0",	  "--al=00:03.0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_int_equal(READ("-l", "0", ways[i]), 0);
		assert_devices("0000:00:03.0", NULL);
		assert_false(args.no_devices);
	}
	assert_int_equal(READ("-a", "0000:1A:00.1", "--allow", "00:03.0"), 0);
	assert_devices("0000:1a:00.1", "0000:00:03.0");
	assert_int_equal(READ("--", "-a", "00:03.0"), 0);
	assert_devices(NULL, NULL);
	assert_int_equal(READ("-a", "00:09.0"), CMD_TROUBLE);
	assert_int_equal(READ("-a", "pci:00:09.0"), CMD_TROUBLE);
}

static void
blocked_devices_are_left_out(void **state)
{
	static const char *const ways[] = {
		"-b00:03.0",
		"--block=0000:00:03.0",
		"-b=pci:00:03.0",
		"--bl=00:03.0",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		assert_int_equal(READ(ways[i]), 0);
		assert_devices(NULL, NULL);
		assert_false(args.no_devices);
		assert_string_equal(args.blocked[0], "0000:00:03.0");
		assert_null(args.blocked[1]);
	}
	assert_int_equal(READ("-b", "00:09.0", "-b", "net_ring0", "--block", "1A:00.1", "-b"), 0);
	assert_string_equal(args.blocked[0], "0000:00:09.0");
	assert_string_equal(args.blocked[1], "0000:1a:00.1");
	assert_null(args.blocked[2]);
}

/* Of each option that has one, in the next word or behind it. */
static void
value_is_no_option(void **state)
{
	static const char *const taking[] = {
		"-d",	  "-l",		  "-n",	      "--vdev",	    "--file-prefix",
		"--file", "--socket-mem", "--lcores", "--numa-mem", "--log-level",
	};
	static const char *const others[] = {
		"-v", "--in-memory", "--huge-unlink", "--syslog", "-dx", "--vdev=x", "--nu", "-R",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(taking) / sizeof(taking[0]); i++) {
		assert_int_equal(READ(taking[i], "--no-pci", taking[i], "-a00:03.0"), 0);
		assert_false(args.no_pci);
		assert_devices(NULL, NULL);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(READ(others[i], "--no-pci", others[i], "-a00:03.0"), 0);
		assert_true(args.no_pci);
		assert_devices("0000:00:03.0", NULL);
	}
	assert_int_equal(READ("-d", "--", "-a", "00:03.0"), 0);
	assert_devices("0000:00:03.0", NULL);
}

/* "--" is taskset's first: what it starts is a program. */
static void
program_may_start_another(void **state)
{
	char *words[] = { (char[]){ "/bin/taskset" },
			  (char[]){ "-c" },
			  (char[]){ "1" },
			  (char[]){ "--" },
			  (char[]){ "/bin/testpmd" },
			  (char[]){ "-a" },
			  (char[]){ "00:03.0" },
			  (char[]){ "--" },
			  (char[]){ "/bin/testpmd" },
			  (char[]){ "-a1a:00.1" },
			  NULL };

	(void)state;
	fake_sysfs_link(crafted_interpreter(), "%s", crafted_interpreter() + 1);
	crafted_write(&(const struct crafted){ .path = "@/bin/taskset" });
	crafted_write(&(const struct crafted){ .path = "@/bin/testpmd",
					       .needed = { "librte_eal.so.23" } });
	assert_int_equal(eal_args_read(&host, words, &args), 0);
	assert_devices("0000:00:03.0", NULL);
	/* One that has DPDK inside starts nothing. */
	eal_args_free(&args);
	crafted_write(&(const struct crafted){ .path = "@/bin/taskset",
					       .contents = { "PMD_INFO_STRING= " } });
	assert_int_equal(eal_args_read(&host, words, &args), 0);
	assert_devices(NULL, NULL);
	crafted_write(&(const struct crafted){ .path = "@/bin/taskset" });
	/* What is no program is the EAL's end. */
	eal_args_free(&args);
	strcpy(words[4], "/bin/no");
	assert_int_equal(eal_args_read(&host, words, &args), 0);
	assert_devices(NULL, NULL);
}

/* Virtual, or on a bus that the checks know nothing of; without an address. */
static void
other_devices_are_left_out(void **state)
{
	(void)state;
	assert_int_equal(READ("-a", "net_ring0", "-a", "fslmc:dpni.1", "-a", "dpni.1"), 0);
	assert_devices(NULL, NULL);
	assert_false(args.no_devices);
	assert_int_equal(READ("-a"), 0);
	assert_int_equal(READ("--allow"), 0);
	assert_int_equal(READ("--allowed=00:03.0"), 0);
	assert_devices(NULL, NULL);
}

/* The way of Open vSwitch, grout and others; "--no-pci" is for good. */
static void
program_may_allow_no_device(void **state)
{
	(void)state;
	assert_int_equal(READ("-a", "pci:0000:00:00.0"), 0);
	assert_devices(NULL, NULL);
	assert_true(args.no_devices);
	assert_false(args.no_pci);
	assert_int_equal(READ("-a", "00:00.0", "-a", "00:03.0"), 0);
	assert_devices("0000:00:03.0", NULL);
	assert_false(args.no_devices);
	assert_int_equal(READ("--no-pci"), 0);
	assert_true(args.no_pci);
	assert_false(args.no_huge);
	assert_int_equal(READ("--no-huge"), 0);
	assert_true(args.no_huge);
	assert_false(args.no_devices);
	assert_int_equal(READ("--no-hu", "--no-p"), 0);
	assert_true(args.no_huge && args.no_pci);
	assert_int_equal(READ("--no-h", "--no-", "--no-hugepages", "--no-pcie"), 0);
	assert_false(args.no_huge || args.no_pci);
	/* Since 26.07. */
	assert_int_equal(READ("--no-auto-probing"), 0);
	assert_true(args.no_devices);
	assert_int_equal(READ("-A", "-a", "00:03.0"), 0);
	assert_devices("0000:00:03.0", NULL);
	assert_false(args.no_devices);
}

static void
secondary_is_one_that_joins(void **state)
{
	(void)state;
	assert_int_equal(READ("--proc-type=secondary"), 0);
	assert_true(args.joins);
	assert_int_equal(READ("--proc-type", "auto"), 0);
	assert_true(args.joins);
	assert_int_equal(READ("--proc=SECONDARY"), 0);
	assert_true(args.joins);
	assert_int_equal(READ("--proc-type=primary"), 0);
	assert_false(args.joins);
	assert_int_equal(READ("--", "--proc-type=secondary"), 0);
	assert_false(args.joins);
	assert_int_equal(READ("--proc-type"), 0);
	assert_false(args.joins);
}

static void
no_memory_is_an_error(void **state)
{
	(void)state;
	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_int_equal(READ("-a", "00:03.0"), CMD_TROUBLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, machine_start, machine_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(allowed_devices_are_taken),   TEST(blocked_devices_are_left_out),
		TEST(value_is_no_option),	   TEST(program_may_start_another),
		TEST(other_devices_are_left_out),  TEST(program_may_allow_no_device),
		TEST(secondary_is_one_that_joins), TEST(no_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
