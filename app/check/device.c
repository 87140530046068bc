/* SPDX-License-Identifier: BSD-3-Clause */

/* A device: its driver, its cdev, the cdev's node, its group, its NUMA node. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <numa.h>

#include "check_private.h"

#define DEVICES "/sys/bus/pci/devices"
#define DRIVERS "/sys/bus/pci/drivers"
#define NAMED 3	     /* openers, or devices of a group */
#define MOST_DEPTH 3 /* of directories below /dev/vfio */

void
check_devices(struct checkup *c)
{
	if (c->count > 0)
		checkup_add(c, CHECK_PASS, NULL, "%d %s looked at", c->count,
			    c->count > 1 ? "devices are" : "device is");
	else
		checkup_add(c, CHECK_FAIL,
			    "dpdk-devbind.py --bind=vfio-pci DEVICE, or give the "
			    "addresses of those that are meant",
			    "no device is bound to vfio-pci");
}

/* How to bind it, as one command for a shell; a container's sysfs takes none. */
static void
bind_cure(const struct checkup *c, struct text *cure)
{
	const struct check_device *d = c->device;

	if (host_access(c->host, W_OK, DEVICES "/%s/driver_override", d->addr) == -EROFS)
		text_add(cure, "on the host, for /sys is read-only here: ");
	if (!host_has(c->host, DRIVERS "/vfio-pci"))
		text_add(cure, "modprobe vfio-pci; ");
	if (d->driver[0] != '\0')
		text_add(cure, "echo %s >" DEVICES "/%s/driver/unbind; ", d->addr, d->addr);
	text_add(cure,
		 "echo vfio-pci >" DEVICES "/%s/driver_override; "
		 "echo %s >/sys/bus/pci/drivers_probe",
		 d->addr, d->addr);
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

	host_line(c->host, override, sizeof(override), DEVICES "/%s/driver_override", d->addr);
	host_line(c->host, value, sizeof(value),
		  "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
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

void
check_device_driver(struct checkup *c)
{
	const struct check_device *d = c->device;
	struct text cure = { 0 };
	char value[8];

	if (!d->exists) {
		checkup_add(c, CHECK_FAIL, "give an address as lspci -D shows it",
			    "there is no such PCI device");
		return;
	}
	host_line(c->host, value, sizeof(value),
		  "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode");
	if (!d->has_group && strcmp(value, "N") == 0)
		text_add(&cure, "echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode; ");
	bind_cure(c, &cure);
	if (d->driver[0] == '\0')
		unbound_add(c, cure.buf);
	else if (strstr(d->driver, "vfio") == NULL)
		checkup_add(c, CHECK_FAIL, cure.buf, "it is bound to %s, not to vfio-pci",
			    d->driver);
	else
		checkup_add(c, CHECK_PASS, NULL, "it is bound to %s", d->driver);
}

void
check_device_cdev(struct checkup *c)
{
	const struct check_device *d = c->device;

	if (strstr(d->driver, "vfio") == NULL && d->found == -ENODEV)
		return;
	if (d->found == 0)
		checkup_add(c, CHECK_PASS, NULL, "it has the cdev %s, %s", d->info.name,
			    rte_vfio_cdev_mode_name(d->info.mode));
	else
		checkup_add(c, CHECK_FAIL,
			    advice_or(RTE_VFIO_CDEV_STEP_FIND, d->found, "run it as root"),
			    "it has no cdev that can be used: %s", strerror(-d->found));
}

static bool
node_is(const struct stat *st, dev_t number)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == number;
}

/*
 * Look for a node by its number, whatever it is called: device plugins rename
 * them. The first one in the order of names; a link may lead in a circle.
 */
static bool
node_find(const struct host *host, dev_t number, int depth, char path[PATH_MAX])
{
	struct dirent **names;
	int count = host_names(host, &names, "%s", path);
	size_t len = strlen(path);
	bool found = false;
	struct stat st;

	for (int i = 0; i < count && !found; i++) {
		snprintf(path + len, PATH_MAX - len, "/%s", names[i]->d_name);
		if (host_stat(host, &st, "%s", path) == 0)
			found = node_is(&st, number) ||
				(S_ISDIR(st.st_mode) && depth > 0 &&
				 node_find(host, number, depth - 1, path));
		if (!found)
			path[len] = '\0';
	}
	host_names_free(names, count);
	return found;
}

/* The node is not where the library looks, or is no node of the device. */
static void
node_lost_add(struct checkup *c, const char *node, int err)
{
	const struct rte_vfio_cdev_info *info = &c->device->info;
	char path[PATH_MAX] = "/dev/vfio", cure[PATH_MAX + 256];

	if (node_find(c->host, makedev(info->major, info->minor), MOST_DEPTH, path)) {
		snprintf(cure, sizeof(cure), "mkdir -p /dev/vfio/devices; ln -sf %s %s", path,
			 node);
		checkup_add(c, CHECK_FAIL, cure,
			    "its node is at %s, as a device plugin renames "
			    "them, and not at %s",
			    path, node);
		return;
	}
	snprintf(cure, sizeof(cure),
		 "pass it to the container (--device %s --device /dev/iommu), "
		 "or make it: mkdir -p /dev/vfio/devices; mknod %s c %u %u",
		 node, node, info->major, info->minor);
	if (err == -ENOENT)
		checkup_add(c, CHECK_FAIL, cure, "its node %s is missing%s", node,
			    host_has(c->host, "/dev/vfio/vfio") ?
				    ": what is in /dev/vfio is for "
				    "groups, over which memory is not pinned" :
				    "");
	else
		checkup_add(c, CHECK_FAIL, cure, "%s is not its node: %s", node, strerror(-err));
}

void
check_device_node(struct checkup *c)
{
	const struct rte_vfio_cdev_info *info = &c->device->info;
	char node[sizeof("/dev/vfio/devices/") + RTE_VFIO_CDEV_NAME_LEN];
	struct stat st;
	int ret;

	if (c->device->found != 0)
		return;
	snprintf(node, sizeof(node), "/dev/vfio/devices/%s", info->name);
	ret = host_stat(c->host, &st, "%s", node);
	if (ret == 0 && !node_is(&st, makedev(info->major, info->minor)))
		ret = -ENXIO;
	if (ret == 0)
		ret = host_access(c->host, R_OK | W_OK, "%s", node);
	if (ret == 0)
		checkup_add(c, CHECK_PASS, NULL, "%s may be opened", node);
	else if (ret == -EACCES)
		checkup_add(c, CHECK_FAIL, rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_OPEN, EACCES),
			    "this user may not open %s: %s", node, strerror(EACCES));
	else
		node_lost_add(c, node, ret);
}

