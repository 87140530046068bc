/* SPDX-License-Identifier: BSD-3-Clause */

/* What is shown of a process that has a device open: its front, and what it has pinned. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asserts.h"
#include "cmd.h"
#include "fake_sysfs.h"
#include "opener.h"

#define ADDR "0000:00:03.0"
#define LINE "7f0000000000-7f0000001000 r-xp 00000000 fe:01 12 "
#define EAL_MAPS LINE "/lib/libc.so.6\n" LINE "/usr/lib/x/librte_bus_vfio_cdev.so.1\n"
#define LIBC_MAPS LINE "/x y/libvfio_cdev_compat.so.1 (deleted)\n" LINE "/lib/libc.so.6\n"

static struct host host;

static int
host_begin(void **state)
{
	(void)state;
	fake_sysfs_reset();
	fake_sysfs_write("1:3\n", "sys/bus/pci/devices/" ADDR "/uio/uio0/dev");
	fake_sysfs_link("drivers/igb_uio", "sys/bus/pci/devices/" ADDR "/driver");
	fake_sysfs_write("vpp_main\n", "proc/41/comm");
	fake_sysfs_link("/dev/null", "proc/41/fd/7");
	return host_open(fake_sysfs_root(), &host);
}

static int
host_end(void **state)
{
	(void)state;
	host_close(&host);
	return 0;
}

static void
front_is_the_library_that_is_mapped(void **state)
{
	(void)state;
	assert_int_equal(opener_front(&host, 41), FRONT_AUTO);
	fake_sysfs_write(EAL_MAPS, "proc/41/maps");
	assert_int_equal(opener_front(&host, 41), FRONT_EAL);
	fake_sysfs_write(LIBC_MAPS, "proc/41/maps");
	assert_int_equal(opener_front(&host, 41), FRONT_LIBC);
	/* No file of that name. */
	fake_sysfs_write(LINE "[heap]\n" LINE "/libvfio_cdev_compat.so/x\nrubbish", "proc/41/maps");
	assert_int_equal(opener_front(&host, 41), FRONT_AUTO);
}

static void
pinned_memory_is_what_the_kernel_counts(void **state)
{
	(void)state;
	assert_int_equal(opener_pinned(&host, 41), -1);
	fake_sysfs_write("Name:\tvpp_main\nVmLck:\t 7 kB\nVmPin:\t   2048 kB\n", "proc/41/status");
	assert_int_equal(opener_pinned(&host, 41), 2048);
	fake_sysfs_write("VmPin:\trubbish\n", "proc/41/status");
	assert_int_equal(opener_pinned(&host, 41), -1);
}

static void
assert_listed(bool json, const char *wanted)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(list_devices(&host, false, json, out), 0);
	fclose(out);
	if (strstr(text, wanted) == NULL)
		fail_msg("no %s in %s", wanted, text);
	free(text);
}

static void
list_shows_the_front(void **state)
{
	(void)state;
	assert_listed(false, "41 vpp_main\n");
	assert_listed(true, "\"front\": null");
	assert_listed(true, "\"pinned_kb\": null");
	fake_sysfs_write(LIBC_MAPS, "proc/41/maps");
	fake_sysfs_write("VmPin:\t2048 kB\n", "proc/41/status");
	assert_listed(false, "41 libc vpp_main\n");
	assert_listed(true, "\"front\": \"libc\"");
	assert_listed(true, "\"pinned_kb\": 2048");
	fake_sysfs_write(EAL_MAPS, "proc/41/maps");
	assert_listed(false, "41 eal vpp_main\n");
	assert_listed(true, "\"front\": \"eal\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, host_begin, host_end)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(front_is_the_library_that_is_mapped),
		TEST(pinned_memory_is_what_the_kernel_counts),
		TEST(list_shows_the_front),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
