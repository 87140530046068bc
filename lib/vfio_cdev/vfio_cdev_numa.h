/* SPDX-License-Identifier: BSD-3-Clause */

/* The NUMA nodes of physical memory (vfio_cdev_numa.c). */

#ifndef VFIO_CDEV_NUMA_H
#define VFIO_CDEV_NUMA_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rte_vfio_cdev_domain;

struct vfio_cdev_numa_range {
	uint64_t start;
	uint64_t last;
	unsigned int node;
};

/* Learn which node has which memory: 0 or -ENOMEM. */
int
vfio_cdev_numa_read(struct rte_vfio_cdev_domain *domain);

/* Count bytes at a physical address, or at an IOVA that says nothing of it, in or out. */
void
vfio_cdev_numa_count(struct rte_vfio_cdev_domain *domain, uint64_t phys, uint64_t len, bool in);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_NUMA_H */
