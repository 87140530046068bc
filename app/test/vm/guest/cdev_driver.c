/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * cdev_driver CDEV
 *
 * The driver of nic_e1000.c over a no-IOMMU cdev that it opens itself, as a program
 * of our days does. Prints its nodes, and what the kernel answers.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "huge.h"
#include "iommufd_uapi.h"
#include "nic_e1000.h"
#include "proc.h"
#include "vfio_group.h"

#define FRAMES 100

static void __attribute__((noreturn)) give_up(const char *step)
{
	printf("failed: %s: %s\n", step, strerror(errno));
	exit(EXIT_FAILURE);
}

static void
step(const char *name, int ret)
{
	if (ret < 0)
		give_up(name);
	printf("%s: done\n", name);
}

static uint32_t
device_attach(int device, int iommufd)
{
	struct ifd_vfio_bind bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	struct ifd_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct ifd_vfio_attach attach = { .argsz = sizeof(attach) };

	step("BIND", ioctl(device, IFD_VFIO_BIND, &bind));
	step("IOAS_ALLOC", ioctl(iommufd, IFD_IOAS_ALLOC, &ioas));
	attach.pt_id = ioas.out_ioas_id;
	step("ATTACH", ioctl(device, IFD_VFIO_ATTACH, &attach));
	return ioas.out_ioas_id;
}

static uint64_t
memory_map(int iommufd, uint32_t ioas, const uint8_t *memory, uint64_t *iova)
{
	struct ifd_ioas_map map = {
		.size = sizeof(map),
		.flags = IFD_MAP_READABLE | IFD_MAP_WRITEABLE,
		.ioas_id = ioas,
		.user_va = (uintptr_t)memory,
		.length = HUGEPAGE,
	};
	struct ifd_noiommu_get_pa pa = { .size = sizeof(pa),
					 .ioas_id = ioas,
					 .length = SMALL_PAGE };

	step("MAP", ioctl(iommufd, IFD_IOAS_MAP, &map));
	pa.iova = *iova = map.iova;
	step("GET_PA", ioctl(iommufd, IFD_NOIOMMU_GET_PA, &pa));
	return pa.out_phys;
}

int
main(int argc, char **argv)
{
	const int device = argc == 2 ? open(argv[1], O_RDWR) : -1;
	const int iommufd = open("/dev/iommu", O_RDWR);
	struct ifd_ioas_unmap unmap = { .size = sizeof(unmap), .length = HUGEPAGE };
	struct nic nic = { .memory = huge_new(1) };
	uint64_t len;

	if (device < 0 || iommufd < 0 || nic.memory == NULL)
		give_up("open");
	printf("files: %d %d\n", device, iommufd);
	unmap.ioas_id = device_attach(device, iommufd);
	nic.phys = memory_map(iommufd, unmap.ioas_id, nic.memory, &unmap.iova);
	printf("address by pagemap: %s\n",
	       proc_phys(nic.memory) == nic.phys ? "the same" : "another");
	nic.regs = vfio_map_bar(device, 0, &len);
	if (nic.regs == NULL)
		give_up("BAR 0");
	step("reset", nic_reset(&nic));
	printf("sent: %u\n", nic_send(&nic, 0, FRAMES));
	printf("pinned: %lu\n", proc_number("/proc/self/status", "VmPin:"));
	munmap(nic.memory, HUGEPAGE);
	printf("pinned after munmap: %lu\n", proc_number("/proc/self/status", "VmPin:"));
	step("UNMAP", ioctl(iommufd, IFD_IOAS_UNMAP, &unmap));
	printf("pinned: %lu\n", proc_number("/proc/self/status", "VmPin:"));
	return EXIT_SUCCESS;
}
