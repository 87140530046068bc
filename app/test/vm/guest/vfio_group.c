/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/pci_regs.h>
#include <linux/vfio.h>

#include "vfio_group.h"

const struct vfio_group vfio_group_none = { .container = -1, .group = -1, .device = -1 };

static int
failed(struct vfio_group *vfio, const char *step)
{
	vfio->step = step;
	return -errno;
}

int
vfio_group_find(struct vfio_group *vfio, const char *bdf)
{
	char path[64], link[128], *number;
	ssize_t len;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	len = readlink(path, link, sizeof(link) - 1);
	if (len < 0)
		return failed(vfio, "readlink of iommu_group");
	link[len] = '\0';
	number = strrchr(link, '/');
	snprintf(vfio->node, sizeof(vfio->node), "/dev/vfio/noiommu-%s",
		 number == NULL ? "" : number + 1);
	return 0;
}

static int
container_open(struct vfio_group *vfio)
{
	vfio->container = open("/dev/vfio/vfio", O_RDWR);
	if (vfio->container < 0)
		return failed(vfio, "open of the container");
	if (ioctl(vfio->container, VFIO_GET_API_VERSION) != VFIO_API_VERSION)
		return failed(vfio, "VFIO_GET_API_VERSION");
	return 0;
}

static int
group_open(struct vfio_group *vfio)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	vfio->group = open(vfio->node, O_RDWR);
	if (vfio->group < 0)
		return failed(vfio, "open of the group");
	if (ioctl(vfio->group, VFIO_GROUP_GET_STATUS, &status) < 0)
		return failed(vfio, "VFIO_GROUP_GET_STATUS");
	if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0) {
		errno = EPERM;
		return failed(vfio, "VFIO_GROUP_FLAGS_VIABLE");
	}
	if (ioctl(vfio->group, VFIO_GROUP_SET_CONTAINER, &vfio->container) < 0)
		return failed(vfio, "VFIO_GROUP_SET_CONTAINER");
	if (ioctl(vfio->container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU) <= 0) {
		errno = EINVAL;
		return failed(vfio, "VFIO_CHECK_EXTENSION");
	}
	if (ioctl(vfio->container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU) < 0)
		return failed(vfio, "VFIO_SET_IOMMU");
	return 0;
}

int
vfio_group_open(struct vfio_group *vfio, const char *bdf)
{
	int ret;

	*vfio = vfio_group_none;
	ret = vfio_group_find(vfio, bdf);
	if (ret == 0)
		ret = container_open(vfio);
	if (ret == 0)
		ret = group_open(vfio);
	if (ret < 0)
		return ret;
	vfio->device = ioctl(vfio->group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	return vfio->device < 0 ? failed(vfio, "VFIO_GROUP_GET_DEVICE_FD") : 0;
}

static void
close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
vfio_group_close(struct vfio_group *vfio)
{
	close_one(&vfio->device);
	close_one(&vfio->group);
	close_one(&vfio->container);
}

static int
bus_master_on(int device)
{
	struct vfio_region_info config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };
	uint16_t word;

	if (ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) < 0 ||
	    pread(device, &word, sizeof(word), config.offset + PCI_COMMAND) != sizeof(word))
		return -1;
	word |= PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;
	return pwrite(device, &word, sizeof(word), config.offset + PCI_COMMAND) == sizeof(word) ?
		0 :
		-1;
}

void *
vfio_map_bar(int device, unsigned int bar, uint64_t *len)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = bar };
	void *regs;

	if (bus_master_on(device) < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) < 0)
		return NULL;
	regs = mmap(NULL, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, device, info.offset);
	*len = info.size;
	return regs == MAP_FAILED ? NULL : regs;
}
