/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * crowd [EAL OPTION...] -- COUNT PLUGGED-PCI-ADDRESS SET-UP-PCI-ADDRESS
 *
 * Threads that do everything at once: one device is plugged in and out, another set
 * up and released, COUNT times each; meanwhile the EAL's memory grows and shrinks,
 * the program maps and unmaps memory of its own, and requests addresses. Prints what
 * the process has before and after, and what each thread has done.
 */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_vfio.h>

#include "resources.h"

#define WARM_UP 3
#define LIMIT 600		   /* seconds: a deadlock is an end by SIGALRM */
#define BLOCK (UINT64_C(16) << 20) /* does not fit into the memory it starts with */
#define OWN (UINT64_C(64) << 10)
#define PAGE UINT64_C(4096)
/* The EAL's locks spin, and a mutex goes to the first to come: no thread is to starve. */
#define BREAK_US 20000

struct worker {
	const char *name;
	bool (*step)(const char *arg);
	const char *arg; /* the device; those without one go on until the others end */
	pthread_t thread;
	unsigned long count;
	unsigned long done;
	unsigned long failed;
};

static atomic_int devices_left;

static bool
grow(const char *arg)
{
	char *block = rte_malloc("crowd", BLOCK, 0);
	bool right = block != NULL;

	(void)arg;
	for (uint64_t i = 0; right && i < BLOCK; i += RTE_PGSIZE_2M) {
		const struct rte_memseg *ms = rte_mem_virt2memseg(block + i, NULL);

		*(volatile char *)(block + i) = 1;
		right = ms != NULL &&
			rte_mem_virt2iova(block + i) ==
				ms->iova + RTE_PTR_DIFF(block + i, ms->addr);
	}
	rte_free(block);
	return right;
}

static bool
page_map(const char *page)
{
	const rte_iova_t iova = rte_mem_virt2iova(page);

	return iova != RTE_BAD_IOVA &&
		rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)page, iova,
					   PAGE) == 0 &&
		rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)page, iova,
					     PAGE) == 0;
}

/* By pages, and at once where it is. */
static bool
own(const char *arg)
{
	char *memory = mmap(NULL, OWN, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	bool right = memory != MAP_FAILED;

	(void)arg;
	for (uint64_t i = 0; right && i < OWN; i += PAGE)
		right = page_map(memory + i);
	right = right &&
		rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)memory, 0,
					   OWN) == 0;
	right = right &&
		rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)memory, 0,
					     OWN) == 0;
	if (memory != MAP_FAILED)
		munmap(memory, OWN);
	return right;
}

static bool
query(const char *arg)
{
	static char *kept; /* by one thread */

	(void)arg;
	if (kept == NULL)
		kept = rte_malloc("crowd", PAGE, PAGE);
	return kept != NULL && rte_mem_virt2phy(kept) == rte_malloc_virt2iova(kept);
}

/* Threads start on the CPU of the EAL's main one, where those that spin keep the others out. */
static void
cpus_use(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	pthread_setaffinity_np(pthread_self(), sizeof(all), &all);
}

static void *
worker_run(void *arg)
{
	struct worker *w = arg;

	cpus_use();
	while (w->arg != NULL ? w->done < w->count : devices_left > 0 || w->done == 0) {
		w->failed += !w->step(w->arg);
		w->done++;
		usleep(BREAK_US);
	}
	devices_left -= w->arg != NULL;
	return NULL;
}

static bool
workers_run(struct worker *workers, unsigned int number, unsigned long count)
{
	bool passed = true;

	devices_left = 2;
	for (unsigned int i = 0; i < number; i++) {
		workers[i].count = count;
		workers[i].done = 0;
		pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]);
	}
	for (unsigned int i = 0; i < number; i++) {
		pthread_join(workers[i].thread, NULL);
		passed = passed && workers[i].failed == 0;
	}
	return passed;
}

int
main(int argc, char **argv)
{
	const int used = rte_eal_init(argc, argv);
	struct worker workers[] = {
		{ .name = "plug", .step = plug },   { .name = "setup", .step = setup },
		{ .name = "grow", .step = grow },   { .name = "own", .step = own },
		{ .name = "query", .step = query },
	};
	bool passed;

	if (used < 0 || used + 4 != argc) {
		fprintf(stderr, "crowd: no EAL, or no -- COUNT PCI-ADDRESS PCI-ADDRESS\n");
		return EXIT_FAILURE;
	}
	workers[0].arg = argv[used + 2];
	workers[1].arg = argv[used + 3];
	alarm(LIMIT);
	passed = workers_run(workers, RTE_DIM(workers), WARM_UP);
	resources_print("before");
	passed = workers_run(workers, RTE_DIM(workers), strtoul(argv[used + 1], NULL, 10)) &&
		passed;
	resources_print("after");
	for (unsigned int i = 0; i < RTE_DIM(workers); i++)
		printf("%s: %lu done, %lu failed\n", workers[i].name, workers[i].done,
		       workers[i].failed);
	rte_eal_cleanup();
	return passed ? EXIT_SUCCESS : EXIT_FAILURE;
}
