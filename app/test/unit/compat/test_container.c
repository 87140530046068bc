/* SPDX-License-Identifier: BSD-3-Clause */

/* The container: the kernel's, or a file of /dev/iommu that stands for it. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "compat.h"
#include "container.h"
#include "test_compat.h"

#define TYPE1 UINT64_C(1)
#define NOIOMMU ((uintptr_t)COMPAT_NOIOMMU)

static void
kernels_container_is_used_where_there_is_one(void **state)
{
	int fd;

	(void)state;
	assert_false(front_is_used());
	fd = container_get();
	assert_true(is_node(fd, COMPAT_CONTAINER));
	assert_true(container_is(fd));
	assert_true(front_is_used());
	assert_int_equal(files_open(), 1);
	assert_string_equal(log_text(), "");
}

/* Recognized in any process that it is sent to, and closed without a call of the library. */
static void
without_one_an_iommufd_stands_for_it(void **state)
{
	int fd, other;

	(void)state;
	machine.ioctl_ret = -1;
	machine.ioctl_errno = EPERM;
	machine_without_groups();
	other = open(FAKE_IOMMU, O_RDWR);
	/* The process that it was sent by may have it as a container, but not this one. */
	assert_true(container_is(other));
	assert_fails(ioctl(other, COMPAT_GET_API_VERSION), EPERM);
	fd = open(COMPAT_CONTAINER, O_RDWR | O_CLOEXEC);
	assert_true(is_node(fd, FAKE_IOMMU));
	assert_true(container_is(fd));
	assert_int_equal(machine.open_flags, O_RDWR | O_CLOEXEC);
	assert_int_equal(close(fd), 0);
	fd = open(COMPAT_CONTAINER, O_RDONLY);
	assert_int_equal(machine.open_flags, O_RDWR);
	assert_int_equal(files_open(), 2);
}

static void
iommufd_that_cannot_be_opened_leaves_the_first_error(void **state)
{
	(void)state;
	machine_without_groups();
	fake_node(FAKE_IOMMU)->open_error = EACCES;
	assert_fails(open(COMPAT_CONTAINER, O_RDWR), ENOENT);
	assert_int_equal(files_open(), 0);
}

/* What the caller has done wrong, or is not allowed to do. */
static void
other_errors_are_the_kernels(void **state)
{
	(void)state;
	fake_node(COMPAT_CONTAINER)->open_error = EACCES;
	assert_fails(open(COMPAT_CONTAINER, O_RDWR), EACCES);
	fake_node(COMPAT_CONTAINER)->open_error = ENOENT;
	assert_fails(open(COMPAT_CONTAINER, O_RDWR | O_CREAT, 0600), ENOENT);
	assert_fails(open(COMPAT_CONTAINER, O_RDWR | O_DIRECTORY), ENOENT);
	assert_fails(open(COMPAT_CONTAINER, O_PATH), ENOENT);
	assert_int_equal(files_open(), 0);
	fake_node(COMPAT_CONTAINER)->open_error = ENODEV;
	assert_true(is_node(open(COMPAT_CONTAINER, O_RDWR), FAKE_IOMMU));
	fake_node(COMPAT_CONTAINER)->open_error = ENXIO;
	assert_true(is_node(open(COMPAT_CONTAINER, O_RDWR), FAKE_IOMMU));
}

static void
switched_off_it_is_the_kernels(void **state)
{
	(void)state;
	machine_without_groups();
	assert_fails(open(COMPAT_CONTAINER, O_RDWR), ENOENT);
	assert_false(front_is_used());
	assert_int_equal(files_open(), 0);
}

static void
machine_without_such_cdevs_has_no_container(void **state)
{
	(void)state;
	machine_without_groups();
	fake_sysfs_reset();
	fake_sysfs_add("0000:00:09.0", "vfio7", "510:7\n");
	assert_fails(open(COMPAT_CONTAINER, O_RDWR), ENOENT);
	assert_int_equal(files_open(), 0);
}

static void
iommufd_answers_as_a_container_without_an_iommu(void **state)
{
	int fd, group;

	(void)state;
	machine_without_groups();
	fd = container_get();
	assert_int_equal(ioctl(fd, COMPAT_GET_API_VERSION), 0);
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, NOIOMMU), 1);
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, TYPE1), 0);
	assert_fails(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), EINVAL);
	group = open(COMPAT_GROUP "1000000", O_RDWR);
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &fd), 0);
	assert_fails(ioctl(fd, COMPAT_SET_IOMMU, TYPE1), EINVAL);
	assert_int_equal(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), 0);
	assert_int_equal(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), 0);
	assert_fails(ioctl(fd, COMPAT_SET_IOMMU, TYPE1), EINVAL);
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, TYPE1), 0);
	assert_int_equal(machine.ioctls, 0);
}

