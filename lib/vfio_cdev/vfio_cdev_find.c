/* SPDX-License-Identifier: BSD-3-Clause */

/* The cdev of a device. Everything read from sysfs is checked: it may be forged. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio_cdev_ctx.h"
#include "vfio_cdev_front.h"
#include "vfio_cdev_mode.h"
#include "vfio_cdev_sysfs.h"

/* Minors have 20 bits (include/linux/kdev_t.h); so has the number in the name. */
#define NUMBER_MAX ((1UL << 20) - 1)

/* Parse a decimal number as printf("%lu") writes it, followed by the character end. */
static bool
number_parse(const char *text, char end, unsigned long max, unsigned long *value, const char **rest)
{
	char *stop;

	if (text[0] < '0' || text[0] > '9' || (text[0] == '0' && text[1] != end))
		return false;
	errno = 0;
	*value = strtoul(text, &stop, 10);
	if (errno != 0 || *stop != end || *value > max)
		return false;
	*rest = stop;
	return true;
}

bool
vfio_cdev_name_parse(const char *name, enum rte_vfio_cdev_mode *mode)
{
	unsigned long number;
	const char *rest;
	size_t len;

	for (size_t i = 0; i < RTE_VFIO_CDEV_MODES; i++) {
		if (vfio_cdev_modes[i].prefix == NULL)
			continue;
		len = strlen(vfio_cdev_modes[i].prefix);
		if (strncmp(name, vfio_cdev_modes[i].prefix, len) == 0 &&
		    number_parse(name + len, '\0', NUMBER_MAX, &number, &rest)) {
			*mode = i;
			return true;
		}
	}
	return false;
}

/* Read a small sysfs attribute into a string without its newline. */
static int
attr_read(int dir, const char *path, char *text, size_t size)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t len;
	int err;

	if (fd < 0)
		return -errno;
	len = read(fd, text, size);
	err = len < 0 ? -errno : 0;
	close(fd);
	if (err != 0)
		return err;
	if (len < 2 || (size_t)len == size || text[len - 1] != '\n')
		return -EBADMSG;
	text[len - 1] = '\0';
	return 0;
}

int
vfio_cdev_attr_read_dev(int dir, const char *path, unsigned int *major, unsigned int *minor)
{
	unsigned long numbers[2];
	const char *rest;
	char text[32];
	int ret;

	ret = attr_read(dir, path, text, sizeof(text));
	if (ret < 0)
		return ret;
	if (!number_parse(text, ':', UINT32_MAX, &numbers[0], &rest) ||
	    !number_parse(rest + 1, '\0', NUMBER_MAX, &numbers[1], &rest))
		return -EBADMSG;
	*major = numbers[0];
	*minor = numbers[1];
	return 0;
}

/* "major:minor" of the node that belongs to the entry. */
static int
dev_read(int dir, struct rte_vfio_cdev_info *info)
{
	char path[RTE_VFIO_CDEV_NAME_LEN + 8];
	int ret;

	snprintf(path, sizeof(path), "%s/dev", info->name);
	ret = vfio_cdev_attr_read_dev(dir, path, &info->major, &info->minor);
	return ret == -ENOENT ? -EOPNOTSUPP : ret;
}

static int
numa_node_read(int dir)
{
	char text[16];

	if (attr_read(dir, "../numa_node", text, sizeof(text)) < 0)
		return -1;
	return atoi(text);
}

