/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The driver of a device, and how to bind it to VFIO; no command is given that would
 * take away what this machine uses.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"

#define PARAMETER "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode"

/* Is a device of a class part of this one? Its link has the whole path below /sys/devices. */
static bool
is_part(const struct host *host, const char *class, const char *name, const char *addr)
{
	char path[PATH_MAX], target[PATH_MAX], part[RTE_VFIO_CDEV_ADDR_LEN + 2];
	ssize_t len;

	if (host_path(host, path, "/sys/class/%s/%s", class, name) < 0)
		return false;
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return false;
	target[len] = '\0';
	snprintf(part, sizeof(part), "/%s/", addr);
	return strstr(target, part) != NULL;
}

static bool
file_has(const struct host *host, const char *pattern, const char *path)
{
	char line[8];

	return host_find(host, line, sizeof(line), pattern, "%s", path) >= 0;
}

/* A port of a bridge, a bond or a VLAN has no route itself. */
static bool
has_upper(const struct host *host, const char *name)
{
	struct dirent **names;
	int count = host_names(host, &names, "/sys/class/net/%s", name);
	bool found = false;

	for (int i = 0; i < count && !found; i++)
		found = strncmp(names[i]->d_name, "upper_", strlen("upper_")) == 0;
	host_names_free(names, count);
	return found;
}

/*
 * dpdk-devbind.py refuses an interface with a route (usertools/dpdk-devbind.py, bind_one()).
 * In ipv6_route the name is last; each interface has routes to fe80 and ff00, used or not.
 */
static const char *
interface_use(const struct host *host, const char *name)
{
	char pattern[3][300];

	snprintf(pattern[0], sizeof(pattern[0]), "%s *", name);
	snprintf(pattern[1], sizeof(pattern[1]), "[!f]* %s", name);
	snprintf(pattern[2], sizeof(pattern[2]), "f[!ef]* %s", name);
	if (strpbrk(name, "*?[\\") != NULL || file_has(host, pattern[0], "/proc/net/route") ||
	    file_has(host, pattern[1], "/proc/net/ipv6_route") ||
	    file_has(host, pattern[2], "/proc/net/ipv6_route"))
		return "has routes";
	return has_upper(host, name) ? "is part of another one" : NULL;
}

/* Mounted, a swap, or below a device mapper, a RAID or the like. */
static const char *
block_use(const struct host *host, const char *name)
{
	char pattern[2][300], number[32];
	struct dirent **names;
	int holders;

	holders = host_names(host, &names, "/sys/class/block/%s/holders", name);
	host_names_free(names, holders);
	if (holders > 0)
		return "has holders";
	snprintf(pattern[0], sizeof(pattern[0]), "/dev/%s *", name);
	if (file_has(host, pattern[0], "/proc/swaps"))
		return "is a swap";
	host_line(host, number, sizeof(number), "/sys/class/block/%s/dev", name);
	snprintf(pattern[1], sizeof(pattern[1]), "* %s *", number);
	return file_has(host, pattern[0], "/proc/mounts") ||
			(number[0] != '\0' && file_has(host, pattern[1], "/proc/self/mountinfo")) ?
		"is mounted" :
		NULL;
}

/*
 * With several paths the disk of an NVMe namespace ("nvme0n1") is a virtual device, and
 * what the controller has is a path to it ("nvme0c1n1": drivers/nvme/host/multipath.c).
 */
static bool
block_is_part(const struct host *host, const char *name, const char *addr)
{
	unsigned int subsystem, controller, disk, of, path_disk;
	struct dirent **names;
	bool found = is_part(host, "block", name, addr);
	int count;

	if (found || sscanf(name, "nvme%un%u", &subsystem, &disk) != 2)
		return found;
	count = host_names(host, &names, "/sys/class/block");
	for (int i = 0; i < count && !found; i++)
		found = sscanf(names[i]->d_name, "nvme%uc%un%u", &of, &controller, &path_disk) ==
				3 &&
			of == subsystem && path_disk == disk &&
			is_part(host, "block", names[i]->d_name, addr);
	host_names_free(names, count);
	return found;
}

static bool
dir_is_empty(const struct host *host, const char *dir, const char *part)
{
	struct dirent **names;
	int count = host_names(host, &names, "%s/%s/net", dir, part);

	host_names_free(names, count);
	return count == 0;
}

/*
 * Of an interface in another network namespace, as that of a container, there is only
 * the directory that it would be in (drivers/base/core.c: class_dir_create_and_add();
 * net/core/net-sysfs.c: net_class).
 */
static bool
interface_is_elsewhere(const struct host *host, const char *dir)
{
	bool found = dir_is_empty(host, dir, ".");
	struct dirent **names;
	int count = host_names(host, &names, "%s", dir);

	for (int i = 0; i < count && !found; i++)
		found = strncmp(names[i]->d_name, "virtio", strlen("virtio")) == 0 &&
			dir_is_empty(host, dir, names[i]->d_name);
	host_names_free(names, count);
	return found;
}

/* A program that has it over UIO, as DPDK has with igb_uio and uio_pci_generic. */
static void
uio_add(const struct host *host, const char *dir, struct text *uses)
{
	struct rte_vfio_cdev_opener opener;
	struct rte_vfio_cdev_info info;
	struct dirent **names;
	int count = host_names(host, &names, "%s/uio", dir);
	char number[32];

	for (int i = 0; i < count; i++)
		if (host_line(host, number, sizeof(number), "%s/uio/%s/dev", dir,
			      names[i]->d_name) > 0 &&
		    sscanf(number, "%u:%u", &info.major, &info.minor) == 2 &&
		    rte_vfio_cdev_openers(host->ctx, &info, &opener, 1) > 0)
			text_list(uses, "pid %d (%s) has %s open", opener.pid, opener.name,
				  names[i]->d_name);
	host_names_free(names, count);
}

