/* SPDX-License-Identifier: BSD-3-Clause */

/* The link of a device to its group, where the kernel has none. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "test_compat.h"

#define DEVICES "/sys/bus/pci/devices/"
#define LINK "../../../kernel/iommu_groups/"

static void
device_with_a_cdev_has_a_group(void **state)
{
	char text[64];
	ssize_t len;

	(void)state;
	machine_without_groups();
	memset(text, 'x', sizeof(text));
	len = readlink(DEVICES ADDR1 "/iommu_group", text, sizeof(text));
	assert_int_equal(len, strlen(LINK "1000001"));
	assert_memory_equal(text, LINK "1000001x", len + 1);
	len = readlinkat(AT_FDCWD, DEVICES ADDR0 "/iommu_group", text, sizeof(text));
	assert_memory_equal(text, LINK "1000000x", len + 1);
	/* It is that of the cdev, by the same number. */
	assert_true(is_node(open(COMPAT_GROUP "1000001", O_RDWR), CDEV1));
}

/* As the kernel does: cut off, and without an end. */
static void
link_is_cut_off_where_the_buffer_ends(void **state)
{
	char text[64];

	(void)state;
	machine_without_groups();
	memset(text, 'x', sizeof(text));
	assert_int_equal(readlink(DEVICES ADDR0 "/iommu_group", text, 10), 10);
	assert_memory_equal(text, "../../../kx", 11);
	assert_fails(readlink(DEVICES ADDR0 "/iommu_group", text, 0), EINVAL);
}

static void
links_of_the_kernel_are_the_kernels(void **state)
{
	char text[64];
	ssize_t len;

	(void)state;
	len = readlink(DEVICES ADDR0 "/iommu_group", text, sizeof(text));
	assert_int_equal(len, strlen("../../../../kernel/iommu_groups/0"));
	assert_memory_equal(text, "../../../../kernel/iommu_groups/0", len);
	len = readlink(DEVICES ADDR0 "/subsystem", text, sizeof(text));
	assert_memory_equal(text, "../../../../bus/pci", len);
}

static void
what_has_no_link_has_none(void **state)
{
	static const char *const paths[] = {
		DEVICES ADDR2 "/iommu_group",
		DEVICES "0000:00:09.0/iommu_group",
		DEVICES ADDR0 "/iommu_groups",
		DEVICES ADDR0 "/driver",
		"/sys/iommu_group",
		"/iommu_group",
		"/tmp/" ADDR0 "/iommu_group",
		"iommu_group",
	};
	char text[64];

	(void)state;
	machine_without_groups();
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_fails(readlink(paths[i], text, sizeof(text)), ENOENT);
	assert_fails(readlink((const char *)8, text, sizeof(text)), EFAULT);
	assert_fails(readlink("/sys", text, sizeof(text)), EINVAL);
}

static void
switched_off_there_is_no_link(void **state)
{
	char text[64];

	(void)state;
	machine_without_groups();
	assert_fails(readlink(DEVICES ADDR0 "/iommu_group", text, sizeof(text)), ENOENT);
}

/* A buffer that cannot be written is the kernel's to refuse where it has a link, and ours here. */
static void
long_path_is_no_device(void **state)
{
	char path[8192] = DEVICES, text[64];

	(void)state;
	machine_without_groups();
	memset(path + strlen(path), 'a', 5000);
	strcat(path, "/iommu_group");
	assert_fails(readlink(path, text, sizeof(text)), ENAMETOOLONG);
}

int
compat_link_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(device_with_a_cdev_has_a_group),
		COMPAT_TEST_ENV(device_with_a_cdev_has_a_group, "RTE_VFIO_CDEV=require"),
		COMPAT_TEST(link_is_cut_off_where_the_buffer_ends),
		COMPAT_TEST(links_of_the_kernel_are_the_kernels),
		COMPAT_TEST(what_has_no_link_has_none),
		COMPAT_TEST_ENV(switched_off_there_is_no_link, "RTE_VFIO_CDEV=off"),
		COMPAT_TEST(long_path_is_no_device),
	};

	return COMPAT_RUN("compat: link to a group", tests);
}
