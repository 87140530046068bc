/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <errno.h>
#include <numa.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "numa_place.h"

/* A node that has it; the devices' own one is asked first. */
static int
node_find(const struct placement_node *nodes, unsigned int node_count, int own,
	  bool (*has)(const struct placement_node *node))
{
	unsigned int i;

	if (own >= 0 && (unsigned int)own < node_count && has(&nodes[own]))
		return own;
	for (i = 0; i < node_count; i++)
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
	int node, length = 0;

	for (node = 0; node < placement->memory_node; node++)
		length += snprintf(placement->memory + length,
				   sizeof(placement->memory) - (size_t)length, "0,");
	snprintf(placement->memory + length, sizeof(placement->memory) - (size_t)length, "%u",
		 mib);
}

/* Packets that cross nodes are slower, and that is not the library's doing. */
static void
placement_note(const struct rte_vfio_cdev_info *devices, unsigned int count,
	       struct placement *placement)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		if (devices[i].numa_node < 0 ||
		    (devices[i].numa_node == placement->cpu_node &&
		     devices[i].numa_node == placement->memory_node))
			continue;
		snprintf(placement->note, sizeof(placement->note), "%s is on NUMA node %d, but "
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
	int own = count ? devices[0].numa_node : -1;

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

/* The MiB to ask for, if the directory of hugepages has so many free ones. */
static unsigned int
pages_memory(const char *directory)
{
	unsigned long page_kib, mib, free_pages;
	unsigned int best = 0;
	struct dirent *entry;
	char path[512];
	FILE *file;
	DIR *dir = opendir(directory);

	while (dir && (entry = readdir(dir)) != NULL) {
		if (sscanf(entry->d_name, "hugepages-%lukB", &page_kib) != 1 || page_kib == 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s/free_hugepages", directory, entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		mib = page_kib > PLACEMENT_MIB * 1024 ? page_kib / 1024 : PLACEMENT_MIB;
		/* The smallest pages that do: there are more of them to look at. */
		if (fscanf(file, "%lu", &free_pages) == 1 &&
		    free_pages >= mib * 1024 / page_kib && (!best || mib < best))
			best = (unsigned int)mib;
		fclose(file);
	}
	if (dir)
		closedir(dir);
	return best;
}

static void
node_add_cpu(struct placement_node *node, unsigned int cpu)
{
	if (node->cpu_count < PLACEMENT_CPUS)
		node->cpus[node->cpu_count++] = cpu;
}

/* A machine that knows of no nodes is one node. */
static unsigned int
nodes_read(struct placement_node *nodes)
{
	bool numa = numa_available() >= 0;
	int i, node, last = numa ? numa_max_node() : 0;
	unsigned int count = last < PLACEMENT_NODES ? (unsigned int)last + 1 : PLACEMENT_NODES;
	char path[128];
	cpu_set_t cpus;

	memset(nodes, 0, sizeof(*nodes) * PLACEMENT_NODES);
	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		CPU_ZERO(&cpus);
	for (i = 0; i < CPU_SETSIZE; i++) {
		node = numa ? numa_node_of_cpu(i) : 0;
		if (CPU_ISSET(i, &cpus) && node >= 0 && (unsigned int)node < count)
			node_add_cpu(&nodes[node], (unsigned int)i);
	}
	for (i = 0; i < (int)count; i++) {
		snprintf(path, sizeof(path), "/sys/devices/system/node/node%d/hugepages", i);
		nodes[i].memory = pages_memory(numa ? path : "/sys/kernel/mm/hugepages");
	}
	return count;
}

int
placement_choose(const struct rte_vfio_cdev_info *devices, unsigned int count,
		 struct placement *placement)
{
	struct placement_node nodes[PLACEMENT_NODES];
	unsigned int node_count = nodes_read(nodes);

	return placement_pick(nodes, node_count, devices, count, placement);
}

int
placement_other(int node)
{
	int i;

	for (i = 0; i <= numa_max_node(); i++)
		if (i != node && numa_bitmask_isbitset(numa_all_nodes_ptr, (unsigned int)i) &&
		    numa_node_size64(i, NULL) > 0)
			return i;
	return -1;
}