#define assert_kernel_called(request, arg) \
	do { \
		assert_int_equal(machine.ioctls, 1); \
		assert_int_equal(machine.ioctl_request, request); \
		assert_int_equal(machine.ioctl_arg, arg); \
		machine.ioctls = 0; \
	} while (0)

static void
kernels_container_answers_while_no_group_of_ours_is_in_it(void **state)
{
	const int fd = container_get();

	(void)state;
	machine.ioctl_ret = 1;
	assert_int_equal(ioctl(fd, COMPAT_GET_API_VERSION), 1);
	assert_kernel_called(COMPAT_GET_API_VERSION, machine.ioctl_arg);
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, NOIOMMU), 1);
	assert_int_equal(machine.ioctls, 0);
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, TYPE1), 1);
	assert_kernel_called(COMPAT_CHECK_EXTENSION, TYPE1);
	machine.ioctl_ret = -1;
	machine.ioctl_errno = EPERM;
	assert_fails(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), EPERM);
	assert_kernel_called(COMPAT_SET_IOMMU, NOIOMMU);
}

/* Of the kernel's groups it has none, so that it refuses. */
static void
kernels_container_takes_a_group_of_ours(void **state)
{
	const int fd = container_get(), group = open(GROUP0, O_RDWR);

	(void)state;
	machine.ioctl_ret = -1;
	machine.ioctl_errno = EINVAL;
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &fd), 0);
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, TYPE1), 0);
	assert_fails(ioctl(fd, COMPAT_SET_IOMMU, TYPE1), EINVAL);
	assert_int_equal(machine.ioctls, 0);
	assert_int_equal(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), 0);
	assert_kernel_called(COMPAT_SET_IOMMU, NOIOMMU);
	assert_int_equal(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), 0);
	/* One of the kernel's has joined. */
	machine.ioctl_ret = 0;
	assert_int_equal(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), 0);
}

/* Its own group is in it as well, and is not allowed. */
static void
other_errors_of_the_kernels_container_are_returned(void **state)
{
	const int fd = container_get(), group = open(GROUP0, O_RDWR);

	(void)state;
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &fd), 0);
	machine.ioctl_ret = -1;
	machine.ioctl_errno = EPERM;
	assert_fails(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), EPERM);
	assert_fails(device_get(group, ADDR0), EINVAL);
	machine.ioctl_ret = 0;
	assert_int_equal(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), 0);
	assert_true(device_get(group, ADDR0) >= 0);
}

/* Devices with an IOMMU, and those without one, are not in one container. */
static void
container_with_an_iommu_takes_no_group_of_ours(void **state)
{
	int fd = container_get(), group = open(GROUP0, O_RDWR);

	(void)state;
	assert_int_equal(ioctl(fd, COMPAT_SET_IOMMU, TYPE1), 0);
	assert_true(container_has_iommu(fd));
	assert_fails(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &fd), EPERM);
	assert_logged(ERR, ADDR0 ": ", "has no IOMMU", strerror(EPERM), "container of its own");
	/* Another container of the same number. */
	close(fd);
	assert_int_equal(container_get(), fd);
	assert_false(container_has_iommu(fd));
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &fd), 0);
}

/* VFIO_SET_IOMMU that the kernel refuses changes nothing. */
static void
container_that_was_refused_an_iommu_has_none(void **state)
{
	int fd = container_get(), group = open(GROUP0, O_RDWR);

	(void)state;
	machine.ioctl_ret = -1;
	machine.ioctl_errno = EINVAL;
	assert_fails(ioctl(fd, COMPAT_SET_IOMMU, TYPE1), EINVAL);
	assert_false(container_has_iommu(fd));
	assert_fails(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), EINVAL);
	assert_false(container_is_allowed(fd));
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &fd), 0);
	assert_fails(device_get(group, ADDR0), EINVAL);
}

/* The kernel's group was there first, and the container is set up for it. */
static void
group_of_ours_joins_one_of_the_kernels(void **state)
{
	int fd = container_get(), group = open(GROUP0, O_RDWR);
	const int kernels = open(GROUP2, O_RDWR);

	(void)state;
	assert_int_equal(ioctl(kernels, COMPAT_GROUP_SET_CONTAINER, &fd), 0);
	assert_kernel_called(COMPAT_GROUP_SET_CONTAINER, (uintptr_t)&fd);
	assert_int_equal(ioctl(fd, COMPAT_SET_IOMMU, NOIOMMU), 0);
	assert_true(container_is_allowed(fd));
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &fd), 0);
	assert_true(device_get(group, ADDR0) >= 0);
}

