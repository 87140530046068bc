/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "compat.h"
#include "container.h"
#include "device.h"
#include "group.h"
#include "log_sink.h"
#include "next.h"
#include "policy.h"
#include "user.h"
#include "vfio_uapi.h"

#define LINK_SUFFIX "/iommu_group"

/*
 * "/dev/vfio/noiommu-N", all of it. Of groups that only this library has the plain number too:
 * programs that look for the group's name in sysfs find none.
 */
static bool
number_parse(const char *path, unsigned int *number)
{
	const bool named = strncmp(path, COMPAT_GROUP, strlen(COMPAT_GROUP)) == 0;
	const char *text = path + strlen(named ? COMPAT_GROUP : COMPAT_DIR);
	char *end;
	unsigned long value;

	if (text[0] < '0' || text[0] > '9' || (text[0] == '0' && text[1] != '\0'))
		return false;
	errno = 0;
	value = strtoul(text, &end, 10);
	*number = value;
	return errno == 0 && *end == '\0' && value <= UINT_MAX &&
		(named || value >= DEVICE_FIRST_GROUP);
}

bool
group_is_path(const char *path)
{
	const int err = errno;
	unsigned int number;
	const bool is = number_parse(path, &number);

	errno = err;
	return is;
}

static int
cdev_open(const struct rte_vfio_cdev_info *info, int flags)
{
	char node[PATH_MAX];
	struct stat st;
	int fd, err = ENXIO;

	snprintf(node, sizeof(node), "/dev/vfio/devices/%s", info->name);
	fd = next.openat(AT_FDCWD, node, flags & (O_ACCMODE | O_CLOEXEC | O_NONBLOCK), 0);
	if (fd >= 0 && next.fstat(fd, &st) == 0 && st.st_rdev == makedev(info->major, info->minor))
		return fd;
	if (fd < 0)
		err = errno;
	else
		next.close(fd);
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "%s: cannot open %s: %s; %s", info->addr, node,
		 strerror(err), rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_OPEN, err));
	return error_return(err);
}

/* RTE_VFIO_CDEV=require, or an invalid value, which was logged. */
static int
group_refuse(const char *path, int kernel)
{
	if (kernel < 0)
		return kernel;
	next.close(kernel);
	sink_log(RTE_VFIO_CDEV_LOG_ERR,
		 "%s: its device has no cdev without an IOMMU: %s; bind it to vfio-pci on Linux >= "
		 "7.3, or set RTE_VFIO_CDEV=prefer",
		 path, strerror(ENODEV));
	return error_return(ENODEV);
}

/* 0: the group's device has a cdev that this process may use. */
static int
group_find(const char *path, struct rte_vfio_cdev_info *info)
{
	unsigned int number;

	front_look_again();
	return front_is_usable() && number_parse(path, &number) ? device_of_group(number, info) :
								  -ENODEV;
}

/* While the kernel's group is open the cdev cannot be bound. */
int
group_open(const char *path, int flags, int kernel)
{
	struct rte_vfio_cdev_info info;
	const int err = errno, ret = group_find(path, &info);

	if (ret == -ENODEV) {
		errno = err;
		return policy_get() == POLICY_REQUIRE || policy_get() == POLICY_INVALID ?
			group_refuse(path, kernel) :
			kernel;
	}
	if (kernel >= 0)
		next.close(kernel);
	if (ret < 0)
		return error_return(-ret);
	front_use();
	device_forget(&info);
	return cdev_open(&info, flags);
}

static int
status_get(int fd, const struct rte_vfio_cdev_info *info, void *arg)
{
	struct compat_group_status status;

	if (!user_read(arg, &status, sizeof(status)))
		return error_return(EFAULT);
	if (status.argsz < sizeof(status))
		return error_return(EINVAL);
	status.flags = COMPAT_GROUP_VIABLE;
	if (device_is_set(info) || device_is_bound(fd))
		status.flags |= COMPAT_GROUP_CONTAINER_SET;
	return user_write(arg, &status, sizeof(status)) ? 0 : error_return(EFAULT);
}

/* As the kernel refuses it. */
static int
container_refuse(const struct rte_vfio_cdev_info *info)
{
	sink_log(RTE_VFIO_CDEV_LOG_ERR,
		 "%s: has no IOMMU, and devices with one are in the container: %s; give it a "
		 "container of its own",
		 info->addr, strerror(EPERM));
	return error_return(EPERM);
}

static int
container_set(int fd, const struct rte_vfio_cdev_info *info, const void *arg)
{
	int container;

	if (!user_read(arg, &container, sizeof(container)))
		return error_return(EFAULT);
	if (fcntl(container, F_GETFD) < 0)
		return error_return(EBADF);
	if (device_is_set(info))
		return error_return(EINVAL);
	if (!container_is(container))
		return error_return(EBADFD);
	if (container_has_iommu(container))
		return container_refuse(info);
	if (device_set(fd, info, container, container_is_allowed(container)))
		return 0;
	sink_log(RTE_VFIO_CDEV_LOG_ERR,
		 "%s: cannot set the container of its group: %s; memory is "
		 "short",
		 info->addr, strerror(ENOMEM));
	return error_return(ENOMEM);
}

static int
container_unset(int fd, const struct rte_vfio_cdev_info *info)
{
	if (!device_is_set(info))
		return error_return(EINVAL);
	if (device_is_bound(fd))
		return error_return(EBUSY);
	device_forget(info);
	return 0;
}

/* Names are shorter; the kernel takes a page. */
#define DEVICE_NAME_LEN 256

static int
device_get(int fd, const struct rte_vfio_cdev_info *info, const char *arg)
{
	char name[DEVICE_NAME_LEN];

	if (!user_text(arg, name, sizeof(name)))
		return error_return(EFAULT);
	return device_open(fd, info, name);
}

/*
 * A group of the kernel's joins groups of this library, for which VFIO_SET_IOMMU was answered
 * without the kernel: its container had none then.
 */
static int
kernel_ioctl(int fd, unsigned long request, void *arg)
{
	const int ret = next.ioctl(fd, request, arg);
	int container;

	if (ret == 0 && request == COMPAT_GROUP_SET_CONTAINER && front_is_on() &&
	    user_read(arg, &container, sizeof(container)) && device_is_any_in(container))
		container_join(container);
	return ret;
}

int
group_ioctl(int fd, unsigned long request, void *arg)
{
	struct rte_vfio_cdev_info info;

	if (!front_is_on() || !device_of_fd(fd, &info))
		return kernel_ioctl(fd, request, arg);
	if (request == COMPAT_GROUP_GET_STATUS)
		return status_get(fd, &info, arg);
	if (request == COMPAT_GROUP_SET_CONTAINER)
		return container_set(fd, &info, arg);
	if (request == COMPAT_GROUP_UNSET_CONTAINER)
		return container_unset(fd, &info);
	return device_get(fd, &info, arg);
}

ssize_t
group_link(const char *path, char *text, size_t size)
{
	const size_t suffix = strlen(LINK_SUFFIX);
	const int err = errno;
	size_t len = strlen(path);
	struct rte_vfio_cdev_info info;
	char link[64];

	if (len <= suffix || len >= PATH_MAX || strcmp(path + len - suffix, LINK_SUFFIX) != 0 ||
	    !front_is_usable() || !device_of_dir(path, len - suffix, &info)) {
		errno = err;
		return -1;
	}
	len = snprintf(link, sizeof(link), "../../../kernel/iommu_groups/%u",
		       DEVICE_FIRST_GROUP + info.minor);
	len = len < size ? len : size;
	return user_write(text, link, len) ? (ssize_t)len : error_return(EFAULT);
}
