/* SPDX-License-Identifier: BSD-3-Clause */

/* Each device as sysfs, the list of PCI IDs and /proc have it. */

#include <errno.h>
#include <limits.h>
#include <pciaccess.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "facts.h"
#include "inventory.h"

#define BUSES "/sys/bus"
#define DEVICE BUSES "/%s/devices/%s"

/* Base class and subclass of a PCI-to-PCI bridge, which VFIO does not take. */
#define CLASS_BRIDGE 0x0604

struct reader {
	const struct host *host;
	bool all;
	struct inventory *inventory;
};

const char *
inventory_mode_name(enum inventory_mode mode)
{
	switch (mode) {
	case INVENTORY_UIO:
		return "UIO";
	case INVENTORY_GROUP_ONLY:
		return "group only";
	case INVENTORY_NONE:
		return "none";
	default:
		return rte_vfio_cdev_mode_name((enum rte_vfio_cdev_mode)mode);
	}
}

/* A number that an attribute holds, or -1. */
static int
number_read(const struct host *host, int base, const char *bus, const char *addr,
	    const char *attribute)
{
	long value = host_number(host, base, DEVICE "/%s", bus, addr, attribute);

	return value <= INT_MAX ? value : -1;
}

static void
name_copy(char name[INVENTORY_NAME_LEN], const char *text)
{
	snprintf(name, INVENTORY_NAME_LEN, "%s", text != NULL ? text : "");
	rte_vfio_cdev_text_clean(name);
}

static void
id_read(const struct host *host, const char *addr, struct inventory_device *device)
{
	int vendor = number_read(host, 16, device->bus, addr, "vendor");
	int id = number_read(host, 16, device->bus, addr, "device");
	const char *vendor_name = NULL, *device_name = NULL;
	struct pci_id_match match = {
		.subvendor_id = PCI_MATCH_ANY,
		.subdevice_id = PCI_MATCH_ANY,
	};

	if (vendor < 0 || vendor > UINT16_MAX || id < 0 || id > UINT16_MAX)
		return;
	device->has_id = true;
	device->vendor = match.vendor_id = vendor;
	device->device = match.device_id = id;
	if (strcmp(device->bus, "pci") != 0)
		return; /* vendors of other buses number their devices anew */
	pci_get_strings(&match, &device_name, &vendor_name, NULL, NULL);
	name_copy(device->vendor_name, vendor_name);
	name_copy(device->device_name, device_name);
}

static int
group_read(const struct host *host, const char *bus, const char *addr)
{
	char name[16], *end;
	long group;

	if (host_link(host, name, sizeof(name), DEVICE "/iommu_group", bus, addr) <= 0)
		return -1;
	errno = 0;
	group = strtol(name, &end, 10);
	return errno == 0 && *end == '\0' && group >= 0 && group <= INT_MAX ? group : -1;
}

/* Kernels before 6.6 have groups, and no vfio-dev. */
static bool
group_has_node(const struct host *host, const struct inventory_device *device)
{
	char line[16];

	return device->iommu_group >= 0 && strstr(device->driver, "vfio") != NULL &&
		(host_line(host, line, sizeof(line), "/sys/class/vfio/%d/dev",
			   device->iommu_group) > 0 ||
		 host_line(host, line, sizeof(line), "/sys/class/vfio/noiommu-%d/dev",
			   device->iommu_group) > 0);
}

/* Names of any length are on other buses: one that the library does not take is none of VFIO. */
static int
base_find(const struct host *host, const char *bus, const char *addr,
	  struct rte_vfio_cdev_info *info)
{
	char base[PATH_MAX];
	int ret = host_path(host, base, BUSES "/%s/devices", bus);

	if (ret == 0)
		ret = rte_vfio_cdev_find(host->ctx, base, addr, info);
	return ret == -EINVAL && !host_has(host, DEVICE "/vfio-dev", bus, addr) ? -ENODEV : ret;
}

static void
mode_set(const struct host *host, int found, const struct rte_vfio_cdev_info *info,
	 struct inventory_device *device)
{
	device->mode = INVENTORY_UNKNOWN;
	if (found == 0)
		device->mode = (enum inventory_mode)info->mode;
	else if (found == -EOPNOTSUPP || (found == -ENODEV && group_has_node(host, device)))
		device->mode = INVENTORY_GROUP_ONLY;
	else if (found == -ENODEV)
		device->mode = driver_is_uio(device->driver) ? INVENTORY_UIO : INVENTORY_NONE;
	else
		device->err = found;
	if (found != 0)
		return;
	memcpy(device->cdev, info->name, sizeof(device->cdev));
	device->major = info->major;
	device->minor = info->minor;
}

/* Of a node whose number is in a file; that of a group of an old kernel, or of UIO. */
static int
numbered_openers(const struct host *host, const char *path, struct inventory_openers *openers)
{
	struct rte_vfio_cdev_info info;
	char line[32];

	if (host_line(host, line, sizeof(line), "%s", path) < 0 ||
	    sscanf(line, "%u:%u", &info.major, &info.minor) != 2)
		return -1;
	return rte_vfio_cdev_openers(host->ctx, &info, openers->first, INVENTORY_OPENERS);
}

