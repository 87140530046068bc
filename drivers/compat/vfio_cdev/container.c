/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "compat.h"
#include "container.h"
#include "device.h"
#include "marks.h"
#include "next.h"
#include "vfio_uapi.h"

/* A file of /dev/iommu stands for a container. */
static atomic_bool token_given;

/* An iommufd of its own, with nothing in it: any process that it is sent to recognizes it. */
static int
token_open(int flags)
{
	const int fd = next.openat(AT_FDCWD, COMPAT_IOMMU, O_RDWR | (flags & O_CLOEXEC), 0);

	if (fd >= 0)
		atomic_store(&token_given, true);
	return fd;
}

static bool
is_iommufd(dev_t rdev)
{
	struct stat st;

	return stat(COMPAT_IOMMU, &st) == 0 && st.st_rdev == rdev;
}

/* Has the machine, or this container of it, no such node? */
static bool
is_without(int err)
{
	return err == ENOENT || err == ENODEV || err == ENXIO;
}

/* Of the kernel's containers, by the number of the fd: VFIO_SET_IOMMU has succeeded there. */
static struct marks allowed, translated;

int
container_open(int flags, int kernel)
{
	const int err = errno;
	int fd = kernel;

	front_look_again();
	front_use();
	if (kernel < 0 && is_without(err) && front_is_usable())
		fd = token_open(flags);
	if (fd >= 0) {
		marks_clear(&allowed, fd);
		marks_clear(&translated, fd);
	}
	errno = err;
	return fd;
}

static bool
is_kernels(dev_t rdev)
{
	return rdev == makedev(COMPAT_MISC_MAJOR, COMPAT_VFIO_MINOR);
}

static bool
rdev_read(int fd, dev_t *rdev)
{
	struct stat st;

	if (next.fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode))
		return false;
	*rdev = st.st_rdev;
	return true;
}

bool
container_is(int fd)
{
	dev_t rdev;

	return rdev_read(fd, &rdev) && (is_kernels(rdev) || is_iommufd(rdev));
}

/* As the kernel does (vfio_ioctl_check_extension()): with a group of ours it has no IOMMU. */
static int
extension_check(int fd, bool kernels, void *arg)
{
	if ((uintptr_t)arg == COMPAT_NOIOMMU)
		return 1;
	if (!kernels || device_is_any_in(fd))
		return 0;
	return next.ioctl(fd, COMPAT_CHECK_EXTENSION, arg);
}

bool
container_is_allowed(int fd)
{
	return marks_have(&allowed, fd);
}

bool
container_has_iommu(int fd)
{
	return marks_have(&translated, fd);
}

/* A number may have been another container's before. */
static int
kernel_iommu_set(int fd, void *arg)
{
	const bool noiommu = (uintptr_t)arg == COMPAT_NOIOMMU;
	const int ret = next.ioctl(fd, COMPAT_SET_IOMMU, arg);

	if (ret == 0) {
		marks_set(noiommu ? &allowed : &translated, fd);
		marks_clear(noiommu ? &translated : &allowed, fd);
	}
	return ret;
}

void
container_join(int fd)
{
	kernel_iommu_set(fd, (void *)(uintptr_t)COMPAT_NOIOMMU);
}

/* The kernel's container has no group of its own then (EINVAL), or one of the same kind. */
static int
iommu_set(int fd, bool kernels, void *arg)
{
	if (!device_is_any_in(fd))
		return kernels ? kernel_iommu_set(fd, arg) : error_return(EINVAL);
	if ((uintptr_t)arg != COMPAT_NOIOMMU)
		return error_return(EINVAL);
	if (kernels && kernel_iommu_set(fd, arg) < 0 && errno != EINVAL)
		return -1;
	device_allow(fd);
	return 0;
}

int
container_ioctl(int fd, unsigned long request, void *arg)
{
	dev_t rdev;
	bool kernels;

	if (!front_is_on() || !rdev_read(fd, &rdev))
		return next.ioctl(fd, request, arg);
	kernels = is_kernels(rdev);
	if (!kernels && !(atomic_load(&token_given) && is_iommufd(rdev)))
		return next.ioctl(fd, request, arg);
	if (request == COMPAT_CHECK_EXTENSION)
		return extension_check(fd, kernels, arg);
	if (request == COMPAT_SET_IOMMU)
		return iommu_set(fd, kernels, arg);
	return kernels ? next.ioctl(fd, request, arg) : 0;
}
