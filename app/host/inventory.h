/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The machine's devices: what they are, how VFIO offers them, where they are and which
 * processes have them open. All text is printable ASCII.
 */

#ifndef APP_INVENTORY_H
#define APP_INVENTORY_H

#include <stdbool.h>

#include "host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define INVENTORY_OPENERS 8
#define INVENTORY_NAME_LEN 128

enum inventory_mode {
	INVENTORY_NOIOMMU = RTE_VFIO_CDEV_NOIOMMU,
	INVENTORY_TRANSLATED = RTE_VFIO_CDEV_TRANSLATED,
	INVENTORY_UIO = RTE_VFIO_CDEV_MODES, /* UIO has it */
	INVENTORY_GROUP_ONLY,		     /* VFIO has it, without a cdev */
	INVENTORY_NONE,			     /* neither has it */
	INVENTORY_UNKNOWN,		     /* sysfs is inconsistent: see err */
};

/* Processes that have a node open. */
struct inventory_openers {
	int count; /* may be more than are here */
	struct rte_vfio_cdev_opener first[INVENTORY_OPENERS];
};

struct inventory_device {
	char bus[32];
	char addr[RTE_VFIO_CDEV_ADDR_LEN];
	bool has_id; /* of PCI or cdx: vendor and device are known */
	unsigned int vendor;
	unsigned int device;
	char vendor_name[INVENTORY_NAME_LEN]; /* "": not known, also the next three */
	char device_name[INVENTORY_NAME_LEN];
	char driver[64];
	char cdev[RTE_VFIO_CDEV_NAME_LEN];
	unsigned int major, minor; /* of its node */
	enum inventory_mode mode;
	int err;	 /* -errno of INVENTORY_UNKNOWN */
	int numa_node;	 /* -1: not known */
	int iommu_group; /* -1: none */
	struct inventory_openers of_cdev;
	struct inventory_openers of_group;
	struct inventory_openers of_uio;
};

struct inventory {
	struct inventory_device *devices;
	unsigned int count;
};

/*
 * Read the devices that VFIO or UIO has; all: also those that a VFIO driver might be bound
 * to (of PCI, fsl-mc and cdx, without bridges). In the order of buses and addresses;
 * inventory_free() it. Returns 0, -ENOMEM, or -errno if /sys/bus cannot be listed.
 */
int
inventory_read(const struct host *host, bool all, struct inventory *inventory);

void
inventory_free(struct inventory *inventory);

/* "no-IOMMU", "translated", "UIO", "group only", "none" or "unknown". */
const char *
inventory_mode_name(enum inventory_mode mode);

#ifdef __cplusplus
}
#endif

#endif /* APP_INVENTORY_H */
