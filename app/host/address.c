/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
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

/* The next field of an address, up to its delimiter; NULL: it is none. */
static const char *
field_parse(const char *text, char delimiter, unsigned long most, unsigned long *value)
{
	size_t len = strspn(text, "0123456789abcdefABCDEF");

	if (len == 0 || len > 8 || text[len] != delimiter)
		return NULL;
	*value = strtoul(text, NULL, 16);
	return *value <= most ? text + len + 1 : NULL;
}

/* What the EAL takes for an address (lib/pci/rte_pci.c), as sysfs writes it: "0:3.0", "1A:0.0". */
static bool
pci_normalize(const char *text, char addr[RTE_VFIO_CDEV_ADDR_LEN])
{
	unsigned long domain = 0, bus, device, function;
	const char *rest = strchr(text, ':');

	rest = rest != NULL && strchr(rest + 1, ':') != NULL ?
		field_parse(text, ':', UINT32_MAX, &domain) :
		text;
	if (rest == NULL || (rest = field_parse(rest, ':', UINT8_MAX, &bus)) == NULL ||
	    (rest = field_parse(rest, '.', 31, &device)) == NULL ||
	    field_parse(rest, '\0', 7, &function) == NULL)
		return false;
	snprintf(addr, RTE_VFIO_CDEV_ADDR_LEN, "%04lx:%02lx:%02lx.%lx", domain, bus, device,
		 function);
	return true;
}

int
address_resolve(const struct host *host, const char *text, char addr[RTE_VFIO_CDEV_ADDR_LEN])
{
	int len = snprintf(addr, RTE_VFIO_CDEV_ADDR_LEN, "%s", text), ret;
	bool is_pci;

	if (len <= 0 || len >= RTE_VFIO_CDEV_ADDR_LEN || text[0] == '.' ||
	    strchr(text, '/') != NULL)
		return -EINVAL;
	is_pci = pci_normalize(text, addr);
	ret = device_exists(host, addr);
	if (ret == 1)
		return 0;
	if (!is_pci)
		return -EINVAL;
	return ret == 0 ? -ENODEV : ret;
}
