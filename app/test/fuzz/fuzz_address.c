/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Addresses as users and options give them: those of allow lists, of RTE_VFIO_CDEV_PRIME and of
 * the command line. Whatever is taken for a device's PCI address has the form of one, with the
 * same numbers: a strict reader here says which.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "device_choice.h"
#include "fake_sysfs.h"
#include "fuzz.h"

static struct host host;

static bool
hex_field(const char **text, char end, unsigned long most, unsigned long *value)
{
	const size_t len = strspn(*text, "0123456789abcdefABCDEF");

	if (len == 0 || len > 8 || (*text)[len] != end)
		return false;
	*value = 0;
	for (size_t i = 0; i < len && *value <= most; i++)
		*value = *value * 16 +
			(unsigned long)strtoul((char[]){ (*text)[i], '\0' }, NULL, 16);
	*text += len + 1;
	return *value <= most;
}

/* [DOMAIN:]BUS:DEVICE.FUNCTION in hexadecimal digits, and nothing else. */
static bool
strict_read(const char *text, unsigned long bdf[4])
{
	const char *first = strchr(text, ':');

	bdf[0] = 0;
	if (first != NULL && strchr(first + 1, ':') != NULL &&
	    !hex_field(&text, ':', UINT32_MAX, &bdf[0]))
		return false;
	return hex_field(&text, ':', 0xff, &bdf[1]) && hex_field(&text, '.', 0x1f, &bdf[2]) &&
		hex_field(&text, '\0', 7, &bdf[3]);
}

static void
name_check(const char *text, const char *other)
{
	unsigned long left[4], right[4];
	char full[RTE_VFIO_CDEV_ADDR_LEN];
	const bool is = strict_read(text, left);
	const bool same = strcmp(text, other) == 0 ||
		(is && strict_read(other, right) && memcmp(left, right, sizeof(left)) == 0);

	fuzz_require(device_is_same(text, text));
	fuzz_require(device_is_same(text, other) == same);
	fuzz_require(device_is_same(other, text) == same);
	device_full_name(text, full);
	fuzz_require(strlen(full) < sizeof(full));
	if (is) {
		fuzz_require(device_is_same(full, text));
		fuzz_require(strict_read(full, right) && memcmp(left, right, sizeof(left)) == 0);
	} else {
		fuzz_require(strncmp(full, text, sizeof(full) - 1) == 0);
	}
}

/* Only a device that is there is found, by one of its names. */
static void
resolve_check(const char *text)
{
	char addr[RTE_VFIO_CDEV_ADDR_LEN] = "";
	unsigned long left[4], right[4];
	const int ret = address_resolve(&host, text, addr);

	if (ret != 0)
		return;
	fuzz_require(strcmp(addr, "0000:00:03.0") == 0 || strcmp(addr, "12345678:1f:0a.7") == 0 ||
		     strcmp(addr, "dprc.1") == 0);
	fuzz_require(strcmp(addr, text) == 0 ||
		     (strict_read(text, left) && strict_read(addr, right) &&
		      memcmp(left, right, sizeof(left)) == 0));
}

static void
host_start(void)
{
	fake_sysfs_reset();
	fake_sysfs_mkdir("sys/bus/pci/devices/0000:00:03.0");
	fake_sysfs_mkdir("sys/bus/pci/devices/12345678:1f:0a.7");
	fake_sysfs_mkdir("sys/bus/fsl-mc/devices/dprc.1");
	fuzz_require(host_open(fake_sysfs_root(), &host) == 0);
}

/* A name on the first line, a list of names on the next. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = { data, data + size };
	char *text, *names, *copy, *rest, *name;
	bool found = false;

	fuzz_begin();
	if (host.root == NULL)
		host_start();
	text = fuzz_text(&bytes, '\n');
	names = fuzz_text(&bytes, '\n');
	fuzz_note("name \"%s\", names \"%s\"\n", text, names);
	name_check(text, "0000:00:03.0");
	resolve_check(text);
	copy = strdup(names);
	for (rest = copy; (name = strsep(&rest, ",")) != NULL;) {
		name_check(name, text);
		found = found || device_is_same(name, text);
	}
	fuzz_require(device_is_named(names, text) == found);
	free(copy);
	free(names);
	free(text);
	return 0;
}