/* The one entry whose whole name is that of a cdev. Others are ignored. */
static int
entry_find(const struct rte_vfio_cdev_ctx *ctx, DIR *dir, struct rte_vfio_cdev_info *info)
{
	enum rte_vfio_cdev_mode mode;
	struct dirent *entry;

	while (errno = 0, (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		if (!vfio_cdev_name_parse(entry->d_name, &mode)) {
			vfio_cdev_log(ctx, RTE_VFIO_CDEV_LOG_WARNING,
				      "%s: vfio-dev/%s is not the name of a VFIO cdev: ignored; "
				      "check what is mounted over sysfs",
				      info->addr, entry->d_name);
			continue;
		}
		if (info->name[0] != '\0')
			return -ENOTUNIQ;
		memcpy(info->name, entry->d_name, strnlen(entry->d_name, sizeof(info->name) - 1));
		info->mode = mode;
	}
	if (errno != 0)
		return -errno;
	return info->name[0] != '\0' ? 0 : -ENODEV;
}

static int
dir_find(const struct rte_vfio_cdev_ctx *ctx, const char *path, struct rte_vfio_cdev_info *info)
{
	DIR *dir = opendir(path);
	int ret;

	if (dir == NULL)
		return errno == ENOENT ? -ENODEV : -errno;
	ret = entry_find(ctx, dir, info);
	if (ret == 0) {
		info->numa_node = numa_node_read(dirfd(dir));
		ret = dev_read(dirfd(dir), info);
	}
	closedir(dir);
	return ret;
}

/* Whether a path made of it stays inside the directory. */
static bool
addr_is_valid(const char *addr)
{
	size_t len = strlen(addr);

	return len > 0 && len < RTE_VFIO_CDEV_ADDR_LEN && strchr(addr, '/') == NULL &&
		addr[0] != '.';
}

int
rte_vfio_cdev_attr(const struct rte_vfio_cdev_ctx *ctx, const char *sysfs_base, const char *addr,
		   const char *attr, char *text, size_t size)
{
	const bool below = sysfs_base[0] != '/';
	char path[PATH_MAX];

	if (!addr_is_valid(addr))
		return -EINVAL;
	snprintf(path, sizeof(path), "%s%s%s/%s/%s", below ? ctx->sysfs : "", below ? "/" : "",
		 sysfs_base, addr, attr);
	return attr_read(AT_FDCWD, path, text, size);
}

int
rte_vfio_cdev_find(const struct rte_vfio_cdev_ctx *ctx, const char *sysfs_base, const char *addr,
		   struct rte_vfio_cdev_info *info)
{
	char path[PATH_MAX];
	int ret = -EINVAL;
	int len;

	memset(info, 0, sizeof(*info));
	info->numa_node = -1;
	len = snprintf(path, sizeof(path), "%s/%s/vfio-dev", sysfs_base, addr);
	if (addr_is_valid(addr) && len > 0 && (size_t)len < sizeof(path)) {
		snprintf(info->addr, sizeof(info->addr), "%s", addr);
		ret = dir_find(ctx, path, info);
	}
	if (ret == -ENODEV || ret == -EOPNOTSUPP)
		vfio_cdev_log(ctx, RTE_VFIO_CDEV_LOG_DEBUG, "%s: no cdev: %s", addr,
			      rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_FIND, -ret));
	else if (ret < 0)
		vfio_cdev_fail(ctx, addr, RTE_VFIO_CDEV_STEP_FIND, ret, "%s", path);
	return ret;
}

/*
 * Count the entries of the class that have a node and a mode, or those without a node. A class that
 * cannot be read for now is an error; one that never can, as in some containers, has none.
 */
static int
class_count(const struct rte_vfio_cdev_ctx *ctx, bool has_node, enum rte_vfio_cdev_mode mode)
{
	enum rte_vfio_cdev_mode found;
	char path[PATH_MAX];
	struct dirent *entry;
	int ret, count = 0;
	bool has;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/class/vfio-dev", ctx->sysfs);
	dir = opendir(path);
	if (dir == NULL && errno == ENOENT)
		return 0;
	if (dir == NULL) {
		ret = vfio_cdev_fail(ctx, "sysfs", RTE_VFIO_CDEV_STEP_FIND, -errno, "%s", path);
		return iommufd_is_shortage(ret) ? ret : 0;
	}
	while ((entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%.32s/dev", entry->d_name);
		if (!vfio_cdev_name_parse(entry->d_name, &found))
			continue;
		has = faccessat(dirfd(dir), path, F_OK, 0) == 0;
		if (has == has_node && (!has || found == mode))
			count++;
	}
	closedir(dir);
	return count;
}

int
vfio_cdev_count(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode)
{
	return class_count(ctx, true, mode);
}

unsigned int
rte_vfio_cdev_count(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode)
{
	const int count = class_count(ctx, true, mode);

	return count > 0 ? count : 0;
}

unsigned int
rte_vfio_cdev_count_without(const struct rte_vfio_cdev_ctx *ctx)
{
	const int count = class_count(ctx, false, RTE_VFIO_CDEV_NOIOMMU);

	return count > 0 ? count : 0;
}
