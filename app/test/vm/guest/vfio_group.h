/* SPDX-License-Identifier: BSD-3-Clause */

/* A device over VFIO's group interface without an IOMMU, as a driver without DPDK sets it up. */

#ifndef VFIO_GROUP_H
#define VFIO_GROUP_H

#include <stdint.h>

struct vfio_group {
	int container;
	int group;
	int device;
	const char *step; /* that failed */
	char node[64];	  /* of the group */
};

/* What the fields are before anything is open. */
extern const struct vfio_group vfio_group_none;

/* Find the node of a device's group: 0 or -errno. */
int
vfio_group_find(struct vfio_group *vfio, const char *bdf);

/* The node, the container, the group and the device: 0 or -errno, with what was opened left so. */
int
vfio_group_open(struct vfio_group *vfio, const char *bdf);

/* Device, group, container. */
void
vfio_group_close(struct vfio_group *vfio);

/* A BAR's registers, with bus mastering on; NULL with errno. */
void *
vfio_map_bar(int device, unsigned int bar, uint64_t *len);

#endif /* VFIO_GROUP_H */
