/* SPDX-License-Identifier: BSD-3-Clause */

/* All devices of a bus or of a group that have a cdev. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vfio_cdev_ctx.h"

static int
entry_is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static int
dir_walk(const struct rte_vfio_cdev_ctx *ctx, const char *path,
	 int (*visit)(const struct rte_vfio_cdev_info *info, void *arg), void *arg)
{
	struct rte_vfio_cdev_info info;
	struct dirent **entries;
	int count, ret = 0;

	count = scandir(path, &entries, entry_is_visible, alphasort);
	if (count < 0)
		return errno == ENOENT ? 0 : -errno;
	for (int i = 0; i < count; i++) {
		if (ret == 0 && rte_vfio_cdev_find(ctx, path, entries[i]->d_name, &info) == 0)
			ret = visit(&info, arg);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

int
rte_vfio_cdev_walk(const struct rte_vfio_cdev_ctx *ctx, const char *bus,
		   int (*visit)(const struct rte_vfio_cdev_info *info, void *arg), void *arg)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/%s/devices", ctx->sysfs, bus);
	return dir_walk(ctx, path, visit, arg);
}

int
rte_vfio_cdev_walk_group(const struct rte_vfio_cdev_ctx *ctx, unsigned int group,
			 int (*visit)(const struct rte_vfio_cdev_info *info, void *arg), void *arg)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%u/devices", ctx->sysfs, group);
	return dir_walk(ctx, path, visit, arg);
}
