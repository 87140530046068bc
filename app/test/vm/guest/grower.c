/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Preloaded into an application: a thread that makes the EAL's memory grow and
 * shrink beside the application's own work.
 *
 * While the file that GROW names has numbers in it, a block of each so many MiB
 * is allocated, written, kept until packets have come, compared with pagemap and
 * freed, in rounds. When the file has gone it prints one line of counts, and waits
 * for the next one.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include "proc.h"

#define MOST_SIZES 8
#define PORTS 2 /* those that have traffic; others may come and go */
#define IDLE_US 20000
#define KEEP_US 20000
#define MOST_TRIES 3000 /* a minute: none comes any more */
#define SMALL_PAGE UINT64_C(4096)

/* Grown and given back are counted in events, the others by the thread. */
static struct {
	unsigned int rounds;
	unsigned int grown;	/* pages */
	unsigned int back;	/* pages */
	unsigned int refused;	/* blocks */
	unsigned int elsewhere; /* pages that are not at the EAL's address */
	unsigned int spoiled;	/* small pages that something else has written to */
	unsigned int quiet;	/* blocks during whose life no packet came */
} found;

static void
memory_event(enum rte_mem_event type, const void *addr, size_t len, void *arg)
{
	unsigned int pages = len / rte_mem_virt2memseg_list(addr)->page_sz;

	(void)arg;
	if (type == RTE_MEM_EVENT_ALLOC)
		found.grown += pages;
	else
		found.back += pages;
}

static unsigned int
sizes_read(const char *path, size_t sizes[MOST_SIZES])
{
	FILE *file = fopen(path, "r");
	unsigned int count = 0;

	if (file == NULL)
		return 0;
	while (count < MOST_SIZES && fscanf(file, "%zu", &sizes[count]) == 1)
		sizes[count++] <<= 20;
	fclose(file);
	return count;
}

static uint64_t
packets(void)
{
	struct rte_eth_stats stats;
	uint64_t sum = 0;

	for (uint16_t port = 0; port < PORTS; port++)
		if (rte_eth_stats_get(port, &stats) == 0)
			sum += stats.ipackets;
	return sum;
}

static bool
page_is_there(const char *virt)
{
	const struct rte_memseg *ms = rte_mem_virt2memseg(virt, NULL);
	const rte_iova_t iova = rte_mem_virt2iova(virt);

	return ms != NULL && iova == ms->iova + RTE_PTR_DIFF(virt, ms->addr) &&
		iova == proc_phys(virt);
}

static void
block_compare(const char *block, size_t len)
{
	const uint64_t page = rte_mem_virt2memseg_list(block)->page_sz;
	const char *virt;

	for (virt = block; virt < block + len;
	     virt = RTE_PTR_ALIGN_FLOOR(RTE_PTR_ADD(virt, page), page))
		if (!page_is_there(virt))
			found.elsewhere++;
}

/* A word of each small page: its own address, and how often it is still there. */
static void
block_write(char *block, size_t len)
{
	for (size_t i = 0; i < len; i += SMALL_PAGE)
		*(volatile uintptr_t *)(block + i) = (uintptr_t)(block + i);
}

static void
block_read(const char *block, size_t len)
{
	for (size_t i = 0; i < len; i += SMALL_PAGE)
		if (*(volatile const uintptr_t *)(block + i) != (uintptr_t)(block + i))
			found.spoiled++;
}

/* However slow the machine is: it takes as long as the packets do. */
static bool
packets_come(void)
{
	const uint64_t before = packets();
	int tries = MOST_TRIES;

	do
		usleep(KEEP_US);
	while (packets() == before && --tries > 0);
	return tries > 0;
}

static void
block_live(size_t len)
{
	char *block = rte_malloc("grower", len, 0);

	if (block == NULL) {
		if (found.refused++ == 0)
			printf("grower: refused\n");
		fflush(stdout);
		return;
	}
	block_write(block, len);
	found.quiet += !packets_come();
	block_compare(block, len);
	block_read(block, len);
	rte_free(block);
}

static void
rounds_run(const char *path)
{
	size_t sizes[MOST_SIZES];
	unsigned int count;

	if (rte_mem_event_callback_register("grower", memory_event, NULL) != 0)
		return;
	memset(&found, 0, sizeof(found));
	while ((count = sizes_read(path, sizes)) != 0) {
		for (unsigned int i = 0; i < count; i++)
			block_live(sizes[i]);
		found.rounds++;
	}
	rte_mem_event_callback_unregister("grower", NULL);
	printf("grower: rounds=%u grown=%u back=%u refused=%u elsewhere=%u spoiled=%u quiet=%u\n",
	       found.rounds, found.grown, found.back, found.refused, found.elsewhere, found.spoiled,
	       found.quiet);
	fflush(stdout);
}

static void *
grow(void *arg)
{
	const char *path = getenv("GROW");
	size_t sizes[MOST_SIZES];

	(void)arg;
	/* The file is written when the application is ready. */
	while (path != NULL) {
		while (sizes_read(path, sizes) == 0)
			usleep(IDLE_US);
		rounds_run(path);
	}
	return NULL;
}

__attribute__((constructor)) static void
grower_start(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, grow, NULL) == 0)
		pthread_detach(thread);
}