static int
group_openers(const struct host *host, struct inventory_device *device)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/vfio/noiommu-%d/dev", device->iommu_group);
	if (!host_has(host, "%s", path))
		snprintf(path, sizeof(path), "/sys/class/vfio/%d/dev", device->iommu_group);
	return numbered_openers(host, path, &device->of_group);
}

/* A device has one (drivers/uio/uio.c gives each registration a number). */
static int
uio_openers(const struct host *host, const char *bus, const char *addr,
	    struct inventory_device *device)
{
	int count, openers = -1;
	char path[PATH_MAX];
	struct dirent **names;

	count = host_names(host, &names, DEVICE "/uio", bus, addr);
	if (count > 0) {
		snprintf(path, sizeof(path), DEVICE "/uio/%s/dev", bus, addr, names[0]->d_name);
		openers = numbered_openers(host, path, &device->of_uio);
	}
	host_names_free(names, count);
	return openers;
}

/* Openers that cannot be read count as none. */
static void
openers_read(const struct host *host, int found, const struct rte_vfio_cdev_info *info,
	     const char *bus, const char *addr, struct inventory_device *device)
{
	int cdev = -1, group = -1, uio = -1;

	if (found == 0)
		cdev = rte_vfio_cdev_openers(host->ctx, info, device->of_cdev.first,
					     INVENTORY_OPENERS);
	if (found == 0)
		group = rte_vfio_cdev_group_openers(host->ctx, info, device->of_group.first,
						    INVENTORY_OPENERS);
	else if (device->mode == INVENTORY_GROUP_ONLY)
		group = group_openers(host, device);
	else if (device->mode == INVENTORY_UIO)
		uio = uio_openers(host, bus, addr, device);
	device->of_cdev.count = cdev > 0 ? cdev : 0;
	device->of_group.count = group > 0 ? group : 0;
	device->of_uio.count = uio > 0 ? uio : 0;
}

/* Might a VFIO driver be bound to it? */
static bool
device_can(const struct host *host, const char *bus, const char *addr)
{
	if (strcmp(bus, "pci") == 0)
		return number_read(host, 16, bus, addr, "class") >> 8 != CLASS_BRIDGE;
	return strcmp(bus, "fsl-mc") == 0 || strcmp(bus, "cdx") == 0;
}

static int
device_read(const struct reader *reader, const char *bus, const char *addr)
{
	struct inventory *inventory = reader->inventory;
	struct inventory_device device = { .has_id = false };
	const struct host *host = reader->host;
	struct inventory_device *devices;
	struct rte_vfio_cdev_info info;
	int found;

	host_link(host, device.driver, sizeof(device.driver), DEVICE "/driver", bus, addr);
	device.iommu_group = group_read(host, bus, addr);
	found = base_find(host, bus, addr, &info);
	mode_set(host, found, &info, &device);
	if (device.mode == INVENTORY_NONE && !(reader->all && device_can(host, bus, addr)))
		return 0;
	snprintf(device.bus, sizeof(device.bus), "%.*s", (int)sizeof(device.bus) - 1, bus);
	snprintf(device.addr, sizeof(device.addr), "%.*s", (int)sizeof(device.addr) - 1, addr);
	rte_vfio_cdev_text_clean(device.bus);
	rte_vfio_cdev_text_clean(device.addr);
	device.numa_node = number_read(host, 10, bus, addr, "numa_node");
	if (strcmp(bus, "pci") == 0 || strcmp(bus, "cdx") == 0)
		id_read(host, addr, &device);
	openers_read(host, found, &info, bus, addr, &device);
	devices = realloc(inventory->devices, (inventory->count + 1) * sizeof(device));
	if (devices == NULL)
		return -ENOMEM;
	devices[inventory->count++] = device;
	inventory->devices = devices;
	return 0;
}

/* One that cannot be listed has no devices: it may just have gone. */
static int
bus_read(const struct reader *reader, const char *bus)
{
	struct dirent **names;
	int count = host_names(reader->host, &names, BUSES "/%s/devices", bus);
	int ret = count == -ENOMEM ? count : 0;

	if (count < 0)
		return ret;
	for (int i = 0; i < count && ret == 0; i++)
		ret = device_read(reader, bus, names[i]->d_name);
	host_names_free(names, count);
	return ret;
}

int
inventory_read(const struct host *host, bool all, struct inventory *inventory)
{
	const struct reader reader = { .host = host, .all = all, .inventory = inventory };
	struct dirent **buses;
	int count, ret = 0;

	*inventory = (struct inventory){ .count = 0 };
	count = host_names(host, &buses, BUSES);
	if (count < 0)
		return count;
	for (int i = 0; i < count && ret == 0; i++)
		ret = bus_read(&reader, buses[i]->d_name);
	host_names_free(buses, count);
	if (ret < 0)
		inventory_free(inventory);
	return ret;
}

void
inventory_free(struct inventory *inventory)
{
	free(inventory->devices);
	*inventory = (struct inventory){ .count = 0 };
}
