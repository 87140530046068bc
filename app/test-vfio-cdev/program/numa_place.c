/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <numa.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "facts.h"
#include "numa_place.h"

/* A node that has it; the devices' own one is tried first. */
static int
node_find(const struct placement_node *nodes, unsigned int node_count, int own,
	  bool (*has)(const struct placement_node *node))
{
	if (own >= 0 && (unsigned int)own < node_count && has(&nodes[own]))
		return own;
	for (unsigned int i = 0; i < node_count; i++)
		if (has(&nodes[i]))
			return (int)i;
	return -1;
}

static bool
node_has_cpus(const struct placement_node *node)
{
	return node->cpu_count > 0;
}

static bool
node_has_memory(const struct placement_node *node)
{
	return node->memory > 0;
}

static void
placement_memory(struct placement *placement, unsigned int mib)
{
	int length = 0;

	for (int node = 0; node < placement->memory_node; node++)
		length += snprintf(placement->memory + length,
				   sizeof(placement->memory) - (size_t)length, "0,");
	snprintf(placement->memory + length, sizeof(placement->memory) - (size_t)length, "%u", mib);
}

/* Packets that cross nodes are slower, and that is not the library's doing. */
static void
placement_note(const struct rte_vfio_cdev_info *devices, unsigned int count,
	       struct placement *placement)
{
	for (unsigned int i = 0; i < count; i++) {
		if (devices[i].numa_node < 0 ||
		    (devices[i].numa_node == placement->cpu_node &&
		     devices[i].numa_node == placement->memory_node))
			continue;
		snprintf(placement->note, sizeof(placement->note),
			 "%s is on NUMA node %d, but "
			 "the CPUs that serve it are on node %d and the memory on node %d",
			 devices[i].addr, devices[i].numa_node, placement->cpu_node,
			 placement->memory_node);
		return;
	}
}

int
placement_pick(const struct placement_node *nodes, unsigned int node_count,
	       const struct rte_vfio_cdev_info *devices, unsigned int count,
	       struct placement *placement)
{
	const struct placement_node *node;
	int own = count != 0 ? devices[0].numa_node : -1;

	*placement = (struct placement){ 0 };
	placement->memory_node = node_find(nodes, node_count, own, node_has_memory);
	if (placement->memory_node < 0)
		return -ENOMEM;
	if (own < 0)
		own = placement->memory_node;
	placement->cpu_node = node_find(nodes, node_count, own, node_has_cpus);
	if (placement->cpu_node < 0)
		return -ENOMEM;
	node = &nodes[placement->cpu_node];
	memcpy(placement->cpus, node->cpus, sizeof(placement->cpus));
	placement->cpu_count = node->cpu_count;
	placement_memory(placement, nodes[placement->memory_node].memory);
	placement_note(devices, count, placement);
	return 0;
}

/* The MiB to request of a node, or (-1) of a machine without nodes; 0: not so much is free. */
static unsigned int
node_memory(const struct host *host, int node)
{
	unsigned long sizes[HUGEPAGE_SIZES], mib;
	unsigned int best = 0, count = hugepage_sizes(host, sizes);

	for (unsigned int i = 0; i < count; i++) {
		mib = sizes[i] > PLACEMENT_MIB * 1024UL ? sizes[i] / 1024 : PLACEMENT_MIB;
		/* The smallest pages that do: there are more of them to verify. */
		if (hugepages_free_of(host, sizes[i], node) >= (long)(mib * 1024 / sizes[i]) &&
		    (best == 0 || mib < best))
			best = (unsigned int)mib;
	}
	return best;
}

static void
node_add_cpu(struct placement_node *node, unsigned int cpu)
{
	if (node->cpu_count < PLACEMENT_CPUS)
		node->cpus[node->cpu_count++] = cpu;
}

/* A kernel without NUMA has one node. */
static unsigned int
nodes_read(const struct host *host, struct placement_node *nodes)
{
	bool numa = numa_available() >= 0;
	int node, last = numa ? numa_max_node() : 0;
	unsigned int count = last < PLACEMENT_NODES ? (unsigned int)last + 1 : PLACEMENT_NODES;
	cpu_set_t cpus;

	memset(nodes, 0, sizeof(*nodes) * PLACEMENT_NODES);
	if (sched_getaffinity(0, sizeof(cpus), &cpus) < 0)
		CPU_ZERO(&cpus);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		node = numa ? numa_node_of_cpu(i) : 0;
		if (CPU_ISSET(i, &cpus) && node >= 0 && (unsigned int)node < count)
			node_add_cpu(&nodes[node], (unsigned int)i);
	}
	for (unsigned int i = 0; i < count; i++)
		nodes[i].memory = node_memory(host, numa ? (int)i : -1);
	return count;
}

int
placement_choose(const struct host *host, const struct rte_vfio_cdev_info *devices,
		 unsigned int count, struct placement *placement)
{
	struct placement_node nodes[PLACEMENT_NODES];
	unsigned int node_count = nodes_read(host, nodes);

	return placement_pick(nodes, node_count, devices, count, placement);
}

int
placement_other(int node)
{
	for (int i = 0; i <= numa_max_node(); i++)
		if (i != node && numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned int)i) != 0 &&
		    numa_node_size64(i, NULL) > 0)
			return i;
	return -1;
}
