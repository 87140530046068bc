/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The list of the process's memory (vfio_cdev_maps.c). A domain opens it with the first
 * address that it gives, and keeps it: a hook of munmap(2) may run when no file is left. The
 * lock is held.
 */

#ifndef VFIO_CDEV_MAPS_H
#define VFIO_CDEV_MAPS_H

struct rte_vfio_cdev_domain;

/* The open file, or -errno. It belongs to the domain. */
int
vfio_cdev_maps_get(struct rte_vfio_cdev_domain *domain);

void
vfio_cdev_maps_close(struct rte_vfio_cdev_domain *domain);

/* In a child: an open file shows the parent's memory. Open the child's in its place. */
void
vfio_cdev_maps_forked(struct rte_vfio_cdev_domain *domain);

#endif /* VFIO_CDEV_MAPS_H */
