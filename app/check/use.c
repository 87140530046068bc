/* SPDX-License-Identifier: BSD-3-Clause */

/* What this machine uses of a device: its interfaces, its disks, its virtual functions. */

#include <stdio.h>
#include <string.h>

#include "check_private.h"
#include "disk.h"

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
 * Does sysfs show the network namespace of this process? It shows that of who mounted it
 * (net/core/net-sysfs.c, net_ns_type_operations), as the host's in a container that has
 * it as a volume; /proc/net has this process's own. The same names may be in both.
 */
static bool
sysfs_has_own_interfaces(const struct host *host)
{
	char line[8], pattern[2][300];
	struct dirent **names;
	int count = host_names(host, &names, "/sys/class/net");
	bool found = true;

	for (int i = 0; i < count && found; i++) {
		snprintf(pattern[0], sizeof(pattern[0]), "%s:*", names[i]->d_name);
		snprintf(pattern[1], sizeof(pattern[1]), "* %s:*", names[i]->d_name);
		/* The one that is a file (drivers/net/bonding/bond_sysfs.c). */
		found = strcmp(names[i]->d_name, "bonding_masters") == 0 ||
			host_find(host, line, sizeof(line), pattern[0], "/proc/net/dev") >= 0 ||
			host_find(host, line, sizeof(line), pattern[1], "/proc/net/dev") >= 0;
	}
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
	if (strpbrk(name, "*?[\\") != NULL || use_file_has(host, pattern[0], "/proc/net/route") ||
	    use_file_has(host, pattern[1], "/proc/net/ipv6_route") ||
	    use_file_has(host, pattern[2], "/proc/net/ipv6_route"))
		return "has routes";
	if (has_upper(host, name))
		return "is part of another one";
	return sysfs_has_own_interfaces(host) ?
		NULL :
		"is in another network namespace, whose routes this process does not see (run "
		"this on the host)";
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

void
check_uses(const struct host *host, const struct check_device *device, struct text *uses)
{
	const char *addr = device->addr;
	struct dirent **names;
	const char *use;
	long functions;
	int count;

	count = host_names(host, &names, "/sys/class/net");
	for (int i = 0; i < count; i++)
		if (use_is_part(host, "net", names[i]->d_name, addr) &&
		    (use = interface_use(host, names[i]->d_name)) != NULL)
			text_list(uses, "interface %s %s", names[i]->d_name, use);
	host_names_free(names, count);
	count = host_names(host, &names, "/sys/class/block");
	for (int i = 0; i < count; i++)
		if (disk_is_part(host, names[i]->d_name, addr))
			disk_use_add(host, names[i]->d_name, uses);
	host_names_free(names, count);
	if (interface_is_elsewhere(host, device->dir))
		text_list(uses, "its interface is in another network namespace");
	uio_add(host, device->dir, uses);
	functions = host_number(host, 10, "%s/sriov_numvfs", device->dir);
	if (functions > 0)
		text_list(uses, "it has %ld virtual functions", functions);
}
