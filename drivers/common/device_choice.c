/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_choice.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct bdf {
	unsigned int domain, bus, device, function;
};

/* The next field of an address, up to its delimiter; NULL: it is none, or too large. */
static const char *
field_parse(const char *text, char delimiter, unsigned long most, unsigned int *value)
{
	const size_t len = strspn(text, "0123456789abcdefABCDEF");
	unsigned long number;

	if (len == 0 || len > 8 || text[len] != delimiter)
		return NULL;
	number = strtoul(text, NULL, 16);
	*value = (unsigned int)number;
	return number <= most ? text + len + 1 : NULL;
}

/* As in sysfs, or without the domain, as in an option: the fields that the EAL takes. */
static bool
bdf_parse(const char *text, struct bdf *bdf)
{
	const char *rest = strchr(text, ':');

	bdf->domain = 0;
	rest = rest != NULL && strchr(rest + 1, ':') != NULL ?
		field_parse(text, ':', UINT32_MAX, &bdf->domain) :
		text;
	return rest != NULL && (rest = field_parse(rest, ':', UINT8_MAX, &bdf->bus)) != NULL &&
		(rest = field_parse(rest, '.', 31, &bdf->device)) != NULL &&
		field_parse(rest, '\0', 7, &bdf->function) != NULL;
}

bool
device_is_same(const char *text, const char *addr)
{
	struct bdf left, right;

	if (bdf_parse(text, &left) && bdf_parse(addr, &right))
		return memcmp(&left, &right, sizeof(left)) == 0;
	return strcmp(text, addr) == 0;
}

bool
device_is_named(const char *names, const char *addr)
{
	char *copy = strdup(names), *rest = copy, *name;
	bool found = false;

	while (!found && (name = strsep(&rest, ",")) != NULL)
		found = device_is_same(name, addr);
	free(copy);
	return found;
}

void
device_full_name(const char *name, char addr[RTE_VFIO_CDEV_ADDR_LEN])
{
	struct bdf bdf;

	if (bdf_parse(name, &bdf))
		snprintf(addr, RTE_VFIO_CDEV_ADDR_LEN, "%04x:%02x:%02x.%x", bdf.domain, bdf.bus,
			 bdf.device, bdf.function);
	else
		snprintf(addr, RTE_VFIO_CDEV_ADDR_LEN, "%s", name);
}

int
device_attr_of(const struct rte_vfio_cdev_ctx *ctx, const char *bus, const char *addr,
	       const char *attr, char *text, size_t size)
{
	char dir[64];

	snprintf(dir, sizeof(dir), "bus/%s/devices", bus);
	return rte_vfio_cdev_attr(ctx, dir, addr, attr, text, size);
}

bool
device_has_vfs(const struct rte_vfio_cdev_ctx *ctx, const char *bus, const char *addr)
{
	char text[16] = "0";

	device_attr_of(ctx, bus, addr, "sriov_numvfs", text, sizeof(text));
	return strcmp(text, "0") != 0;
}

/*
 * Display, multimedia, bridge (not 0680, which raw/ntb drives), communication, input, serial
 * bus; and NVIDIA's and Microsoft's adapters, whose drivers work through the kernel's (mlx5,
 * mlx4, mana).
 */
bool
device_is_unlikely(const struct rte_vfio_cdev_ctx *ctx, const char *bus, const char *addr)
{
	static const char *const classes[] = { "0x03", "0x04", "0x060", "0x07", "0x09", "0x0c" };
	static const char *const vendors[] = { "0x15b3", "0x1414" };
	char class[16] = "", vendor[16] = "";
	bool found = false;

	device_attr_of(ctx, bus, addr, "class", class, sizeof(class));
	device_attr_of(ctx, bus, addr, "vendor", vendor, sizeof(vendor));
	for (size_t i = 0; i < COUNT(classes); i++)
		found |= strncmp(class, classes[i], strlen(classes[i])) == 0;
	for (size_t i = 0; i < COUNT(vendors); i++)
		found |= strcmp(vendor, vendors[i]) == 0;
	return found;
}
