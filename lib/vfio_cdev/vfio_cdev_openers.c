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

/* Devices that fail one after the other read /proc once. */
#define READ_AGAIN_NS UINT64_C(1000000000)

/* A device node that a process has open; those of one process stand together. */
struct vfio_cdev_open_node {
	unsigned int major;
	unsigned int minor;
	int pid;
};

struct nodes {
	struct vfio_cdev_open_node *list;
	size_t count, room;
};

static int
nodes_add(struct nodes *nodes, const struct vfio_cdev_open_node *node)
{
	struct vfio_cdev_open_node *list;
	size_t room;

	if (nodes->count == nodes->room) {
		room = nodes->room != 0 ? 2 * nodes->room : 64;
		list = realloc(nodes->list, room * sizeof(*list));
		if (list == NULL)
			return -ENOMEM;
		nodes->list = list;
		nodes->room = room;
	}
	nodes->list[nodes->count++] = *node;
	return 0;
}

/* Reads the cached inode only, so that a dead file server cannot block it. */
static int
fd_read(int dir, const char *name, int pid, struct nodes *nodes)
{
	struct statx st;

	if (statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &st) != 0 ||
	    !S_ISCHR(st.stx_mode))
		return 0;
	return nodes_add(nodes,
			 &(struct vfio_cdev_open_node){
				 .major = st.stx_rdev_major,
				 .minor = st.stx_rdev_minor,
				 .pid = pid,
			 });
}

/* One that ends meanwhile, or that may not be inspected, has none. */
static int
process_read(int proc, const char *pid, struct nodes *nodes)
{
	char path[32];
	struct dirent *entry;
	int fd, ret = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%.16s/fd", pid);
	fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (dir == NULL) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (ret == 0 && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			ret = fd_read(fd, entry->d_name, atoi(pid), nodes);
	closedir(dir);
	return ret;
}

/* The character devices that all processes have open. */
static int
nodes_read(const struct rte_vfio_cdev_ctx *ctx, struct nodes *nodes)
{
	DIR *proc = opendir(ctx->proc);
	struct dirent *entry;
	int ret = 0;

	*nodes = (struct nodes){ 0 };
	if (proc == NULL)
		return -errno;
	while (ret == 0 && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]))
			ret = process_read(dirfd(proc), entry->d_name, nodes);
	closedir(proc);
	if (ret < 0)
		free(nodes->list);
	return ret;
}

/* A process can give itself any name, so unprintable characters are replaced. */
static void
process_name(int proc, int pid, char name[RTE_VFIO_CDEV_PROCESS_LEN])
{
	char path[32];
	ssize_t len = -1;
	int fd;

	snprintf(path, sizeof(path), "%d/comm", pid);
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

/* Which of the nodes is this one: how many processes have it open? */
static int
openers_fill(const struct rte_vfio_cdev_ctx *ctx, const struct vfio_cdev_open_node *nodes,
	     size_t count, const struct vfio_cdev_open_node *node,
	     struct rte_vfio_cdev_opener *openers, unsigned int size)
{
	unsigned int found = 0;
	int proc, last = 0;

	proc = open(ctx->proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -errno;
	for (size_t i = 0; i < count; i++) {
		if (nodes[i].major != node->major || nodes[i].minor != node->minor ||
		    nodes[i].pid == last)
			continue;
		last = nodes[i].pid;
		if (found < size) {
			openers[found].pid = last;
			process_name(proc, last, openers[found].name);
		}
		found++;
	}
	close(proc);
	return found;
}

static int
node_openers(const struct rte_vfio_cdev_ctx *ctx, const struct vfio_cdev_open_node *node,
	     struct rte_vfio_cdev_opener *openers, unsigned int size)
{
	struct nodes nodes;
	int ret = nodes_read(ctx, &nodes);

	if (ret < 0)
		return ret;
	ret = openers_fill(ctx, nodes.list, nodes.count, node, openers, size);
	free(nodes.list);
	return ret;
}

/* The same, as it was up to a second ago. */
static int
node_openers_recent(const struct rte_vfio_cdev_ctx *ctx, const struct vfio_cdev_open_node *node,
		    struct rte_vfio_cdev_opener *openers, unsigned int size)
{
	struct vfio_cdev_open_nodes *recent = ctx->open_nodes;
	const uint64_t now = ctx->sys->now();
	struct nodes nodes;
	int ret = 0;

	pthread_mutex_lock(&recent->lock);
	if (recent->read == 0 || now - recent->read > READ_AGAIN_NS) {
		ret = nodes_read(ctx, &nodes);
		if (ret == 0) {
			free(recent->nodes);
			recent->nodes = nodes.list;
			recent->count = nodes.count;
			recent->read = now;
		}
	}
	if (ret == 0)
		ret = openers_fill(ctx, recent->nodes, recent->count, node, openers, size);
	pthread_mutex_unlock(&recent->lock);
	return ret;
}

static struct vfio_cdev_open_node
cdev_node(const struct rte_vfio_cdev_info *info)
{
	return (struct vfio_cdev_open_node){ .major = info->major, .minor = info->minor };
}

int
rte_vfio_cdev_openers(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		      struct rte_vfio_cdev_opener *openers, unsigned int size)
{
	const struct vfio_cdev_open_node node = cdev_node(info);

	return node_openers(ctx, &node, openers, size);
}

/* The group's node has its number below /sys/class/vfio (drivers/vfio/group.c). */
static int
group_node(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
	   struct vfio_cdev_open_node *node)
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
	struct vfio_cdev_open_node node;
	int ret = group_node(ctx, info, &node);

	return ret == 0 ? node_openers(ctx, &node, openers, size) : ret;
}

/* The inode of the first PID namespace (include/linux/proc_ns.h, PROC_PID_INIT_INO). */
#define ALL_PIDS "pid:[4026531836]"

/* Is this process in a PID namespace of its own, whose /proc lacks the processes outside? */
static bool
has_own_pids(const struct rte_vfio_cdev_ctx *ctx)
{
	char path[PATH_MAX], name[32];
	ssize_t len;

	snprintf(path, sizeof(path), "%s/self/ns/pid", ctx->proc);
	len = readlink(path, name, sizeof(name));
	return len > 0 && ((size_t)len != strlen(ALL_PIDS) || memcmp(name, ALL_PIDS, len) != 0);
}

void
vfio_cdev_openers_text(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		       int err, bool has_token, char text[VFIO_CDEV_OPENERS])
{
	struct vfio_cdev_open_node node = cdev_node(info);
	struct rte_vfio_cdev_opener openers[OPENERS_LISTED];
	int count, len;

	text[0] = '\0';
	if (err != -EINVAL && (err != -EBUSY || group_node(ctx, info, &node) < 0))
		return;
	count = node_openers_recent(ctx, &node, openers, OPENERS_LISTED);
	if (count == 0 && has_own_pids(ctx) && (err == -EBUSY || !has_token))
		snprintf(text, VFIO_CDEV_OPENERS, ", %sheld by a process outside this container",
			 err == -EBUSY ? "its group " : "");
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