/*
 * A device that has no cdev is left to stock DPDK, which wants its group's node under
 * the kernel's name: "/dev/vfio/noiommu-0", "/dev/vfio/0" with an IOMMU.
 */
void
check_group_node(struct checkup *c)
{
	char group[32], line[32], node[64], path[PATH_MAX] = "/dev/vfio", cure[PATH_MAX + 64];
	unsigned int major, minor;
	const char *prefix;
	struct stat st;

	if (c->device->found == 0 ||
	    host_link(c->host, group, sizeof(group), DEVICES "/%s/iommu_group", c->device->addr) <=
		    0)
		return;
	prefix = host_has(c->host, "/sys/class/vfio/noiommu-%s", group) ? "noiommu-" : "";
	if (host_line(c->host, line, sizeof(line), "/sys/class/vfio/%s%s/dev", prefix, group) < 0 ||
	    sscanf(line, "%u:%u", &major, &minor) != 2)
		return;
	snprintf(node, sizeof(node), "/dev/vfio/%s%s", prefix, group);
	if (host_stat(c->host, &st, "%s", node) == 0 && node_is(&st, makedev(major, minor))) {
		checkup_add(c, CHECK_PASS, NULL, "the node of its group is %s", node);
		return;
	}
	if (node_find(c->host, makedev(major, minor), MOST_DEPTH, path))
		snprintf(cure, sizeof(cure), "ln -sf %s %s", path, node);
	else
		snprintf(cure, sizeof(cure), "pass %s to the container", node);
	checkup_add(c, CHECK_WARN, cure,
		    "the node of its group, which stock DPDK needs for a "
		    "device without a cdev, is %s%s and not at %s",
		    strcmp(path, "/dev/vfio") == 0 ? "missing" : "renamed to ",
		    strcmp(path, "/dev/vfio") == 0 ? "" : path, node);
}

