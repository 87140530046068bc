/* SPDX-License-Identifier: BSD-3-Clause */

/* A device: its cdev, the nodes of cdev and group, their openers, its NUMA node. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include <numa.h>

#include "check_private.h"
#include "hugepage.h"

#define NAMED 3	     /* openers, or devices of a group */
#define MOST_DEPTH 3 /* of directories below /dev/vfio */

void
check_devices(struct checkup *c)
{
	if (c->options->no_devices)
		return;
	if (c->count > 0)
		checkup_add(c, CHECK_PASS, NULL, "%d %s looked at", c->count,
			    c->count > 1 ? "devices are" : "device is");
	else
		checkup_add(c, CHECK_FAIL,
			    "give the addresses of those that are meant, or bind one: "
			    "dpdk-devbind.py --bind=vfio-pci DEVICE",
			    "no device%s is bound to vfio-pci",
			    c->options->blocked != NULL && c->options->blocked[0] != NULL ?
				    " but those that are blocked" :
				    "");
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
		checkup_add(
			c, checkup_is_pinned(c, d) ? CHECK_WARN : CHECK_FAIL,
			advice_or(RTE_VFIO_CDEV_STEP_FIND, d->found, "run it as root"),
			"it has no cdev that can be used: %s%s", strerror(-d->found),
			checkup_is_pinned(c, d) ?
				"; it is used over its VFIO group, pinned by io_uring, addresses "
				"from pagemap, not confirmed by an IOAS" :
				"");
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

/* A link to a node under another name; the name is not ours to choose, and may be odd. */
static void
link_add(struct text *cure, const char *path, const char *node)
{
	struct text command = { 0 };

	text_add(&command, "mkdir -p /dev/vfio/devices && ln -sf ");
	if (!text_word(&command, path)) {
		text_add(cure, "link %s to it", node);
		return;
	}
	text_add(&command, " %s", node);
	text_add(cure, "%s", command.buf);
}

/* Device plugins that know only groups pass /dev/vfio/vfio and the groups' nodes. */
static void
node_missing_add(struct checkup *c, const char *node, const char *cure)
{
	const bool both = c->iommufd == -ENOENT;

	checkup_add(c, CHECK_FAIL, cure, "its node%s %s%s missing%s", both ? "s" : "", node,
		    both ? " and /dev/iommu are" : " is",
		    host_has(c->host, "/dev/vfio/vfio") ? ": what is in /dev/vfio is for groups, "
							  "over which memory is not pinned" :
							  "");
}

/* The node is not where the library looks, or is no node of the device. */
static void
node_lost_add(struct checkup *c, const char *node, int err)
{
	const struct rte_vfio_cdev_info *info = &c->device->info;
	char path[PATH_MAX] = "/dev/vfio";
	struct text cure = { 0 };

	if (node_find(c->host, makedev(info->major, info->minor), MOST_DEPTH, path) &&
	    strcmp(path, node) != 0) {
		link_add(&cure, path, node);
		checkup_add(c, CHECK_FAIL, cure.buf,
			    "its node is at %s, as a device plugin renames "
			    "them, and not at %s",
			    path, node);
		return;
	}
	text_add(&cure,
		 "add both nodes to the container (--device %s --device /dev/iommu), as the CDI "
		 "specification does that \"dpdk-vfio-cdev cdi %s\" on the host prints, or make "
		 "it: mkdir -p /dev/vfio/devices && mknod %s c %u %u",
		 node, info->addr, node, info->major, info->minor);
	if (err == -ENOENT)
		node_missing_add(c, node, cure.buf);
	else
		checkup_add(c, CHECK_FAIL, cure.buf, "%s is not its node: %s", node,
			    strerror(-err));
}

/*
 * Of root too: what a cgroup lets its processes open is asked by access(2) as it is by
 * open(2) (fs/namei.c, inode_permission(); include/linux/device_cgroup.h). A node that a
 * container has because all of /dev/vfio is mounted into it is often not in that list.
 */
static void
node_denied_add(struct checkup *c, enum check_verdict verdict, const char *node, int err,
		const struct stat *st)
{
	struct text cure = { 0 };

	if (err == -EACCES) {
		checkup_add(c, verdict, rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_OPEN, EACCES),
			    "this user may not open %s: %s", node, strerror(EACCES));
		return;
	}
	text_add(&cure,
		 "start the container with --device %s, or --device-cgroup-rule='c %u:%u rw'; a "
		 "volume (-v /dev/vfio:/dev/vfio) does not allow it",
		 node, major(st->st_rdev), minor(st->st_rdev));
	checkup_add(c, verdict, cure.buf, "%s is not allowed by the container's device list: %s",
		    node, strerror(-err));
}

