/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Devices as sysfs and /proc show them (vfio_cdev_find.c, vfio_cdev_bar.c,
 * vfio_cdev_neighbour.c, vfio_cdev_openers.c).
 */

#ifndef VFIO_CDEV_SYSFS_H
#define VFIO_CDEV_SYSFS_H

#include "rte_vfio_cdev.h"

bool
vfio_cdev_name_parse(const char *name, enum rte_vfio_cdev_mode *mode);

/* Read a device number from an attribute; -EBADMSG if there is none in it. */
int
vfio_cdev_attr_read_dev(int dir, const char *path, unsigned int *major, unsigned int *minor);

/* Whether a range lies in one BAR of a PCI device. */
bool
vfio_cdev_bar_has(const struct rte_vfio_cdev_ctx *ctx, uint64_t iova, uint64_t len);

#define VFIO_CDEV_OPENERS 112

/*
 * Name the processes that made a BIND fail with err, for a message; "" if there are none, or
 * none that this process can see. In a container, where none is seen, it is one outside: not
 * if a VF token was given, which is another reason to fail.
 */
void
vfio_cdev_openers_text(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		       int err, bool has_token, char text[VFIO_CDEV_OPENERS]);

/*
 * Name a device of the same IOMMU group that keeps this one from being bound, and the driver
 * or the process that has it; "" if there is none.
 */
void
vfio_cdev_neighbours_text(const struct rte_vfio_cdev_ctx *ctx,
			  const struct rte_vfio_cdev_info *info, char text[VFIO_CDEV_OPENERS]);

#endif /* VFIO_CDEV_SYSFS_H */