static void
uses_find(const struct host *host, const struct check_device *device, struct text *uses)
{
	const char *addr = device->addr;
	struct dirent **names;
	const char *use;
	long functions;
	int count;

	count = host_names(host, &names, "/sys/class/net");
	for (int i = 0; i < count; i++)
		if (is_part(host, "net", names[i]->d_name, addr) &&
		    (use = interface_use(host, names[i]->d_name)) != NULL)
			text_list(uses, "interface %s %s", names[i]->d_name, use);
	host_names_free(names, count);
	count = host_names(host, &names, "/sys/class/block");
	for (int i = 0; i < count; i++)
		if (block_is_part(host, names[i]->d_name, addr) &&
		    (use = block_use(host, names[i]->d_name)) != NULL)
			text_list(uses, "disk %s %s", names[i]->d_name, use);
	host_names_free(names, count);
	if (interface_is_elsewhere(host, device->dir))
		text_list(uses, "its interface is in another network namespace");
	uio_add(host, device->dir, uses);
	functions = host_number(host, 10, "%s/sriov_numvfs", device->dir);
	if (functions > 0)
		text_list(uses, "it has %ld virtual functions", functions);
}

/*
 * How to bind it, as one command for a shell; a container's sysfs takes none. What may
 * fail comes before the driver is taken away.
 */
static void
bind_cure(const struct checkup *c, struct text *cure)
{
	const struct check_device *d = c->device;
	char value[8];

	host_line(c->host, value, sizeof(value), PARAMETER);
	if (host_access(c->host, W_OK, "%s/driver_override", d->dir) == -EROFS)
		text_add(cure, "on the host, for /sys is read-only here: ");
	if (!d->has_group && strcmp(value, "N") == 0)
		text_add(cure, "echo Y >" PARAMETER " && ");
	if (!host_has(c->host, "/sys/bus/%s/drivers/vfio-%s", d->bus, d->bus))
		text_add(cure, "modprobe vfio-%s && ", d->bus);
	text_add(cure, "echo vfio-%s >%s/driver_override && ", d->bus, d->dir);
	if (d->driver[0] != '\0')
		text_add(cure, "echo %s >%s/driver/unbind && ", d->addr, d->dir);
	text_add(cure, "echo %s >/sys/bus/%s/drivers_probe", d->addr, d->bus);
}

/*
 * Why no driver has the device. The write that binds it fails in two ways: "No such
 * device" if driver_override does not name the driver, "Invalid argument" if there is
 * no IOMMU and the parameter is off.
 */
static void
unbound_add(struct checkup *c, const char *cure)
{
	const struct check_device *d = c->device;
	char override[DRIVER_LEN], value[8];

	host_line(c->host, override, sizeof(override), "%s/driver_override", d->dir);
	host_line(c->host, value, sizeof(value), PARAMETER);
	if (!d->has_group && strcmp(value, "N") == 0)
		checkup_add(c, CHECK_FAIL, cure,
			    "no driver has it, and while enable_unsafe_noiommu_mode is off a "
			    "device without an IOMMU cannot be bound to vfio-pci (\"write error: "
			    "Invalid argument\")");
	else if (strstr(override, "vfio") == NULL)
		checkup_add(c, CHECK_FAIL, cure,
			    "no driver has it, and its driver_override does not name vfio-pci, "
			    "without which binding ends with \"write error: No such device\"");
	else
		checkup_add(c, CHECK_FAIL, cure,
			    "no driver has it, though driver_override names %s: see the kernel's "
			    "log (dmesg)",
			    override);
}

static void
bound_elsewhere_add(struct checkup *c, const char *cure)
{
	const struct check_device *d = c->device;
	struct text uses = { 0 };

	uses_find(c->host, d, &uses);
	if (uses.len > 0)
		checkup_add(c, CHECK_FAIL,
			    "choose another device, or end that use of it first: no command is "
			    "given that would cut it",
			    "it is bound to %s, not to vfio-%s, and this machine uses it: %s",
			    d->driver, d->bus, uses.buf);
	else
		checkup_add(c, CHECK_FAIL, cure,
			    "it is bound to %s, not to vfio-%s; the driver_override that the "
			    "cure sets stays, also when it is unbound, until it is emptied (echo "
			    ">%s/driver_override)",
			    d->driver, d->bus, d->dir);
}

/* Other programs go on using the interface, and DPDK would not find it on vfio-pci. */
static void
bifurcated_add(struct checkup *c)
{
	const char *driver = c->device->driver;
	struct text cure = { 0 };

	text_add(&cure, "leave it on %s, and install what DPDK needs for it (rdma-core)", driver);
	checkup_add(c, CHECK_WARN, cure.buf,
		    "it is bound to %s, through which DPDK's own driver works, without VFIO: "
		    "this library is not needed for it, and does not serve it",
		    driver);
}

void
check_device_driver(struct checkup *c)
{
	const struct check_device *d = c->device;
	struct text cure = { 0 };

	if (!d->exists) {
		checkup_add(c, CHECK_FAIL, "give an address as lspci -D shows it",
			    "there is no such PCI device, nor one of another bus that VFIO takes");
		return;
	}
	bind_cure(c, &cure);
	if (d->driver[0] == '\0')
		unbound_add(c, cure.buf);
	else if (d->is_bifurcated)
		bifurcated_add(c);
	else if (strstr(d->driver, "vfio") == NULL)
		bound_elsewhere_add(c, cure.buf);
	else
		checkup_add(c, CHECK_PASS, NULL, "it is bound to %s", d->driver);
}