/* Devices of the IOMMU's group that another driver has: "not viable" in the kernel's words. */
void
check_group_viable(struct checkup *c)
{
	const struct check_device *d = c->device;
	struct text others = { 0 };
	struct dirent **names;
	char driver[DRIVER_LEN];
	int count;

	if (!d->has_group)
		return;
	count = host_names(c->host, &names, DEVICES "/%s/iommu_group/devices", d->addr);
	for (int i = 0; i < count; i++) {
		if (host_link(c->host, driver, sizeof(driver),
			      DEVICES "/%s/iommu_group/devices/%s/driver", d->addr,
			      names[i]->d_name) <= 0 ||
		    strstr(driver, "vfio") != NULL || strcmp(driver, "pci-stub") == 0 ||
		    strcmp(driver, "pcieport") == 0 || strcmp(names[i]->d_name, d->addr) == 0)
			continue;
		text_list(&others, "%s (%s)", names[i]->d_name, driver);
	}
	host_names_free(names, count);
	if (count < 0)
		return;
	if (others.len == 0)
		checkup_add(c, CHECK_PASS, NULL, "no other driver has a device of its IOMMU group");
	else
		checkup_add(c, CHECK_FAIL,
			    "bind all devices of the group to vfio-pci, or move "
			    "the card to a slot with a group of its own",
			    "its IOMMU group has devices on other drivers: %s; the group is not "
			    "viable, and neither group nor cdev can be used",
			    others.buf);
}

/* What is open, in which processes, and the error that another process gets. */
static void
openers_add(struct checkup *c, const char *what, const char *error,
	    const struct rte_vfio_cdev_opener *openers, int count)
{
	struct text names = { 0 }, cure = { 0 };

	if (count < 0)
		return;
	if (count == 0) {
		checkup_add(c, CHECK_PASS, NULL, "no process that can be seen has %s open", what);
		return;
	}
	for (int i = 0; i < count && i < NAMED; i++) {
		text_list(&names, "pid %d (%s)", openers[i].pid, openers[i].name);
		text_add(&cure, "%s %d", i > 0 ? "" : "end what still has it: kill",
			 openers[i].pid);
	}
	if (count > NAMED)
		text_add(&names, " and %d more", count - NAMED);
	checkup_add(c, CHECK_FAIL, cure.buf,
		    "%s is open in %s, so that the device cannot be bound (\"%s\")", what,
		    names.buf, error);
}

void
check_device_in_use(struct checkup *c)
{
	struct rte_vfio_cdev_opener openers[NAMED];

	if (c->device->found == 0)
		openers_add(c, "its cdev", "Invalid argument", openers,
			    rte_vfio_cdev_openers(c->host->ctx, &c->device->info, openers, NAMED));
}

void
check_group_in_use(struct checkup *c)
{
	struct rte_vfio_cdev_opener openers[NAMED];

	if (c->device->found == 0)
		openers_add(c, "its group", "Device or resource busy", openers,
			    rte_vfio_cdev_group_openers(c->host->ctx, &c->device->info, openers,
							NAMED));
}

/* The node with free hugepages that is nearest, or -1. A distance of 0 is unknown. */
static int
node_nearest(const struct host *host, int from, int *distance)
{
	int nearest = -1, far;

	for (int node = 0; node <= numa_max_node(); node++) {
		far = numa_distance(from, node);
		if (hugepages_free(host, node) == 0 ||
		    (nearest >= 0 && (far == 0 || far >= *distance)))
			continue;
		nearest = node;
		*distance = far;
	}
	return nearest;
}

void
check_device_numa(struct checkup *c)
{
	int node, nearest, distance = 0;
	char cure[160];

	if (!c->device->exists)
		return;
	node = host_number(c->host, 10, DEVICES "/%s/numa_node", c->device->addr);
	if (node < 0)
		return;
	nearest = node_nearest(c->host, node, &distance);
	if (nearest < 0)
		return; /* the check of hugepages reports it */
	if (nearest == node || hugepages_free(c->host, node) > 0) {
		checkup_add(c, CHECK_PASS, NULL, "its NUMA node %d has free hugepages", node);
		return;
	}
	snprintf(cure, sizeof(cure),
		 "echo 512 >/sys/devices/system/node/node%d/hugepages/"
		 "hugepages-2048kB/nr_hugepages",
		 node);
	checkup_add(c, CHECK_WARN, cure,
		    "it is on NUMA node %d, where no hugepage is free; the "
		    "nearest ones are on node %d (distance %d, its own has %d)",
		    node, nearest, distance, numa_distance(node, node));
}
