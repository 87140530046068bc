/* SPDX-License-Identifier: BSD-3-Clause */

/* The disks of a device, and whether they are in use. */

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

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
static const char *
mounted_use(const struct host *host, const char *name)
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

/* The same disk, under whatever name: by-id, or a container's. */
static bool
path_is_disk(const char *path, const char *node, dev_t number)
{
	struct statx st;

	return strcmp(path, node) == 0 ||
		(statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) ==
			 0 &&
		 S_ISBLK(st.stx_mode) && makedev(st.stx_rdev_major, st.stx_rdev_minor) == number);
}

/*
 * What the kernel has open as any program might, so that neither a process nor a claim
 * shows it: drivers/block/loop.c, drivers/nvme/target/io-cmd-bdev.c
 * (nvmet_bdev_ns_enable()), drivers/target/target_core_file.c.
 */
static const char *
exported_use(const struct host *host, const char *node, dev_t number)
{
	static const struct {
		const char *files, *use;
	} kinds[] = {
		{ "/sys/class/block/loop*/loop/backing_file", "is a loop device's" },
		{ "/sys/kernel/config/nvmet/subsystems/*/namespaces/*/device_path", "is exported" },
		{ "/sys/kernel/config/target/core/*/*/udev_path", "is exported" },
	};
	char pattern[PATH_MAX], line[PATH_MAX];
	const char *use = NULL;
	glob_t found;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && use == NULL; i++) {
		if (host_path(host, pattern, "%s", kinds[i].files) < 0 ||
		    glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t j = 0; j < found.gl_pathc && use == NULL; j++)
			if (host_line(host, line, sizeof(line), "%s",
				      found.gl_pathv[j] + strlen(host->root)) > 0 &&
			    path_is_disk(line, node, number))
				use = kinds[i].use;
		globfree(&found);
	}
	return use;
}

static bool
process_has(const struct host *host, const char *pid, const char *node, dev_t number)
{
	char path[PATH_MAX], target[PATH_MAX];
	struct dirent **names;
	int count = host_names(host, &names, "/proc/%s/fd", pid);
	bool found = false;
	ssize_t len;

	for (int i = 0; i < count && !found; i++) {
		if (host_path(host, path, "/proc/%s/fd/%s", pid, names[i]->d_name) < 0)
			continue;
		len = readlink(path, target, sizeof(target) - 1);
		target[len > 0 ? len : 0] = '\0';
		found = strcmp(target, node) == 0 || path_is_disk(path, node, number);
	}
	host_names_free(names, count);
	return found;
}

/* A program that has it open, as QEMU has a raw disk, without having it alone. */
static bool
opener_add(const struct host *host, const char *name, const char *node, dev_t number,
	   struct text *uses)
{
	struct dirent **names;
	int count = host_names(host, &names, "/proc");
	bool found = false;
	char comm[32];

	for (int i = 0; i < count && !found; i++) {
		found = names[i]->d_name[strspn(names[i]->d_name, "0123456789")] == '\0' &&
			process_has(host, names[i]->d_name, node, number);
		if (!found)
			continue;
		host_line(host, comm, sizeof(comm), "/proc/%s/comm", names[i]->d_name);
		text_list(uses, "disk %s is open in pid %s (%s)", name, names[i]->d_name, comm);
	}
	host_names_free(names, count);
	return found;
}

/*
 * Has something claimed it, as file systems, ZFS, LIO's iblock, drbd and others do? An
 * open with O_EXCL fails with EBUSY then (block/fops.c, blkdev_open(); block/bdev.c,
 * bd_prepare_to_claim()). Nothing is read or written, and what has a medium is not
 * waited for. While it is open, for a moment, another claim would fail too: so this comes
 * last, where nothing else has shown a use.
 */
static void
claim_add(const struct host *host, const char *name, const char *node, struct text *uses)
{
	char path[PATH_MAX];
	int fd = -1, err = ENAMETOOLONG;

	if (host_path(host, path, "%s", node) == 0) {
		fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
		err = errno;
	}
	if (fd >= 0)
		close(fd);
	else if (err == EBUSY)
		text_list(uses, "disk %s is taken by the kernel or a program", name);
	else if (err != ENOMEDIUM && err != ENXIO)
		text_list(uses,
			  "disk %s cannot be looked at (%s): run this as root, and on the host",
			  name, strerror(err));
}

void
disk_use_add(const struct host *host, const char *name, struct text *uses)
{
	const char *use = mounted_use(host, name);
	char node[300], number[32];
	unsigned int major, minor;
	dev_t dev;

	/* A path of a disk that has several is none itself: no number, no node. */
	if (use == NULL &&
	    (host_line(host, number, sizeof(number), "/sys/class/block/%s/dev", name) < 0 ||
	     sscanf(number, "%u:%u", &major, &minor) != 2))
		return;
	if (use == NULL) {
		dev = makedev(major, minor);
		/* As devtmpfs writes it (drivers/base/core.c, device_get_devnode()). */
		snprintf(node, sizeof(node), "/dev/%s", name);
		for (char *at = node; (at = strchr(at, '!')) != NULL;)
			*at = '/';
		use = exported_use(host, node, dev);
		if (use == NULL && !opener_add(host, name, node, dev, uses))
			claim_add(host, name, node, uses);
	}
	if (use != NULL)
		text_list(uses, "disk %s %s", name, use);
}
