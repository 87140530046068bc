/* SPDX-License-Identifier: BSD-3-Clause */

/* Arguments that container and group do not expect, and calls in another order. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "abuse.h"

#define UNKNOWN _IO(VFIO_TYPE, 250)
#define FOREIGN _IO('x', 1)
#define NOWHERE ((void *)8)

static const char *
nodes_open(int *container, int *group)
{
	struct vfio_group found;

	CHECK(vfio_group_find(&found, abuse_bdf) == 0);
	*container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	*group = open(found.node, O_RDWR | O_CLOEXEC);
	CHECK(*container >= 0 && *group >= 0);
	return NULL;
}

static const char *
case_group_argsz(void)
{
	struct vfio_group_status status;
	int container, group;

	CHECK_CASE(nodes_open(&container, &group));
	for (uint32_t argsz = 0; argsz <= 16; argsz += 4) {
		status = (struct vfio_group_status){ .argsz = argsz, .flags = 0xff };
		note("argsz %u", argsz);
		NOTE_VALUE(ioctl(group, VFIO_GROUP_GET_STATUS, &status));
		note("then argsz %u, flags %#x", status.argsz, status.flags);
	}
	status.argsz = UINT32_MAX;
	NOTE_VALUE(ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	NOTE(ioctl(group, VFIO_GROUP_GET_STATUS, NULL));
	NOTE(ioctl(group, VFIO_GROUP_GET_STATUS, NOWHERE));
	return NULL;
}

static const char *
case_group_calls_that_are_not_its_own(void)
{
	int container, group;
	char byte = 0;

	CHECK_CASE(nodes_open(&container, &group));
	NOTE(ioctl(group, UNKNOWN, 0));
	NOTE(ioctl(group, UNKNOWN, NOWHERE));
	NOTE(ioctl(group, FOREIGN, 0));
	NOTE(ioctl(group, 0, 0));
	NOTE(ioctl(group, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU));
	NOTE(ioctl(group, VFIO_GET_API_VERSION));
	NOTE(ioctl(group, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU));
	NOTE(read(group, &byte, 1));
	NOTE(pread(group, &byte, 1, 0));
	NOTE(write(group, &byte, 1));
	NOTE(mmap(NULL, SMALL_PAGE, PROT_READ, MAP_SHARED, group, 0) == MAP_FAILED ? -1 : 0);
	return NULL;
}

static const char *
case_group_order(void)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC), none = -1, far = 12345;
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int container, group;

	CHECK_CASE(nodes_open(&container, &group));
	NOTE(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, abuse_bdf));
	NOTE(ioctl(group, VFIO_GROUP_UNSET_CONTAINER));
	NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, &none));
	NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, &far));
	NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, &null));
	NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, NULL));
	NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, NOWHERE));
	NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, &group));
	NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	NOTE(ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	note("flags %#x", status.flags);
	NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	NOTE(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, abuse_bdf));
	NOTE(ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU));
	NOTE(ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU));
	NOTE(ioctl(group, VFIO_GROUP_UNSET_CONTAINER));
	NOTE(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, abuse_bdf));
	NOTE(ioctl(group, VFIO_GROUP_UNSET_CONTAINER));
	NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	NOTE(ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU));
	NOTE(ioctl(group, VFIO_GROUP_GET_DEVICE_FD, abuse_bdf));
	return NULL;
}

static const char *
case_group_names_of_devices(void)
{
	static const char *const names[] = { "",
					     "0000:00:1f.7",
					     "zzz",
					     "0000:00:03.0 ",
					     "0000:00:03.0 vf_token=",
					     "0000:00:03.0 vf_token=1",
					     "0000:00:03.0 x",
					     "0000:00:03",
					     "../0000:00:03.0",
					     "%s%n" };
	char *edge = mmap(NULL, 2 * SMALL_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	static char long_name[3 * SMALL_PAGE];

	CHECK(edge != MAP_FAILED && munmap(edge + SMALL_PAGE, SMALL_PAGE) == 0);
	CHECK_CASE(device_open());
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		note("\"%s\"", names[i]);
		NOTE(ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD, names[i]));
	}
	NOTE(ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD, NULL));
	NOTE(ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD, NOWHERE));
	memset(long_name, 'x', sizeof(long_name) - 1);
	NOTE(ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD, long_name));
	memset(edge, 'x', SMALL_PAGE);
	NOTE(ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD, edge + SMALL_PAGE - 4));
	strcpy(edge + SMALL_PAGE - strlen(abuse_bdf) - 1, abuse_bdf);
	NOTE(ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD,
		   edge + SMALL_PAGE - strlen(abuse_bdf) - 1));
	return NULL;
}

static const char *
case_container_calls(void)
{
	struct vfio_iommu_type1_dma_map map = { .argsz = sizeof(map), .size = SMALL_PAGE };
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	int container, group;
	char byte = 0;

	CHECK_CASE(nodes_open(&container, &group));
	for (int round = 0; round < 3; round++) {
		note("round %d", round);
		for (int extension = 0; extension < 12; extension++)
			NOTE_VALUE(ioctl(container, VFIO_CHECK_EXTENSION, extension));
		NOTE_VALUE(ioctl(container, VFIO_CHECK_EXTENSION, 100000));
		NOTE_VALUE(ioctl(container, VFIO_CHECK_EXTENSION, -1L));
		NOTE_VALUE(ioctl(container, VFIO_GET_API_VERSION));
		NOTE(ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
		NOTE(ioctl(container, VFIO_IOMMU_GET_INFO, &info));
		NOTE(ioctl(container, UNKNOWN, 0));
		NOTE(ioctl(container, FOREIGN, NOWHERE));
		NOTE(read(container, &byte, 1));
		NOTE(write(container, &byte, 1));
		NOTE(ioctl(container, VFIO_SET_IOMMU, 0));
		NOTE(ioctl(container, VFIO_SET_IOMMU, 100000));
		NOTE(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
		if (round == 0)
			NOTE(ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU));
		if (round == 0)
			NOTE(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
		if (round == 1)
			NOTE(ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU));
	}
	return NULL;
}

static const char *
case_device_calls(void)
{
	struct vfio_device_info info = { .argsz = 4 };
	struct vfio_region_info region = { .argsz = sizeof(region), .index = 1000 };
	uint64_t bytes = 0;

	CHECK_CASE(device_open());
	NOTE(ioctl(abuse_vfio.device, VFIO_DEVICE_GET_INFO, &info));
	info.argsz = sizeof(info);
	NOTE(ioctl(abuse_vfio.device, VFIO_DEVICE_GET_INFO, &info));
	note("%u regions, %u interrupts", info.num_regions, info.num_irqs);
	NOTE(ioctl(abuse_vfio.device, VFIO_DEVICE_GET_INFO, NULL));
	NOTE(ioctl(abuse_vfio.device, VFIO_DEVICE_GET_REGION_INFO, &region));
	NOTE(ioctl(abuse_vfio.device, UNKNOWN, 0));
	NOTE(ioctl(abuse_vfio.device, FOREIGN, 0));
	NOTE(pread(abuse_vfio.device, &bytes, 8, (off_t)50 << 40));
	NOTE(ioctl(abuse_vfio.device, VFIO_DEVICE_RESET));
	return NULL;
}

static const char *
case_device_twice(void)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int again;

	CHECK_CASE(device_open());
	again = ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD, abuse_bdf);
	CHECK(again >= 0 && again != abuse_vfio.device);
	CHECK(close(abuse_vfio.device) == 0);
	CHECK(ioctl(again, VFIO_DEVICE_GET_INFO, &info) == 0);
	CHECK(close(again) == 0);
	again = ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD, abuse_bdf);
	CHECK(again >= 0);
	CHECK(ioctl(again, VFIO_DEVICE_GET_INFO, &info) == 0);
	return NULL;
}

/* As a program does that loses and finds its devices. */
static const char *
case_device_again_and_again(void)
{
	unsigned int files = 0;

	for (int i = 0; i < 20; i++) {
		CHECK_CASE(device_open());
		vfio_group_close(&abuse_vfio);
		if (i == 1)
			files = files_open();
	}
	CHECK(files_open() == files);
	return NULL;
}

static const char *
case_group_twice(void)
{
	int container, group;
	struct vfio_group found;

	CHECK_CASE(nodes_open(&container, &group));
	CHECK(vfio_group_find(&found, abuse_bdf) == 0);
	NOTE(open(found.node, O_RDWR | O_CLOEXEC));
	close(group);
	NOTE(open(found.node, O_RDWR | O_CLOEXEC));
	return NULL;
}

const struct abuse_case group_cases[] = {
	CASE(group_argsz),
	CASE(group_calls_that_are_not_its_own),
	CASE(group_order),
	CASE(group_names_of_devices),
	CASE(group_twice),
	CASE(container_calls),
	CASE(device_calls),
	CASE(device_twice),
	CASE(device_again_and_again),
	{ NULL, NULL, false },
};
