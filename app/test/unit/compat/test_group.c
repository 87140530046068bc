/* SPDX-License-Identifier: BSD-3-Clause */

/* Groups: the cdev of a device in place of its group, and the ioctls before there is a device. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fake_heap.h"
#include "group.h"
#include "test_compat.h"

static void
names_of_groups_are_parsed_whole(void **state)
{
	static const char *const groups[] = {
		GROUP0,
		COMPAT_GROUP "4294967295",
		COMPAT_DIR "1000000",
		COMPAT_DIR "4294967295",
	};
	static const char *const others[] = {
		COMPAT_GROUP "",   COMPAT_GROUP "01",	      COMPAT_GROUP "0x1",
		COMPAT_GROUP "1 ", COMPAT_GROUP "+1",	      COMPAT_GROUP "-1",
		COMPAT_GROUP " 1", COMPAT_GROUP "4294967296", COMPAT_GROUP "99999999999999999999",
		COMPAT_DIR "",	   COMPAT_DIR "12a",	      COMPAT_DIR "devices/vfio0",
		COMPAT_DIR "0",	   COMPAT_DIR "999999",	      COMPAT_CONTAINER,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		assert_true(group_is_path(groups[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(group_is_path(others[i]));
}

static void
group_of_a_cdev_is_the_cdev(void **state)
{
	int fd;

	(void)state;
	fd = open(GROUP0, O_RDWR);
	assert_true(is_node(fd, CDEV0));
	assert_int_equal(files_open(), 1);
	assert_false(fake_node(CDEV0)->group_open);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_int_equal(machine.open_flags, O_RDWR);
	assert_true(is_node(open(GROUP1, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), CDEV1));
	assert_int_equal(machine.open_flags, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	assert_string_equal(log_text(), "");
}

static void
where_the_kernel_has_no_groups_they_are_numbered_by_their_cdevs(void **state)
{
	(void)state;
	machine_without_groups();
	assert_true(is_node(open(COMPAT_GROUP "1000001", O_RDWR), CDEV1));
	assert_true(is_node(open(COMPAT_GROUP "1000000", O_RDWR), CDEV0));
	assert_true(is_node(open(COMPAT_DIR "1000000", O_RDWR), CDEV0));
	assert_fails(open(COMPAT_GROUP "1000002", O_RDWR), ENOENT);
	assert_fails(open(COMPAT_GROUP "999999", O_RDWR), ENOENT);
}

static void
other_groups_are_the_kernels(void **state)
{
	int fd;

	(void)state;
	fake_node_add(COMPAT_DIR "7", 511, 7);
	fd = open(GROUP2, O_RDWR);
	assert_true(is_node(fd, GROUP2));
	assert_int_equal(ioctl(fd, COMPAT_GROUP_GET_DEVICE_FD, ADDR2), 0);
	assert_int_equal(machine.ioctl_request, COMPAT_GROUP_GET_DEVICE_FD);
	assert_true(is_node(open(COMPAT_DIR "7", O_RDWR), COMPAT_DIR "7"));
	assert_fails(open(COMPAT_GROUP "77", O_RDWR), ENOENT);
	fd = open(GROUP0, O_PATH);
	assert_true(is_node(fd, GROUP0));
	close(fd);
	assert_string_equal(log_text(), "");
}

/* The group of a device with an IOMMU, and one that has two devices. */
static void
groups_that_are_not_one_device_without_an_iommu_are_the_kernels(void **state)
{
	(void)state;
	fake_sysfs_link("../../../../bus/pci/devices/" ADDR1,
			"kernel/iommu_groups/0/devices/" ADDR1);
	assert_true(is_node(open(GROUP0, O_RDWR), GROUP0));
	assert_true(is_node(open(GROUP1, O_RDWR), CDEV1));
}

static void
where_cdevs_are_required_other_groups_are_refused(void **state)
{
	(void)state;
	fake_node_add(COMPAT_DIR "7", 511, 7);
	assert_true(is_node(open(COMPAT_DIR "7", O_RDWR), COMPAT_DIR "7")); /* with an IOMMU */
	assert_fails(open(GROUP2, O_RDWR), ENODEV);
	assert_logged(ERR, GROUP2 ": ", "no cdev", strerror(ENODEV), "vfio-pci",
		      "RTE_VFIO_CDEV=prefer");
	assert_fails(open(COMPAT_GROUP "77", O_RDWR), ENOENT);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	assert_int_equal(files_open(), 1);
	assert_true(is_node(open(GROUP0, O_RDWR), CDEV0));
}

