/* SPDX-License-Identifier: BSD-3-Clause */

/* All devices of a bus that have a cdev. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "vfio_cdev_private.h"

static int
entry_is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
rte_vfio_cdev_walk(const struct rte_vfio_cdev_ctx *ctx, const char *bus,
		   int (*visit)(const struct rte_vfio_cdev_info *info, void *arg), void *arg)
{
	struct rte_vfio_cdev_info info;
	struct dirent **entries;
	char path[PATH_MAX];
	int count, ret = 0;

	snprintf(path, sizeof(path), "%s/bus/%s/devices", ctx->sysfs, bus);
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
