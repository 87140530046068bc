/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Registers of a device, which a driver may want another device to write to
 * (peer to peer). There is nothing to pin, and the IOVA must be in a BAR.
 */

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio.h>
#include <rte_vfio.h>

#include "usermem.h"

#define SYSFS "/sys/bus/pci/devices"
#define IORESOURCE_MEM 0x200 /* include/linux/ioport.h */

struct bar {
	unsigned int index;
	uint64_t phys;
	uint64_t len;
	uint8_t *va;
};

/* The first of the idle device's that is memory and at least a page long. */
static const char *
bar_find(struct bar *bar)
{
	uint64_t start, end, flags;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), SYSFS "/%s/resource", idle_device);
	file = fopen(path, "re");
	CHECK(file != NULL);
	for (bar->index = 0; bar->index < 6; bar->index++) {
		CHECK(fscanf(file, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &flags) == 3);
		if ((flags & IORESOURCE_MEM) != 0 && end - start + 1 >= PAGE)
			break;
	}
	fclose(file);
	CHECK(bar->index < 6);
	bar->phys = start;
	bar->len = end - start + 1;
	return NULL;
}

/* As a driver in user space sees it without VFIO. */
static const char *
bar_open_sysfs(struct bar *bar)
{
	char path[128];
	int fd;

	CHECK_CASE(bar_find(bar));
	snprintf(path, sizeof(path), SYSFS "/%s/resource%u", idle_device, bar->index);
	fd = open(path, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	bar->va = memory_new(bar->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	close(fd);
	return NULL;
}

static const char *
bar_accept(const struct bar *bar)
{
	const uint64_t pinned = pinned_now(), bytes = stats_now().bytes;

	CHECK_RET(map(bar->va, bar->phys, bar->len), 0);
	CHECK(pinned_now() == pinned);
	CHECK(stats_now().bytes == bytes);
	CHECK_RET(unmap(bar->va, bar->phys, bar->len), 0);
	CHECK_RET(unmap(bar->va, bar->phys, bar->len), -EINVAL);
	CHECK_RET(map(bar->va + bar->len - PAGE, bar->phys + bar->len - PAGE, PAGE), 0);
	CHECK_RET(unmap(bar->va + bar->len - PAGE, bar->phys + bar->len - PAGE, PAGE), 0);
	return NULL;
}

static const char *
case_bar_by_sysfs(void)
{
	struct bar bar;

	CHECK_CASE(bar_open_sysfs(&bar));
	CHECK_CASE(bar_accept(&bar));
	munmap(bar.va, bar.len);
	return NULL;
}

/* As the PCI bus of DPDK does, on the fd of the device. */
static const char *
case_bar_by_device_fd(void)
{
	struct vfio_region_info region = { .argsz = sizeof(region) };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct bar bar;
	int fd = -1;

	CHECK_CASE(bar_find(&bar));
	CHECK_RET(rte_vfio_setup_device(SYSFS, idle_device, &fd, &info), 0);
	region.index = bar.index;
	CHECK(ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &region) == 0);
	CHECK(region.size == bar.len && (region.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0);
	bar.va = mmap(NULL, bar.len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, region.offset);
	CHECK(bar.va != MAP_FAILED);
	CHECK_CASE(bar_accept(&bar));
	munmap(bar.va, bar.len);
	CHECK_RET(rte_vfio_release_device(SYSFS, idle_device, fd), 0);
	return NULL;
}

static const char *
case_bar_by_an_iova_that_is_in_none(void)
{
	struct bar bar;

	CHECK_CASE(bar_open_sysfs(&bar));
	CHECK_RET(map(bar.va, NOWHERE, bar.len), -EFAULT);
	CHECK_RET(map(bar.va, bar.phys, bar.len + PAGE), -EFAULT);
	CHECK_RET(map(bar.va, 0, bar.len), -EFAULT);
	munmap(bar.va, bar.len);
	return NULL;
}

static const char *
case_bar_twice_needs_two_unmaps(void)
{
	struct bar bar;

	CHECK_CASE(bar_open_sysfs(&bar));
	CHECK_RET(map(bar.va, bar.phys, bar.len), 0);
	CHECK_RET(map(bar.va, bar.phys, bar.len), 0);
	CHECK_RET(unmap(bar.va, bar.phys, bar.len), 0);
	CHECK_RET(unmap(bar.va, bar.phys, bar.len), 0);
	CHECK_RET(unmap(bar.va, bar.phys, bar.len), -EINVAL);
	munmap(bar.va, bar.len);
	return NULL;
}

static const char *
case_bar_in_parts(void)
{
	struct bar bar;

	CHECK_CASE(bar_open_sysfs(&bar));
	CHECK(bar.len >= 4 * PAGE);
	CHECK_RET(map(bar.va, bar.phys, bar.len), 0);
	CHECK_RET(unmap(bar.va + PAGE, bar.phys + PAGE, PAGE), 0);
	CHECK_RET(unmap(bar.va, bar.phys, PAGE), 0);
	CHECK_RET(unmap(bar.va + 2 * PAGE, bar.phys + 2 * PAGE, bar.len - 2 * PAGE), 0);
	munmap(bar.va, bar.len);
	return NULL;
}

/* Memory is memory, also at a BAR's address. */
static const char *
case_memory_by_a_bars_address(void)
{
	uint8_t *va = anon_new(PAGE);
	struct bar bar;

	CHECK_CASE(bar_find(&bar));
	CHECK_RET(map(va, bar.phys, PAGE), -EADDRNOTAVAIL);
	munmap(va, PAGE);
	return NULL;
}

const struct usermem_case bar_cases[] = {
	CASE(bar_by_sysfs),
	CASE(bar_by_device_fd),
	CASE(bar_by_an_iova_that_is_in_none),
	CASE(bar_twice_needs_two_unmaps),
	CASE(bar_in_parts),
	CASE(memory_by_a_bars_address),
	{ 0 },
};
