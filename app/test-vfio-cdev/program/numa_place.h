/* SPDX-License-Identifier: BSD-3-Clause */

/* Where programs run and have their memory: on the devices' NUMA node. */

#ifndef APP_TEST_NUMA_PLACE_H
#define APP_TEST_NUMA_PLACE_H

#include "host.h"

#define PLACEMENT_CPUS 4
#define PLACEMENT_NODES 64
#define PLACEMENT_MIB 64 /* that a program gets */

struct placement {
	int cpu_node;
	int memory_node;
	unsigned int cpus[PLACEMENT_CPUS];
	unsigned int cpu_count; /* 1 to PLACEMENT_CPUS */
	char memory[512];	/* EAL's --socket-mem: MiB for each node */
	char note[256];		/* a set-up across nodes, in a sentence; or "" */
};

/* What a node has for us. */
struct placement_node {
	unsigned int cpus[PLACEMENT_CPUS];
	unsigned int cpu_count; /* that this process may run on; 0: none */
	unsigned int memory;	/* MiB to request; 0: not enough free hugepages */
};

/*
 * Choose among the CPUs that this process may use and the nodes with free
 * hugepages. 0, or -ENOMEM: no node has enough of them.
 */
int
placement_choose(const struct host *host, const struct rte_vfio_cdev_info *devices,
		 unsigned int count, struct placement *placement);

/* The same, of given nodes. */
int
placement_pick(const struct placement_node *nodes, unsigned int node_count,
	       const struct rte_vfio_cdev_info *devices, unsigned int count,
	       struct placement *placement);

/* A node with memory other than that one, or -1. */
int
placement_other(int node);

#endif /* APP_TEST_NUMA_PLACE_H */
