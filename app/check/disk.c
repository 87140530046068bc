/* SPDX-License-Identifier: BSD-3-Clause */

/* The disks of a device, and whether they are in use. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "disk.h"

/* Is a device of a class part of this one? Its link has the whole path below /sys/devices. */
bool
use_is_part(const struct host *host, const char *class, const char *name, const char *addr)
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

bool
use_file_has(const struct host *host, const char *pattern, const char *path)
{
	char line[8];

	return host_find(host, line, sizeof(line), pattern, "%s", path) >= 0;
}

/* Mounted, a swap, or below a device mapper, a RAID or the like. */
const char *
disk_use(const struct host *host, const char *name)
{
	char pattern[2][300], number[32];
	struct dirent **names;
	int holders;

	holders = host_names(host, &names, "/sys/class/block/%s/holders", name);
	host_names_free(names, holders);
	if (holders > 0)
		return "has holders";
	snprintf(pattern[0], sizeof(pattern[0]), "/dev/%s *", name);
	if (use_file_has(host, pattern[0], "/proc/swaps"))
		return "is a swap";
	host_line(host, number, sizeof(number), "/sys/class/block/%s/dev", name);
	snprintf(pattern[1], sizeof(pattern[1]), "* %s *", number);
	return use_file_has(host, pattern[0], "/proc/mounts") ||
			(number[0] != '\0' &&
			 use_file_has(host, pattern[1], "/proc/self/mountinfo")) ?
		"is mounted" :
		NULL;
}

/*
 * With several paths the disk of an NVMe namespace ("nvme0n1") is a virtual device, and
 * what the controller has is a path to it ("nvme0c1n1": drivers/nvme/host/multipath.c).
 */
bool
disk_is_part(const struct host *host, const char *name, const char *addr)
{
	unsigned int subsystem, controller, disk, of, path_disk;
	struct dirent **names;
	bool found = use_is_part(host, "block", name, addr);
	int count;

	if (found || sscanf(name, "nvme%un%u", &subsystem, &disk) != 2)
		return found;
	count = host_names(host, &names, "/sys/class/block");
	for (int i = 0; i < count && !found; i++)
		found = sscanf(names[i]->d_name, "nvme%uc%un%u", &of, &controller, &path_disk) ==
				3 &&
			of == subsystem && path_disk == disk &&
			use_is_part(host, "block", names[i]->d_name, addr);
	host_names_free(names, count);
	return found;
}
