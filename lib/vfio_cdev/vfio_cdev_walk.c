/* SPDX-License-Identifier: BSD-3-Clause */

/* All devices of a bus or of a group that have a cdev, or are used without one. */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vfio_cdev_ctx.h"
#include "vfio_cdev_sysfs.h"

static int
entry_is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* A visitor of devices, of those with a cdev or of the others. */
struct visitor {
	int (*visit)(const struct rte_vfio_cdev_info *info, void *arg);
	int (*visit_without)(const char *addr, void *arg);
	void *arg;
};

static bool
path_exists(const char *path, const char *addr, const char *name)
{
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s/%s/%s", path, addr, name);
	return access(file, F_OK) == 0;
}

/*
 * The kernel names the groups that it makes for devices without an IOMMU (drivers/vfio/group.c).
 * One whose group cannot be read may be such a device. 1 or 0, or -errno if it can be read later.
 */
static int
is_used_without(const struct rte_vfio_cdev_ctx *ctx, const char *path, const char *addr)
{
	char name[32];
	int ret;

	if (path_exists(path, addr, "uio"))
		return 1;
	ret = rte_vfio_cdev_attr(ctx, path, addr, "iommu_group/name", name, sizeof(name));
	if (iommufd_is_shortage(ret))
		return vfio_cdev_fail(ctx, addr, RTE_VFIO_CDEV_STEP_FIND, ret, "%s/%s", path, addr);
	return ret == 0 ? strcmp(name, "vfio-noiommu") == 0 : ret != -ENOENT;
}

static int
device_visit(const struct rte_vfio_cdev_ctx *ctx, const char *path, const char *addr,
	     const struct visitor *visitor)
{
	struct rte_vfio_cdev_info info;
	int ret = rte_vfio_cdev_find(ctx, path, addr, &info);

	if (ret == 0 && visitor->visit != NULL)
		return visitor->visit(&info, visitor->arg);
	if ((ret == -ENODEV || ret == -EOPNOTSUPP) && visitor->visit_without != NULL) {
		ret = is_used_without(ctx, path, addr);
		if (ret == 1)
			return visitor->visit_without(addr, visitor->arg);
	}
	/* What cannot be found for another reason was logged, and the others count. */
	return iommufd_is_shortage(ret) ? ret : 0;
}

static int
dir_walk(const struct rte_vfio_cdev_ctx *ctx, const char *path, const struct visitor *visitor)
{
	struct dirent **entries;
	int count, ret = 0;

	count = scandir(path, &entries, entry_is_visible, alphasort);
	if (count < 0)
		return errno == ENOENT ?
			0 :
			vfio_cdev_fail(ctx, "sysfs", RTE_VFIO_CDEV_STEP_FIND, -errno, "%s", path);
	for (int i = 0; i < count; i++) {
		if (ret == 0)
			ret = device_visit(ctx, path, entries[i]->d_name, visitor);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

int
rte_vfio_cdev_walk(const struct rte_vfio_cdev_ctx *ctx, const char *bus,
		   int (*visit)(const struct rte_vfio_cdev_info *info, void *arg), void *arg)
{
	const struct visitor visitor = { .visit = visit, .arg = arg };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/%s/devices", ctx->sysfs, bus);
	return dir_walk(ctx, path, &visitor);
}

int
rte_vfio_cdev_walk_without(const struct rte_vfio_cdev_ctx *ctx, const char *bus,
			   int (*visit)(const char *addr, void *arg), void *arg)
{
	const struct visitor visitor = { .visit_without = visit, .arg = arg };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/bus/%s/devices", ctx->sysfs, bus);
	return dir_walk(ctx, path, &visitor);
}

int
rte_vfio_cdev_walk_group(const struct rte_vfio_cdev_ctx *ctx, unsigned int group,
			 int (*visit)(const struct rte_vfio_cdev_info *info, void *arg), void *arg)
{
	const struct visitor visitor = { .visit = visit, .arg = arg };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%u/devices", ctx->sysfs, group);
	return dir_walk(ctx, path, &visitor);
}
