/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The NUMA node of memory, found by its physical address: sysfs shows the memory blocks of
 * each node (drivers/base/node.c). This takes no system call per page, and is as exact for
 * a part of a mapping as for all of it. Memory that is added after the first device counts
 * as of no node, both when it is mapped and when it is unmapped.
 */

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfio_cdev_numa.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_sysfs.h"

static bool
number_parse(const char *name, const char *prefix, unsigned long *number)
{
	const size_t len = strlen(prefix);
	char *end;

	if (strncmp(name, prefix, len) != 0 || name[len] < '0' || name[len] > '9')
		return false;
	errno = 0;
	*number = strtoul(name + len, &end, 10);
	return *end == '\0' && errno == 0;
}

/* What is not there is not read; 0, or -errno if it may be there. */
static int
open_error(void)
{
	return iommufd_is_shortage(-errno) ? -errno : 0;
}

/* Bytes of a block, or 0 if the kernel has no blocks (CONFIG_MEMORY_HOTPLUG). */
static int
block_size(const struct rte_vfio_cdev_ctx *ctx, uint64_t *size)
{
	char path[PATH_MAX];
	FILE *file;

	*size = 0;
	snprintf(path, sizeof(path), "%s/devices/system/memory/block_size_bytes", ctx->sysfs);
	file = fopen(path, "re");
	if (file == NULL)
		return open_error();
	if (fscanf(file, "%" SCNx64, size) != 1)
		*size = 0;
	fclose(file);
	return 0;
}

/* The array grows by powers of two. */
static int
numa_range_add(struct rte_vfio_cdev_domain *domain, uint64_t start, uint64_t last,
	       unsigned int node)
{
	const unsigned int count = domain->numa_range_count;
	struct vfio_cdev_numa_range *nodes = domain->numa_ranges;

	if ((count & (count - 1)) == 0) {
		nodes = realloc(nodes, (count == 0 ? 1 : 2 * count) * sizeof(*nodes));
		if (nodes == NULL)
			return -ENOMEM;
		domain->numa_ranges = nodes;
	}
	nodes[count] = (struct vfio_cdev_numa_range){ .start = start, .last = last, .node = node };
	domain->numa_range_count++;
	return 0;
}

static int
blocks_read(struct rte_vfio_cdev_domain *domain, unsigned long node, uint64_t size)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	unsigned long block;
	int ret = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/devices/system/node/node%lu", domain->ctx->sysfs, node);
	dir = opendir(path);
	if (dir == NULL)
		return open_error();
	while (ret == 0 && (entry = readdir(dir)) != NULL)
		if (number_parse(entry->d_name, "memory", &block) && block <= UINT64_MAX / size - 1)
			ret = numa_range_add(domain, block * size, block * size + (size - 1), node);
	closedir(dir);
	return ret;
}

static int
numa_range_compare(const void *left, const void *right)
{
	const struct vfio_cdev_numa_range *a = left;
	const struct vfio_cdev_numa_range *b = right;

	return (a->start > b->start) - (a->start < b->start);
}

/* Merge adjacent blocks of a node. A block of two nodes counts for the first one. */
static void
numa_ranges_merge(struct rte_vfio_cdev_domain *domain)
{
	struct vfio_cdev_numa_range *nodes = domain->numa_ranges;
	unsigned int count = 0;

	if (domain->numa_range_count == 0)
		return;
	qsort(nodes, domain->numa_range_count, sizeof(*nodes), numa_range_compare);
	for (unsigned int i = 1; i < domain->numa_range_count; i++) {
		if (nodes[i].start <= nodes[count].last)
			continue;
		if (nodes[i].node == nodes[count].node && nodes[i].start - 1 == nodes[count].last)
			nodes[count].last = nodes[i].last;
		else
			nodes[++count] = nodes[i];
	}
	domain->numa_range_count = count + 1;
}

/* The blocks of all nodes. *count is the number of nodes. */
static int
nodes_read(struct rte_vfio_cdev_domain *domain, uint64_t size, unsigned int *count)
{
	const struct dirent *entry;
	char path[PATH_MAX];
	unsigned long node;
	int ret = 0;
	DIR *dir;

	*count = 0;
	snprintf(path, sizeof(path), "%s/devices/system/node", domain->ctx->sysfs);
	dir = opendir(path);
	if (dir == NULL)
		return open_error();
	while (ret == 0 && (entry = readdir(dir)) != NULL) {
		if (!number_parse(entry->d_name, "node", &node) || node > UINT_MAX)
			continue;
		++*count;
		if (size != 0)
			ret = blocks_read(domain, node, size);
	}
	closedir(dir);
	return ret;
}

int
vfio_cdev_numa_read(struct rte_vfio_cdev_domain *domain)
{
	unsigned int nodes;
	uint64_t size;
	int ret;

	if (!domain->mode->reports_pa || domain->numa_ranges != NULL)
		return 0;
	ret = block_size(domain->ctx, &size);
	if (ret == 0)
		ret = nodes_read(domain, size, &nodes);
	numa_ranges_merge(domain);
	/* With one node all memory is on it. */
	if (ret == 0 && nodes <= 1 && domain->numa_range_count == 0)
		ret = numa_range_add(domain, 0, UINT64_MAX, 0);
	if (ret < 0) {
		free(domain->numa_ranges);
		domain->numa_ranges = NULL;
		domain->numa_range_count = 0;
	}
	return ret;
}

/* The first range that ends at an address or above. */
static unsigned int
numa_range_search(const struct rte_vfio_cdev_domain *domain, uint64_t phys)
{
	unsigned int low = 0, high = domain->numa_range_count, middle;

	while (low < high) {
		middle = (low + high) / 2;
		if (domain->numa_ranges[middle].last < phys)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* *len is reduced to the part that is on the node. */
static uint64_t *
node_counter(struct rte_vfio_cdev_domain *domain, uint64_t phys, uint64_t *len)
{
	const unsigned int i = numa_range_search(domain, phys);
	const struct vfio_cdev_numa_range *range;
	uint64_t end;

	if (i == domain->numa_range_count)
		return &domain->stats.nodeless_bytes;
	range = &domain->numa_ranges[i];
	end = range->start > phys ? range->start - 1 : range->last;
	if (end - phys < *len - 1)
		*len = end - phys + 1;
	if (range->start > phys || range->node >= RTE_VFIO_CDEV_NODES)
		return &domain->stats.nodeless_bytes;
	return &domain->stats.node_bytes[range->node];
}

void
vfio_cdev_numa_count(struct rte_vfio_cdev_domain *domain, uint64_t phys, uint64_t len, bool in)
{
	uint64_t *counter, part;

	for (; len != 0; phys += part, len -= part) {
		part = len;
		counter = node_counter(domain, phys, &part);
		/* No wrap-around, if memory was counted for another node before. */
		*counter += in ? part : -(part < *counter ? part : *counter);
	}
}