void
check_device_node(struct checkup *c)
{
	const struct rte_vfio_cdev_info *info = &c->device->info;
	char node[sizeof("/dev/vfio/devices/") + RTE_VFIO_CDEV_NAME_LEN];
	struct stat st = { 0 };
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
	else if (ret == -EACCES || ret == -EPERM)
		node_denied_add(c, CHECK_FAIL, node, ret, &st);
	else
		node_lost_add(c, node, ret);
}

static void
group_lost_add(struct checkup *c, dev_t number, const char *node)
{
	char path[PATH_MAX] = "/dev/vfio";
	struct text cure = { 0 };

	if (node_find(c->host, number, MOST_DEPTH, path) && strcmp(path, node) != 0) {
		link_add(&cure, path, node);
		checkup_add(c, CHECK_WARN, cure.buf,
			    "the node of its group, which stock DPDK needs for a device without a "
			    "cdev, is renamed to %s and not at %s",
			    path, node);
		return;
	}
	text_add(&cure, "pass %s to the container", node);
	checkup_add(c, CHECK_WARN, cure.buf,
		    "the node of its group, which stock DPDK needs for a device without a cdev, "
		    "is missing and not at %s",
		    node);
}

/*
 * A device that has no cdev is left to stock DPDK, which wants its group's node under
 * the kernel's name: "/dev/vfio/noiommu-0", "/dev/vfio/0" with an IOMMU.
 */
