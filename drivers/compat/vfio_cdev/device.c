/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "compat.h"
#include "device.h"
#include "handle.h"
#include "log_sink.h"
#include "next.h"
#include "prime.h"
#include "token.h"
#include "vfio_cdev_front.h"
#include "vfio_uapi.h"

#define NOIOMMU RTE_VFIO_CDEV_NOIOMMU

/* Another process may prime its domain by the device (prime.c): wait until that is done. */
#define BIND_ATTEMPTS 20
#define BIND_WAIT_US 50000

/* What this process knows of a group: whether it is in a container, or unusable. */
struct group {
	unsigned int minor;
	bool set;      /* in a container: */
	int fd;	       /* of the group, when that was done; closed: it is in none */
	int container; /* the fd that was given for it */
	bool allowed;  /* VFIO_SET_IOMMU was called for the container */
	bool bound;    /* by this process */
	bool broken;   /* bound, but not attached */
};

/* Guarded by front_lock. */
static struct group *groups;
static size_t group_count;

static atomic_bool unpinned_logged;

static bool
bus_of(const char *dir, char bus[RTE_VFIO_CDEV_ADDR_LEN])
{
	char path[PATH_MAX + 16], link[PATH_MAX];
	const char *name;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/subsystem", dir);
	len = next.readlinkat(AT_FDCWD, path, link, sizeof(link) - 1);
	if (len <= 0)
		return false;
	link[len] = '\0';
	name = strrchr(link, '/');
	return name != NULL &&
		snprintf(bus, RTE_VFIO_CDEV_ADDR_LEN, "%s", name + 1) < RTE_VFIO_CDEV_ADDR_LEN;
}

static bool
device_find(const char *dir, const char *addr, struct rte_vfio_cdev_info *info)
{
	char bus[RTE_VFIO_CDEV_ADDR_LEN], base[RTE_VFIO_CDEV_ADDR_LEN + 32];
	const struct rte_vfio_cdev_ctx *ctx = front_ctx();

	if (ctx == NULL || !bus_of(dir, bus))
		return false;
	snprintf(base, sizeof(base), "/sys/bus/%s/devices", bus);
	return rte_vfio_cdev_find(ctx, base, addr, info) == 0 && info->mode == NOIOMMU;
}

bool
device_of_dir(const char *path, size_t len, struct rte_vfio_cdev_info *info)
{
	char dir[PATH_MAX];
	const char *name;

	snprintf(dir, sizeof(dir), "%.*s", (int)len, path);
	name = strrchr(dir, '/');
	return name != NULL && strncmp(dir, "/sys/", strlen("/sys/")) == 0 &&
		device_find(dir, name + 1, info);
}

/* The cdev of this number in sysfs, whatever it is. */
static bool
device_of_rdev(dev_t rdev, struct rte_vfio_cdev_info *info)
{
	char path[64], link[PATH_MAX];
	const char *name;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(rdev), minor(rdev));
	len = next.readlinkat(AT_FDCWD, path, link, sizeof(link) - 1);
	if (len <= 0)
		return false;
	link[len] = '\0';
	name = strrchr(link, '/');
	return name != NULL && device_find(path, name + 1, info) && info->major == major(rdev) &&
		info->minor == minor(rdev);
}

bool
device_of_fd(int fd, struct rte_vfio_cdev_info *info)
{
	struct stat st;

	return next.fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && device_of_rdev(st.st_rdev, info);
}

struct search {
	unsigned int minor;
	unsigned int count;
	struct rte_vfio_cdev_info info;
};

static int
member_visit(const struct rte_vfio_cdev_info *info, void *arg)
{
	struct search *search = arg;

	search->info = *info;
	search->count++;
	return 0;
}

static int
minor_visit(const struct rte_vfio_cdev_info *info, void *arg)
{
	struct search *search = arg;

	return info->minor == search->minor ? member_visit(info, arg) : 0;
}