static void
switched_off_all_groups_are_the_kernels(void **state)
{
	(void)state;
	assert_true(is_node(open(GROUP0, O_RDWR), GROUP0));
	assert_true(is_node(open(GROUP2, O_RDWR), GROUP2));
}

static void
node_of_another_device_is_refused(void **state)
{
	(void)state;
	fake_node_remove(CDEV0);
	fake_node_add(CDEV0, FAKE_MAJOR, 9);
	assert_fails(open(GROUP0, O_RDWR), ENXIO);
	assert_logged(ERR, ADDR0 ": ", "cannot open " CDEV0, strerror(ENXIO), "left over");
	assert_int_equal(files_open(), 0);
}

static void
cdev_that_cannot_be_opened_is_explained(void **state)
{
	static const struct {
		int err;
		const char *advice;
	} errors[] = {
		{ ENOENT, "--device" },
		{ EPERM, "CAP_SYS_RAWIO" },
		{ EACCES, "owner or mode" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		log_clear();
		fake_node(CDEV0)->open_error = errors[i].err;
		assert_fails(open(GROUP0, O_RDWR), errors[i].err);
		assert_logged(ERR, ADDR0 ": ", "cannot open " CDEV0, strerror(errors[i].err),
			      errors[i].advice);
		assert_int_equal(files_open(), 0);
	}
}

static void
sysfs_that_cannot_be_read_is_an_error(void **state)
{
	(void)state;
	fake_sysfs_write("", "kernel/iommu_groups/5/devices");
	fake_node_add(COMPAT_GROUP "5", 511, 5);
	assert_fails(open(COMPAT_GROUP "5", O_RDWR), ENOTDIR);
	assert_int_equal(files_open(), 0);
}

static uint32_t
status_flags(int group)
{
	struct compat_group_status status = { .argsz = sizeof(status), .flags = 0xff };

	assert_int_equal(ioctl(group, COMPAT_GROUP_GET_STATUS, &status), 0);
	assert_int_equal(status.argsz, sizeof(status));
	return status.flags;
}

static void
status_shows_whether_the_group_is_in_a_container(void **state)
{
	struct compat_group_status status = { .argsz = sizeof(status) - 1 };
	int container = container_get(), group = open(GROUP0, O_RDWR);

	(void)state;
	assert_int_equal(status_flags(group), COMPAT_GROUP_VIABLE);
	assert_fails(ioctl(group, COMPAT_GROUP_GET_STATUS, &status), EINVAL);
	status.argsz = 100;
	assert_int_equal(ioctl(group, COMPAT_GROUP_GET_STATUS, &status), 0);
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), 0);
	assert_int_equal(status_flags(group), COMPAT_GROUP_VIABLE | COMPAT_GROUP_CONTAINER_SET);
	assert_int_equal(ioctl(group, COMPAT_GROUP_UNSET_CONTAINER), 0);
	assert_int_equal(status_flags(group), COMPAT_GROUP_VIABLE);
}

static void
container_is_set_once(void **state)
{
	int container = container_get(), group = open(GROUP0, O_RDWR);

	(void)state;
	assert_fails(ioctl(group, COMPAT_GROUP_UNSET_CONTAINER), EINVAL);
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), 0);
	assert_fails(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), EINVAL);
	assert_int_equal(ioctl(group, COMPAT_GROUP_UNSET_CONTAINER), 0);
	assert_fails(ioctl(group, COMPAT_GROUP_UNSET_CONTAINER), EINVAL);
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), 0);
	/* Another group is another matter, and so is one that is opened anew. */
	assert_int_equal(status_flags(open(GROUP1, O_RDWR)), COMPAT_GROUP_VIABLE);
	close(group);
	group = open(GROUP0, O_RDWR);
	assert_int_equal(status_flags(group), COMPAT_GROUP_VIABLE);
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), 0);
}

static void
only_a_container_is_one(void **state)
{
	const int no = NO_FD, negative = -1, input = STDIN_FILENO;
	const int group = open(GROUP0, O_RDWR), other = open(GROUP1, O_RDWR);
	const int iommu = open(FAKE_IOMMU, O_RDWR);

	(void)state;
	assert_fails(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &no), EBADF);
	assert_fails(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &negative), EBADF);
	assert_fails(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &input), EBADFD);
	assert_fails(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &other), EBADFD);
	assert_int_equal(status_flags(group), COMPAT_GROUP_VIABLE);
	/* It may stand for one, in the process that it comes from. */
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &iommu), 0);
}

static void
short_memory_is_reported(void **state)
{
	int container = container_get(), group = open(GROUP0, O_RDWR);

	(void)state;
	fake_heap_fail(FAKE_HEAP_REALLOCARRAY);
	assert_fails(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), ENOMEM);
	assert_int_equal(status_flags(group), COMPAT_GROUP_VIABLE);
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), 0);
}

