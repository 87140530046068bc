/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The processes that have a device node open. The files in /proc/<pid>/fd are compared by
 * device number, since a container may have the node under another name.
 */

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vfio_cdev_ctx.h"
#include "vfio_cdev_sysfs.h"

/* Processes that a message names. */
#define OPENERS_LISTED 2

struct node {
	unsigned int major;
	unsigned int minor;
};

/* Reads the cached inode only, so that a dead file server cannot block it. */
static bool
fd_is(int dir, const char *name, const struct node *node)
{
	struct statx st;

	return statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) == 0 &&
		S_ISCHR(st.stx_mode) && st.stx_rdev_major == node->major &&
		st.stx_rdev_minor == node->minor;
}

static bool
process_has(int proc, const char *pid, const struct node *node)
{
	char path[32];
	struct dirent *entry;
	bool found = false;
	DIR *dir;
	int fd;

	snprintf(path, sizeof(path), "%.16s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while (!found && (entry = readdir(dir)) != NULL)
		found = entry->d_name[0] != '.' && fd_is(fd, entry->d_name, node);
	closedir(dir);
	return found;
}

/* A process can give itself any name, so unprintable characters are replaced. */
static void
process_name(int proc, const char *pid, char name[RTE_VFIO_CDEV_PROCESS_LEN])
{
	char path[32];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "%.16s/comm", pid);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		len = read(fd, name, RTE_VFIO_CDEV_PROCESS_LEN - 1);
		close(fd);
	}
	name[len > 0 ? len : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	rte_vfio_cdev_text_clean(name);
	if (name[0] == '\0')
		memcpy(name, "?", sizeof("?"));
}

static int
node_openers(const struct rte_vfio_cdev_ctx *ctx, const struct node *node,
	     struct rte_vfio_cdev_opener *openers, unsigned int size)
{
	DIR *proc = opendir(ctx->proc);
	struct dirent *entry;
	unsigned int count = 0;

	if (proc == NULL)
		return -errno;
	while ((entry = readdir(proc)) != NULL) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !process_has(dirfd(proc), entry->d_name, node))
			continue;
		if (count < size) {
			openers[count].pid = atoi(entry->d_name);
			process_name(dirfd(proc), entry->d_name, openers[count].name);
		}
		count++;
	}
	closedir(proc);
	return count;
}

int
rte_vfio_cdev_openers(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		      struct rte_vfio_cdev_opener *openers, unsigned int size)
{
	const struct node node = { .major = info->major, .minor = info->minor };

	return node_openers(ctx, &node, openers, size);
}

/* The group's node has its number below /sys/class/vfio (drivers/vfio/group.c). */
static int
group_node(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
	   struct node *node)
{
	char path[PATH_MAX], group[PATH_MAX];
	const char *number;
	ssize_t len;
	int ret;

	snprintf(path, sizeof(path), "%s/class/vfio-dev/%s/device/iommu_group", ctx->sysfs,
		 info->name);
	len = readlink(path, group, sizeof(group) - 1);
	if (len < 0)
		return errno == ENOENT ? -ENODEV : -errno;
	group[len] = '\0';
	number = strrchr(group, '/');
	number = number != NULL ? number + 1 : group;
	snprintf(path, sizeof(path), "%s/class/vfio/%s%.16s/dev", ctx->sysfs,
		 info->mode == RTE_VFIO_CDEV_NOIOMMU ? "noiommu-" : "", number);
	ret = vfio_cdev_attr_read_dev(AT_FDCWD, path, &node->major, &node->minor);
	return ret == -ENOENT ? -ENODEV : ret;
}

int
rte_vfio_cdev_group_openers(const struct rte_vfio_cdev_ctx *ctx,
			    const struct rte_vfio_cdev_info *info,
			    struct rte_vfio_cdev_opener *openers, unsigned int size)
{
	struct node node;
	int ret = group_node(ctx, info, &node);

	return ret == 0 ? node_openers(ctx, &node, openers, size) : ret;
}

void
vfio_cdev_openers_text(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		       int err, char text[VFIO_CDEV_OPENERS])
{
	struct rte_vfio_cdev_opener openers[OPENERS_LISTED];
	int count = 0, len;

	text[0] = '\0';
	if (err == -EINVAL)
		count = rte_vfio_cdev_openers(ctx, info, openers, OPENERS_LISTED);
	else if (err == -EBUSY)
		count = rte_vfio_cdev_group_openers(ctx, info, openers, OPENERS_LISTED);
	if (count <= 0)
		return;
	len = snprintf(text, VFIO_CDEV_OPENERS,
		       err == -EBUSY ? ", its group open in" : ", open in");
	for (int i = 0; i < count && i < OPENERS_LISTED; i++)
		len += snprintf(text + len, VFIO_CDEV_OPENERS - len, "%s pid %d (%s)",
				i > 0 ? "," : "", openers[i].pid, openers[i].name);
	if (count > OPENERS_LISTED)
		snprintf(text + len, VFIO_CDEV_OPENERS - len, " and %d more",
			 count - OPENERS_LISTED);
}