int
device_of_group(unsigned int number, struct rte_vfio_cdev_info *info)
{
	static const char *const buses[] = { "pci", "cdx", "platform" };
	struct search search = { .minor = number - DEVICE_FIRST_GROUP };
	const struct rte_vfio_cdev_ctx *ctx = front_ctx();
	int ret = ctx != NULL ? 0 : -ENOMEM;

	if (ret == 0 && number < DEVICE_FIRST_GROUP)
		ret = rte_vfio_cdev_walk_group(ctx, number, member_visit, &search);
	for (size_t i = 0; i < sizeof(buses) / sizeof(buses[0]) && ret == 0; i++)
		if (number >= DEVICE_FIRST_GROUP)
			ret = rte_vfio_cdev_walk(ctx, buses[i], minor_visit, &search);
	if (ret < 0)
		return ret;
	*info = search.info;
	return search.count == 1 && info->mode == NOIOMMU ? 0 : -ENODEV;
}

/* One that is not refuses the ioctl (vfio_device_fops_unl_ioctl() in drivers/vfio/vfio_main.c). */
bool
device_is_bound(int fd)
{
	struct compat_device_info info = { .argsz = sizeof(info) };

	return next.ioctl(fd, COMPAT_DEVICE_GET_INFO, &info) == 0 || errno != EINVAL;
}

/* front_lock is held. */
static struct group *
group_find(const struct rte_vfio_cdev_info *info)
{
	for (size_t i = 0; i < group_count; i++)
		if (groups[i].minor == info->minor)
			return &groups[i];
	return NULL;
}

static struct group *
group_get(const struct rte_vfio_cdev_info *info)
{
	struct group *group = group_find(info), *more;

	if (group != NULL)
		return group;
	more = reallocarray(groups, group_count + 1, sizeof(*groups));
	if (more == NULL)
		return NULL;
	groups = more;
	group = &groups[group_count++];
	*group = (struct group){ .minor = info->minor };
	return group;
}

/* A copy; zeros if the group is not known. */
static struct group
group_copy(const struct rte_vfio_cdev_info *info)
{
	struct group copy = { .minor = info->minor };
	const struct group *group;

	pthread_mutex_lock(&front_lock);
	group = group_find(info);
	if (group != NULL)
		copy = *group;
	pthread_mutex_unlock(&front_lock);
	return copy;
}

bool
device_is_set(const struct rte_vfio_cdev_info *info)
{
	return group_copy(info).set;
}

/* Groups whose fd was closed are in no container. front_lock is held. */
static void
groups_prune(void)
{
	for (size_t i = 0; i < group_count; i++)
		if (groups[i].set && !handle_is_live(groups[i].fd, groups[i].minor))
			groups[i].set = false;
}

/* A group joins those that are in the container. */
bool
device_set(int fd, const struct rte_vfio_cdev_info *info, int container, bool allowed)
{
	struct group *group;

	pthread_mutex_lock(&front_lock);
	groups_prune();
	for (size_t i = 0; i < group_count; i++)
		allowed |= groups[i].set && groups[i].container == container && groups[i].allowed;
	group = group_get(info);
	if (group != NULL) {
		group->set = true;
		group->fd = fd;
		group->container = container;
		group->allowed = allowed;
	}
	pthread_mutex_unlock(&front_lock);
	return group != NULL;
}

void
device_allow(int container)
{
	pthread_mutex_lock(&front_lock);
	for (size_t i = 0; i < group_count; i++)
		if (groups[i].set && groups[i].container == container)
			groups[i].allowed = true;
	pthread_mutex_unlock(&front_lock);
}

bool
device_is_any_in(int container)
{
	bool is_any = false;

	pthread_mutex_lock(&front_lock);
	groups_prune();
	for (size_t i = 0; i < group_count; i++)
		is_any |= groups[i].set && groups[i].container == container;
	pthread_mutex_unlock(&front_lock);
	return is_any;
}

void
device_forget(const struct rte_vfio_cdev_info *info)
{
	struct group *group;

	pthread_mutex_lock(&front_lock);
	group = group_find(info);
	if (group != NULL)
		*group = (struct group){ .minor = info->minor };
	pthread_mutex_unlock(&front_lock);
}

/* A device was bound, and attached or not. */
static void
group_bound(const struct rte_vfio_cdev_info *info, bool attached)
{
	struct group *group;

	pthread_mutex_lock(&front_lock);
	group = group_find(info);
	if (group != NULL) {
		group->bound = true;
		group->broken = !attached;
	}
	pthread_mutex_unlock(&front_lock);
}