static void
invalid_pointers_are_refused(void **state)
{
	static const unsigned long requests[] = {
		COMPAT_GROUP_GET_STATUS,
		COMPAT_GROUP_SET_CONTAINER,
		COMPAT_GROUP_GET_DEVICE_FD,
	};
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int group = open(GROUP0, O_RDWR);

	(void)state;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		assert_fails(ioctl(group, requests[i], NULL), EFAULT);
		assert_fails(ioctl(group, requests[i], memory), EFAULT);
		assert_fails(ioctl(group, requests[i], (void *)UINTPTR_MAX), EFAULT);
	}
	/* It can be read, but not written. */
	assert_int_equal(mprotect(memory, page, PROT_READ | PROT_WRITE), 0);
	((struct compat_group_status *)(void *)memory)->argsz = 8;
	assert_int_equal(mprotect(memory, page, PROT_READ), 0);
	assert_fails(ioctl(group, COMPAT_GROUP_GET_STATUS, memory), EFAULT);
	assert_int_equal(status_flags(group), COMPAT_GROUP_VIABLE);
	munmap(memory, page);
}

static void
files_that_are_no_group_are_the_kernels(void **state)
{
	struct compat_group_status status = { .argsz = sizeof(status) };

	(void)state;
	assert_fails(ioctl(NO_FD, COMPAT_GROUP_GET_STATUS, &status), EBADF);
	assert_fails(ioctl(STDIN_FILENO, COMPAT_GROUP_GET_STATUS, &status), ENOTTY);
	assert_int_equal(ioctl(container_get(), COMPAT_GROUP_GET_STATUS, &status), 0);
	assert_int_equal(machine.ioctl_request, COMPAT_GROUP_GET_STATUS);
}

/* A device with an IOMMU has a group of the kernel's, and its cdev is none. */
static void
cdev_of_a_device_with_an_iommu_is_no_group(void **state)
{
	struct compat_group_status status = { .argsz = sizeof(status) };
	char dir[4096];
	int fd;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/0000:00:09.0", fake_sysfs_base());
	fake_sysfs_add("0000:00:09.0", "vfio5", "510:5\n");
	fake_sysfs_link("../../../../bus/pci", "bus/pci/devices/0000:00:09.0/subsystem");
	fake_sysfs_link(dir, "dev/char/510:5/device");
	fake_node_add(FAKE_CDEV("vfio5"), FAKE_MAJOR, 5);
	fd = open(FAKE_CDEV("vfio5"), O_RDWR);
	assert_fails(ioctl(fd, COMPAT_GROUP_GET_STATUS, &status), EINVAL);
	assert_fails(readlink("/sys/bus/pci/devices/0000:00:09.0/iommu_group", dir, sizeof(dir)),
		     ENOENT);
	assert_fails(open(COMPAT_GROUP "1000005", O_RDWR), ENOENT);
}

int
compat_group_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(cdev_of_a_device_with_an_iommu_is_no_group),
		COMPAT_TEST(names_of_groups_are_parsed_whole),
		COMPAT_TEST(group_of_a_cdev_is_the_cdev),
		COMPAT_TEST_ENV(group_of_a_cdev_is_the_cdev, "RTE_VFIO_CDEV=require"),
		COMPAT_TEST(where_the_kernel_has_no_groups_they_are_numbered_by_their_cdevs),
		COMPAT_TEST(other_groups_are_the_kernels),
		COMPAT_TEST(groups_that_are_not_one_device_without_an_iommu_are_the_kernels),
		COMPAT_TEST_ENV(where_cdevs_are_required_other_groups_are_refused,
				"RTE_VFIO_CDEV=require"),
		COMPAT_TEST_ENV(switched_off_all_groups_are_the_kernels, "RTE_VFIO_CDEV=off"),
		COMPAT_TEST(node_of_another_device_is_refused),
		COMPAT_TEST(cdev_that_cannot_be_opened_is_explained),
		COMPAT_TEST(sysfs_that_cannot_be_read_is_an_error),
		COMPAT_TEST(status_shows_whether_the_group_is_in_a_container),
		COMPAT_TEST(container_is_set_once),
		COMPAT_TEST(only_a_container_is_one),
		COMPAT_TEST(short_memory_is_reported),
		COMPAT_TEST(invalid_pointers_are_refused),
		COMPAT_TEST(files_that_are_no_group_are_the_kernels),
	};

	return COMPAT_RUN("compat: group", tests);
}
