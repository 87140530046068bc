/* SPDX-License-Identifier: BSD-3-Clause */

/* The NUMA nodes of physical memory (vfio_cdev_numa.c). */

#ifndef VFIO_CDEV_NUMA_H
#define VFIO_CDEV_NUMA_H

#include <stdbool.h>
#include <stdint.h>

struct rte_vfio_cdev_domain;

struct vfio_cdev_numa_range {
	uint64_t start;
	uint64_t last;
	unsigned int node;
};

/* Read the memory of each node from sysfs: 0 or -ENOMEM. */
int
vfio_cdev_numa_read(struct rte_vfio_cdev_domain *domain);

/* Add bytes at a physical address to the statistics of their nodes, or subtract them. */
void
vfio_cdev_numa_count(struct rte_vfio_cdev_domain *domain, uint64_t phys, uint64_t len, bool in);

#endif /* VFIO_CDEV_NUMA_H */
