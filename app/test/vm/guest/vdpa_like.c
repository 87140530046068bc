/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Does with devices what vDPA drivers do: a container, the devices' groups in it,
 * the devices set up, memory at IOVAs of the program's own. Prints what each step
 * returned, a line a step; its exit status is 0 if it could be done at all.
 *
 *	vdpa_like <address>... -<EAL arguments>
 */

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_vfio.h>

#include "proc.h"

#define BASE "/sys/bus/pci/devices"
#define LEN (UINT64_C(8) << 20)
#define IOVA UINT64_C(0x40000000)     /* a guest's memory begins at 0, and so does this */
#define RESERVED UINT64_C(0xfee00000) /* interrupts, on this machine */
#define CONTAINERS 100		      /* stock has 64 */

static int
step_print(const char *step, int ret)
{
	const char *failed = rte_errno != 0 ? rte_strerror(rte_errno) : "failed";

	printf("%s %s\n", step, ret < 0 ? failed : "ok");
	rte_errno = 0;
	return ret;
}

/* kB that the process has pinned, with iommufd and with stock's type 1 container. */
static void
pinned_print(void)
{
	printf("VmPin: %lu\n", proc_number("/proc/self/status", "VmPin:"));
	printf("VmLck: %lu\n", proc_number("/proc/self/status", "VmLck:"));
}

static void
memory_use(int container)
{
	void *memory = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t va = (uintptr_t)memory;

	if (memory == MAP_FAILED)
		return;
	pinned_print();
	step_print("map-at-0", rte_vfio_container_dma_map(container, va, 0, LEN));
	step_print("map", rte_vfio_container_dma_map(container, va, IOVA, LEN));
	pinned_print();
	step_print("map-reserved", rte_vfio_container_dma_map(container, va, RESERVED, LEN));
	step_print("unmap-part", rte_vfio_container_dma_unmap(container, va, IOVA, LEN / 2));
	step_print("unmap", rte_vfio_container_dma_unmap(container, va, IOVA, LEN));
	step_print("unmap-at-0", rte_vfio_container_dma_unmap(container, va, 0, LEN));
	step_print("unmap-again", rte_vfio_container_dma_unmap(container, va, 0, LEN));
	pinned_print();
}

/* The device is set up while those after it are used, and the memory when all are. */
static int
devices_use(int container, char **addrs)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd, group, ret;

	if (*addrs == NULL || **addrs == '-') {
		memory_use(container);
		return 0;
	}
	if (rte_vfio_get_group_num(BASE, *addrs, &group) != 1)
		return -1;
	ret = step_print("bind", rte_vfio_container_group_bind(container, group));
	if (ret < 0)
		return ret;
	ret = step_print("setup", rte_vfio_setup_device(BASE, *addrs, &fd, &info));
	if (ret == 0) {
		ret = devices_use(container, addrs + 1);
		step_print("release", rte_vfio_release_device(BASE, *addrs, fd));
	}
	step_print("unbind", rte_vfio_container_group_unbind(container, group));
	return ret;
}

static void
many_create(void)
{
	int fds[CONTAINERS], count = 0;

	while (count < CONTAINERS && (fds[count] = rte_vfio_container_create()) >= 0)
		count++;
	printf("containers %d\n", count);
	while (count > 0)
		rte_vfio_container_destroy(fds[--count]);
}

int
main(int argc, char **argv)
{
	char **addrs = argv + 1;
	int container, ret;

	while (argc > 2 && argv[1][0] != '-') {
		argc--;
		argv++;
	}
	if (addrs == argv + 1 || rte_eal_init(argc, argv) < 0)
		return 2;
	container = rte_vfio_container_create();
	if (step_print("create", container) < 0)
		return 4;
	ret = devices_use(container, addrs);
	step_print("destroy", rte_vfio_container_destroy(container));
	step_print("destroy-again", rte_vfio_container_destroy(container));
	many_create();
	rte_eal_cleanup();
	return ret < 0;
}