void
check_group_node(struct checkup *c)
{
	char group[32], line[32], node[64];
	unsigned int major, minor;
	const char *prefix;
	struct stat st;
	int ret;

	if (c->device->found == 0 ||
	    host_link(c->host, group, sizeof(group), "%s/iommu_group", c->device->dir) <= 0 ||
	    group[strspn(group, "0123456789")] != '\0')
		return;
	prefix = host_has(c->host, "/sys/class/vfio/noiommu-%s", group) ? "noiommu-" : "";
	if (host_line(c->host, line, sizeof(line), "/sys/class/vfio/%s%s/dev", prefix, group) < 0 ||
	    sscanf(line, "%u:%u", &major, &minor) != 2)
		return;
	snprintf(node, sizeof(node), "/dev/vfio/%s%s", prefix, group);
	ret = host_stat(c->host, &st, "%s", node);
	if (ret < 0 || !node_is(&st, makedev(major, minor))) {
		group_lost_add(c, makedev(major, minor), node);
		return;
	}
	ret = host_access(c->host, R_OK | W_OK, "%s", node);
	if (ret < 0)
		node_denied_add(c, CHECK_WARN, node, ret, &st);
	else
		checkup_add(c, CHECK_PASS, NULL, "the node of its group is %s", node);
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

	if (!d->has_group || d->is_bifurcated)
		return;
	count = host_names(c->host, &names, "%s/iommu_group/devices", d->dir);
	for (int i = 0; i < count; i++) {
		if (host_link(c->host, driver, sizeof(driver), "%s/iommu_group/devices/%s/driver",
			      d->dir, names[i]->d_name) <= 0 ||
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
			    "bind them to vfio-pci too if this machine does without them, or "
			    "move the card to a slot with a group of its own",
			    "its IOMMU group has devices on other drivers: %s; the group is not "
			    "viable, and neither group nor cdev can be used",
			    others.buf);
}

/*
 * What is open, in which processes, and the error that another process gets. They may
 * be in production: which of them is to end, and how, is not for a check to say.
 */
static void
openers_add(struct checkup *c, const char *what, const char *error,
	    const struct rte_vfio_cdev_opener *openers, int count)
{
	struct text names = { 0 };

	if (count < 0)
		return;
	if (count == 0) {
		if (process_has_own_pids(c->host))
			checkup_add(c, CHECK_PASS, NULL,
				    "no process of this container has %s open; those outside of it "
				    "cannot be seen",
				    what);
		else
			checkup_add(c, CHECK_PASS, NULL, "no process that can be seen has %s open",
				    what);
		return;
	}
	for (int i = 0; i < count && i < NAMED; i++)
		text_list(&names, "pid %d (%s)", openers[i].pid, openers[i].name);
	if (count > NAMED)
		text_add(&names, " and %d more", count - NAMED);
	checkup_add(c, checkup_held(c),
		    "use another device, or stop what has this one in its own way (a service with "
		    "systemctl, a guest by its manager)",
		    "%s is open in %s, so that the device cannot be bound (\"%s\")", what,
		    names.buf, error);
}

void
check_device_in_use(struct checkup *c)
{
	struct rte_vfio_cdev_opener openers[NAMED];

	if (c->device->found == 0 && !c->options->joins)
		openers_add(c, "its cdev", "Invalid argument", openers,
			    rte_vfio_cdev_openers(c->host->ctx, &c->device->info, openers, NAMED));
}

void
check_group_in_use(struct checkup *c)
{
	struct rte_vfio_cdev_opener openers[NAMED];

	if (c->device->found == 0 && !c->options->joins)
		openers_add(c, "its group", "Device or resource busy", openers,
			    rte_vfio_cdev_group_openers(c->host->ctx, &c->device->info, openers,
							NAMED));
}

/* What adds the pages that a program needs to those that the node has. */
static void
node_cure(const struct host *host, int node, struct text *cure)
{
	static const char dir[] = "/sys/devices/system/node/node%d/hugepages/hugepages-%lukB/%s";
	struct hugepage_pool pools[HUGEPAGE_SIZES];
	unsigned int count = hugepage_pools(host, pools);
	const struct hugepage_pool *pool = hugepage_choose(pools, count);
	const unsigned long size = pool != NULL ? pool->size : 0;
	long pages, surplus;

	pages = host_number(host, 10, dir, node, size, "nr_hugepages");
	surplus = host_number(host, 10, dir, node, size, "surplus_hugepages");
	pages = (pages > 0 ? pages : 0) - (surplus > 0 ? surplus : 0);
	text_add(cure, "echo %ld >", (pages > 0 ? pages : 0) + hugepage_need(size));
	text_add(cure, dir, node, size, "nr_hugepages");
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
	struct text cure = { 0 };

	if (!c->device->exists)
		return;
	node = host_number(c->host, 10, "%s/numa_node", c->device->dir);
	if (node < 0)
		return;
	nearest = node_nearest(c->host, node, &distance);
	if (nearest < 0)
		return; /* the check of hugepages reports it */
	if (nearest == node || hugepages_free(c->host, node) > 0) {
		checkup_add(c, CHECK_PASS, NULL, "its NUMA node %d has free hugepages", node);
		return;
	}
	node_cure(c->host, node, &cure);
	checkup_add(c, CHECK_WARN, cure.buf,
		    "it is on NUMA node %d, where no hugepage is free; the "
		    "nearest ones are on node %d (distance %d, its own has %d)",
		    node, nearest, distance, numa_distance(node, node));
}
