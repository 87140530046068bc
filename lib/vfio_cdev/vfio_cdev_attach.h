/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How a domain gets its HWPT and its devices (vfio_cdev_attach.c). Each function takes the
 * locks that it needs.
 */

#ifndef VFIO_CDEV_ATTACH_H
#define VFIO_CDEV_ATTACH_H

#include <stdbool.h>
#include <stdint.h>

struct rte_vfio_cdev_domain;

/*
 * Attach a bound device. Pending mappings are pinned with the first one. counted: it is
 * closed by vfio_cdev_detach().
 */
int
vfio_cdev_attach(struct rte_vfio_cdev_domain *domain, int cdev, uint32_t dev_id, bool counted);

/* Create the HWPT by a bound device, if the domain has none, and pin pending mappings. */
int
vfio_cdev_make_ready(struct rte_vfio_cdev_domain *domain, uint32_t dev_id);

/* Close a device, whether attaching it has succeeded or not. */
void
vfio_cdev_detach(struct rte_vfio_cdev_domain *domain, int cdev, bool attached);

#endif /* VFIO_CDEV_ATTACH_H */
