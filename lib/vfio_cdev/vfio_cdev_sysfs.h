/* SPDX-License-Identifier: BSD-3-Clause */

/* What sysfs and /proc show of devices (vfio_cdev_find.c, vfio_cdev_bar.c, vfio_cdev_openers.c). */

#ifndef VFIO_CDEV_SYSFS_H
#define VFIO_CDEV_SYSFS_H

#include "rte_vfio_cdev.h"

#ifdef __cplusplus
extern "C" {
#endif

bool
vfio_cdev_name_parse(const char *name, enum rte_vfio_cdev_mode *mode);

/* Read an attribute with a device number; -EBADMSG if it is something else. */
int
vfio_cdev_attr_read_dev(int dir, const char *path, unsigned int *major, unsigned int *minor);

bool
vfio_cdev_bar_has(const struct rte_vfio_cdev_ctx *ctx, uint64_t iova, uint64_t len);

#define VFIO_CDEV_OPENERS 112

/*
 * Who is in the way of a BIND that failed with err, as a part of a sentence; ""
 * if that is nobody, or nobody that this process may know of.
 */
void
vfio_cdev_openers_text(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		       int err, char text[VFIO_CDEV_OPENERS]);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_SYSFS_H */