/*
 * Memory is pinned, and addresses are compared, before the file of the group is bound: if that
 * fails, the file is as before.
 */
static int
device_attach(int fd, const struct rte_vfio_cdev_info *info, const void *token)
{
	struct rte_vfio_cdev_domain *domain = front_domain();
	int ret;

	if (domain == NULL)
		return -ENOMEM;
	ret = rte_vfio_cdev_domain_prime(domain, info, token);
	if (ret == 0)
		ret = vfio_cdev_domain_attach(domain, info, fd, token);
	if (device_is_bound(fd))
		group_bound(info, ret == 0);
	return ret;
}

static void
device_report(const struct rte_vfio_cdev_info *info)
{
	struct rte_vfio_cdev_stats stats;

	rte_vfio_cdev_domain_stats(front_domain(), &stats);
	sink_log(RTE_VFIO_CDEV_LOG_INFO,
		 "%s: %s, %s, NUMA node %d, %" PRIu64 " pages pinned where the IOAS reports them",
		 info->addr, info->name, rte_vfio_cdev_mode_name(info->mode), info->numa_node,
		 stats.provisional);
}

static int
device_bind(int fd, const struct rte_vfio_cdev_info *info, const void *token)
{
	int ret = 0;

	for (int i = 0; i < BIND_ATTEMPTS; i++) {
		if (i > 0)
			usleep(BIND_WAIT_US);
		lib_log_defer();
		ret = device_attach(fd, info, token);
		if ((ret != -EINVAL && ret != -EBUSY) || i + 1 == BIND_ATTEMPTS ||
		    device_is_bound(fd))
			break;
		lib_log_flush(false);
	}
	lib_log_flush_all(ret < 0);
	if (ret == 0)
		device_report(info);
	/* As the kernel, which does not let a group be opened that is in use. */
	return ret == -EINVAL && token == NULL && !device_is_bound(fd) ? -EBUSY : ret;
}

/*
 * The file has come from another process, which pins the memory that both have; what this one
 * has alone is pinned only if another device primes its domain.
 */
static void
others_take(const struct rte_vfio_cdev_info *info)
{
	front_use();
	if (front_is_usable() && !prime_domain() && !atomic_exchange(&unpinned_logged, true))
		sink_log(RTE_VFIO_CDEV_LOG_WARNING,
			 "%s: another process has bound %s, and no other device can prime: only "
			 "memory that it shares with this process is pinned; bind one more to "
			 "vfio-pci that no process uses",
			 info->addr, info->name);
}

/* As the kernel does with the first fd of a device. */
static void
device_renew(int fd, const struct rte_vfio_cdev_info *info)
{
	if (!handle_exists(info->minor))
		next.ioctl(fd, COMPAT_DEVICE_RESET, NULL);
}

/* bind_lock is held. */
static int
device_take(int fd, const struct rte_vfio_cdev_info *info, const void *token)
{
	const struct group group = group_copy(info);

	if (group.broken)
		return -EIO;
	if (!device_is_bound(fd)) {
		if (!front_is_usable())
			return -EOPNOTSUPP;
		return group.allowed ? device_bind(fd, info, token) : -EINVAL;
	}
	if (group.bound)
		device_renew(fd, info);
	else
		others_take(info);
	return 0;
}

static void
copy_report(const struct rte_vfio_cdev_info *info)
{
	const int err = errno;

	sink_log(RTE_VFIO_CDEV_LOG_ERR, "%s: cannot copy the file of %s: %s", info->addr,
		 info->name, strerror(err));
	errno = err;
}

int
device_open(int fd, const struct rte_vfio_cdev_info *info, const char *name)
{
	unsigned char token[TOKEN_LEN];
	bool has_token;
	int copy, ret = token_parse(name, info->addr, token, &has_token);

	if (ret == 0) {
		pthread_mutex_lock(&bind_lock);
		ret = device_take(fd, info, has_token ? token : NULL);
		pthread_mutex_unlock(&bind_lock);
	}
	if (ret < 0)
		return error_return(-ret);
	copy = next.fcntl(fd, F_DUPFD_CLOEXEC, NULL);
	if (copy < 0)
		copy_report(info);
	if (copy >= 0 && group_copy(info).bound)
		handle_add(copy, info->minor);
	return copy;
}
