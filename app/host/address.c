/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "address.h"

#define BUSES "/sys/bus"
#define DEVICE BUSES "/%s/devices/%s"

/* 1, 0, or -errno if sysfs cannot be read. */
static int
device_exists(const struct host *host, const char *addr)
{
	struct dirent **buses;
	int count = host_names(host, &buses, BUSES);
	int exists = 0;

	if (count < 0)
		return count;
	for (int i = 0; i < count && exists == 0; i++)
		exists = host_access(host, F_OK, DEVICE, buses[i]->d_name, addr) == 0;
	host_names_free(buses, count);
	return exists;
}

/* The way lspci writes it: is the domain there? */
static bool
text_is_pci(const char *text, bool has_domain)
{
	static const char *const hex = "0123456789abcdef";
	size_t len = strspn(text, hex);

	if (has_domain && (len < 4 || len > 8 || text[len] != ':'))
		return false;
	text += has_domain ? len + 1 : 0;
	return strspn(text, hex) == 2 && text[2] == ':' && strspn(text + 3, hex) == 2 &&
		text[5] == '.' && text[6] >= '0' && text[6] <= '7' && text[7] == '\0';
}

int
address_resolve(const struct host *host, const char *text, char addr[RTE_VFIO_CDEV_ADDR_LEN])
{
	bool is_short = text_is_pci(text, false);
	int len, ret;

	len = snprintf(addr, RTE_VFIO_CDEV_ADDR_LEN, "%s%s", is_short ? "0000:" : "", text);
	if (len <= 0 || len >= RTE_VFIO_CDEV_ADDR_LEN || text[0] == '.' ||
	    strchr(text, '/') != NULL)
		return -EINVAL;
	ret = device_exists(host, addr);
	if (ret == 1)
		return 0;
	if (!text_is_pci(addr, true))
		return -EINVAL;
	return ret == 0 ? -ENODEV : ret;
}
