/* SPDX-License-Identifier: BSD-3-Clause */

/* VFIO's containers and groups (include/uapi/linux/vfio.h), and their nodes. */

#ifndef COMPAT_VFIO_CDEV_VFIO_UAPI_H
#define COMPAT_VFIO_CDEV_VFIO_UAPI_H

#include <stdint.h>
#include <sys/ioctl.h>

#define COMPAT_GET_API_VERSION _IO(';', 100 + 0)
#define COMPAT_CHECK_EXTENSION _IO(';', 100 + 1)
#define COMPAT_SET_IOMMU _IO(';', 100 + 2)
#define COMPAT_GROUP_GET_STATUS _IO(';', 100 + 3)
#define COMPAT_GROUP_SET_CONTAINER _IO(';', 100 + 4)
#define COMPAT_GROUP_UNSET_CONTAINER _IO(';', 100 + 5)
#define COMPAT_GROUP_GET_DEVICE_FD _IO(';', 100 + 6)

#define COMPAT_DEVICE_GET_INFO _IO(';', 100 + 7)
#define COMPAT_GET_REGION_INFO _IO(';', 100 + 8)
#define COMPAT_DEVICE_RESET _IO(';', 100 + 11)

#define COMPAT_NOIOMMU 8
#define COMPAT_GROUP_VIABLE (UINT32_C(1) << 0)
#define COMPAT_GROUP_CONTAINER_SET (UINT32_C(1) << 1)

struct compat_group_status {
	uint32_t argsz;
	uint32_t flags;
};

struct compat_device_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t num_regions;
	uint32_t num_irqs;
};

#define COMPAT_DEVICE_PCI (UINT32_C(1) << 1)
#define COMPAT_PCI_CONFIG 7

struct compat_region_info {
	uint32_t argsz;
	uint32_t flags;
	uint32_t index;
	uint32_t cap_offset;
	uint64_t size;
	uint64_t offset;
};

#define COMPAT_DIR "/dev/vfio/"
#define COMPAT_CONTAINER COMPAT_DIR "vfio"
#define COMPAT_GROUP COMPAT_DIR "noiommu-"
#define COMPAT_IOMMU "/dev/iommu"

/* Of the container (include/linux/miscdevice.h). */
#define COMPAT_MISC_MAJOR 10
#define COMPAT_VFIO_MINOR 196

#endif /* COMPAT_VFIO_CDEV_VFIO_UAPI_H */