/* VFIO_SET_IOMMU was answered without it: its container had no group of its own. */
static void
group_of_the_kernels_joins_one_of_ours(void **state)
{
	int fd = container_get();
	const int kernels = open(GROUP2, O_RDWR);

	(void)state;
	machine.ioctl_ret = -1;
	machine.ioctl_errno = EINVAL;
	group_get(GROUP0, fd);
	assert_false(container_is_allowed(fd));
	machine.ioctls = 0;
	assert_fails(ioctl(kernels, COMPAT_GROUP_SET_CONTAINER, &fd), EINVAL);
	assert_kernel_called(COMPAT_GROUP_SET_CONTAINER, (uintptr_t)&fd);
	machine.ioctl_ret = 0;
	assert_int_equal(ioctl(kernels, COMPAT_GROUP_SET_CONTAINER, &fd), 0);
	assert_int_equal(machine.ioctls, 2);
	assert_int_equal(machine.ioctl_request, COMPAT_SET_IOMMU);
	assert_int_equal(machine.ioctl_arg, NOIOMMU);
	assert_true(container_is_allowed(fd));
	/* In a container of its own it is alone. */
	fd = container_get();
	machine.ioctls = 0;
	assert_int_equal(ioctl(kernels, COMPAT_GROUP_SET_CONTAINER, &fd), 0);
	assert_int_equal(machine.ioctls, 1);
}

/* The container has none of ours then. */
static void
group_whose_fd_was_closed_is_in_no_container(void **state)
{
	int fd = container_get();
	const int group = group_get(GROUP0, fd);

	(void)state;
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, TYPE1), 0);
	machine.ioctl_ret = 1;
	close(group);
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, TYPE1), 1);
	/* Another file has its number. */
	machine.ioctl_ret = 0;
	assert_int_equal(group_get(GROUP0, fd), group);
	close(group);
	assert_int_equal(open(GROUP1, O_RDWR), group);
	machine.ioctl_ret = 1;
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, TYPE1), 1);
}

/* The number of another ioctl, or of one on another file. */
static void
other_ioctls_are_the_kernels(void **state)
{
	const int fd = container_get(), cdev = open(CDEV0, O_RDWR);

	(void)state;
	assert_int_equal(ioctl(fd, _IO(';', 113), 5UL), 0);
	assert_kernel_called(_IO(';', 113), 5);
	assert_fails(ioctl(NO_FD, COMPAT_GET_API_VERSION), EBADF);
	assert_fails(ioctl(STDIN_FILENO, COMPAT_CHECK_EXTENSION, NOIOMMU), ENOTTY);
	assert_fails(ioctl(cdev, COMPAT_SET_IOMMU, NOIOMMU), EINVAL);
	assert_int_equal(machine.ioctls, 0);
}

/* Where the front has no part in the machine, "no IOMMU" is for the kernel to decide. */
static void
kernels_container_without_a_part_of_ours_is_left_alone(void **state)
{
	int fd;

	(void)state;
	fake_sysfs_reset();
	fd = container_get();
	assert_int_equal(ioctl(fd, COMPAT_CHECK_EXTENSION, NOIOMMU), 0);
	assert_kernel_called(COMPAT_CHECK_EXTENSION, NOIOMMU);
	assert_int_equal(ioctl(fd, COMPAT_SET_IOMMU, TYPE1), 0);
	assert_kernel_called(COMPAT_SET_IOMMU, TYPE1);
}

int
compat_container_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(kernels_container_without_a_part_of_ours_is_left_alone),
		COMPAT_TEST(kernels_container_is_used_where_there_is_one),
		COMPAT_TEST(without_one_an_iommufd_stands_for_it),
		COMPAT_TEST_ENV(without_one_an_iommufd_stands_for_it, "RTE_VFIO_CDEV=require"),
		COMPAT_TEST(iommufd_that_cannot_be_opened_leaves_the_first_error),
		COMPAT_TEST(other_errors_are_the_kernels),
		COMPAT_TEST_ENV(switched_off_it_is_the_kernels, "RTE_VFIO_CDEV=off"),
		COMPAT_TEST_ENV(switched_off_it_is_the_kernels, "RTE_VFIO_CDEV=nonsense"),
		COMPAT_TEST(machine_without_such_cdevs_has_no_container),
		COMPAT_TEST(iommufd_answers_as_a_container_without_an_iommu),
		COMPAT_TEST(kernels_container_answers_while_no_group_of_ours_is_in_it),
		COMPAT_TEST(kernels_container_takes_a_group_of_ours),
		COMPAT_TEST(other_errors_of_the_kernels_container_are_returned),
		COMPAT_TEST(container_with_an_iommu_takes_no_group_of_ours),
		COMPAT_TEST(container_that_was_refused_an_iommu_has_none),
		COMPAT_TEST(group_of_ours_joins_one_of_the_kernels),
		COMPAT_TEST(group_of_the_kernels_joins_one_of_ours),
		COMPAT_TEST(group_whose_fd_was_closed_is_in_no_container),
		COMPAT_TEST(other_ioctls_are_the_kernels),
	};

	return COMPAT_RUN("compat: container", tests);
}
