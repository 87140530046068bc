/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What becomes of addresses that an application gets before its first device. It queries
 * those of its own memory, as an application with packets in it does; then devices are
 * plugged in; then move_pages(2) tries to move that memory to another NUMA node. No port
 * is started, so no device uses what may have moved.
 *
 * One more page, whose address was not queried, shows whether pages can move at all.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <numa.h>
#include <numaif.h>

#include <rte_dev.h>
#include <rte_eal.h>

#include "traffic.h"

static uint8_t *
late_page(const struct late *late, unsigned int i)
{
	return late->memory + i * late->page_size;
}

/* On which node is each? With a target they are moved first. */
static int
late_locate(const struct late *late, int target, int node[LATE_PAGES + 1])
{
	int targets[LATE_PAGES + 1];
	void *pages[LATE_PAGES + 1];

	for (unsigned int i = 0; i <= LATE_PAGES; i++) {
		pages[i] = late_page(late, i);
		targets[i] = target;
	}
	/* That a page does not move is an answer, not an error. */
	if (target >= 0)
		numa_move_pages(0, LATE_PAGES + 1, pages, targets, node, MPOL_MF_MOVE);
	if (numa_move_pages(0, LATE_PAGES + 1, pages, NULL, node, 0) < 0)
		return complain(errno, "cannot query where pages are");
	return 0;
}

/* Small pages, each of which is pinned and moved by itself. */
static int
late_populate(struct late *late)
{
	int node[LATE_PAGES + 1];
	size_t size;
	int ret;

	late->page_size = (size_t)sysconf(_SC_PAGESIZE);
	size = (LATE_PAGES + 1) * late->page_size;
	late->memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (late->memory == MAP_FAILED)
		return complain(errno, "cannot have %zu bytes of memory", size);
	madvise(late->memory, size, MADV_NOHUGEPAGE);
	numa_tonode_memory(late->memory, size, late->from);
	memset(late->memory, 1, size);
	ret = late_locate(late, -1, node);
	for (unsigned int i = 0; ret == 0 && i <= LATE_PAGES; i++)
		if (node[i] != late->from)
			ret = complain(ENOMEM, "there is no memory on node %d", late->from);
	return ret;
}

static void
late_query(struct late *late)
{
	for (unsigned int i = 0; i < LATE_PAGES; i++) {
		late->iova[i] = rte_mem_virt2iova(late_page(late, i));
		late->given += late->iova[i] != RTE_BAD_IOVA;
	}
}

static int
late_plug(struct late *late, int count, char **addresses)
{
	int ret;

	for (int i = 0; i < count; i++) {
		ret = rte_dev_probe(addresses[i]);
		if (ret != 0)
			return complain(abs(ret), "cannot plug in %s", addresses[i]);
		late->devices++;
	}
	return 0;
}

/* The EAL and, if it shows it, the kernel must still have the address that was given. */
static bool
late_is_wrong(const struct late *late, unsigned int i)
{
	const uint64_t phys = phys_of(late_page(late, i));

	return rte_mem_virt2iova(late_page(late, i)) != late->iova[i] ||
		(phys != 0 && phys != late->iova[i]);
}

static int
late_move(struct late *late)
{
	int node[LATE_PAGES + 1];
	int ret;

	ret = late_locate(late, late->to, node);
	for (unsigned int i = 0; ret == 0 && i < LATE_PAGES; i++) {
		if (late->iova[i] == RTE_BAD_IOVA)
			continue;
		late->moved += node[i] == late->to;
		late->wrong += late_is_wrong(late, i);
		if (late->first == NULL && late->moved + late->wrong > 0)
			late->first = late_page(late, i);
	}
	late->movable = node[LATE_PAGES] == late->to;
	return ret;
}

int
late_run(int argc, char **argv)
{
	struct late late = { 0 };
	int ret;

	if (argc < 2)
		return complain(EINVAL, "it takes the nodes to move from and to");
	if (rte_eal_iova_mode() != RTE_IOVA_PA)
		return complain(ENOTSUP, "addresses are physical with --iova-mode=pa only");
	late.from = atoi(argv[0]);
	late.to = atoi(argv[1]);
	ret = late_populate(&late);
	if (ret < 0)
		return ret;
	late_query(&late);
	ret = late_plug(&late, argc - 2, argv + 2);
	if (ret == 0)
		ret = late_move(&late);
	if (ret == 0)
		report_late(&late);
	/* It stays until its starter closes its input. */
	while (ret == 0 && getchar() != EOF)
		;
	return ret;
}
