/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * addresses [EAL OPTION...] -- CASE [PCI-ADDRESS] [ROUNDS]
 *
 * What applications do with physical addresses, on the real kernel; each case
 * prints lines of "name=number" that test_addresses.py reads.
 *
 *	late	addresses are requested before there is a device
 *	moved	the same, and the memory moves before the device comes
 *	gone	the same, and the memory is freed before
 *	alias	two views of the same memory are mapped
 *	foreign	hugepages of the application come and go
 *	fork	a child goes on with the EAL
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <numaif.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_malloc.h>
#include <rte_memory.h>
#include <rte_vfio.h>

#include "resources.h"

#define PAGE 4096UL
#define HUGEPAGE (2UL << 20)
#define PAGES 64

static const char *device;
static int rounds = 1;

static char *
memory(size_t size, int flags)
{
	char *va = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	return va == MAP_FAILED ? NULL : va;
}

/* Move all pages to a node; returns how many went. */
static int
move(char *va, int node)
{
	int nodes[PAGES], before[PAGES], after[PAGES], moved = 0;
	void *pages[PAGES];

	for (int i = 0; i < PAGES; i++) {
		pages[i] = va + i * PAGE;
		nodes[i] = node;
	}
	move_pages(0, PAGES, pages, NULL, before, 0);
	move_pages(0, PAGES, pages, nodes, after, MPOL_MF_MOVE_ALL);
	move_pages(0, PAGES, pages, NULL, after, 0);
	for (int i = 0; i < PAGES; i++)
		moved += before[i] != after[i];
	return moved;
}

/* To whichever node they are not on. */
static int
move_somewhere(char *va)
{
	int moved = move(va, 1);

	return moved > 0 ? moved : move(va, 0);
}

/* Memory with an address for each page. */
static char *
addressed_new(rte_iova_t iovas[PAGES])
{
	char *va = memory(PAGES * PAGE, MAP_PRIVATE | MAP_POPULATE);

	for (int i = 0; i < PAGES; i++)
		iovas[i] = rte_mem_virt2iova(va + i * PAGE);
	return va;
}

static int
wrong(char *va, const rte_iova_t iovas[PAGES])
{
	int count = 0;

	for (int i = 0; i < PAGES; i++)
		count += rte_mem_virt2iova(va + i * PAGE) != iovas[i];
	return count;
}

static void
late(void)
{
	rte_iova_t iovas[PAGES];
	char *va = addressed_new(iovas);
	int probed = rte_dev_probe(device), moved = move_somewhere(va);

	printf("probe=%d moved=%d wrong=%d\n", probed, moved, wrong(va, iovas));
	munmap(va, PAGES * PAGE);
	rte_eal_hotplug_remove("pci", device);
}

/* And the second try, of which the memory is right. */
static void
moved(void)
{
	rte_iova_t iovas[PAGES];
	char *va = addressed_new(iovas);
	int went = move_somewhere(va), first = rte_dev_probe(device);

	munmap(va, PAGES * PAGE);
	printf("moved=%d first=%d second=%d\n", went, first, rte_dev_probe(device));
}

static void
gone(void)
{
	rte_iova_t iovas[PAGES];
	char *va = addressed_new(iovas), *other;

	munmap(va, PAGES * PAGE);
	/* Other memory, in its place. */
	other = mmap(va, PAGES * PAGE, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_POPULATE, -1, 0);
	printf("place=%d probe=%d\n", other == va, rte_dev_probe(device));
}

static int
map(char *va)
{
	return rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)va,
					  rte_mem_virt2iova(va), PAGE) != 0 ?
		rte_errno :
		0;
}

static int
unmap(char *va)
{
	return rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD, (uintptr_t)va,
					    rte_mem_virt2iova(va), PAGE) != 0 ?
		rte_errno :
		0;
}

static int
all(int (*step)(char *va), char *va)
{
	int failed = 0;

	for (int i = 0; i < PAGES; i++)
		failed += step(va + i * PAGE) != 0;
	return failed;
}

static void
alias(void)
{
	int fd = memfd_create("alias", MFD_CLOEXEC), first, second, one_left, none_left;
	char *a, *b;

	if (fd < 0 || ftruncate(fd, PAGES * PAGE) != 0)
		return;
	a = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	b = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	first = all(map, a);
	second = all(map, b);
	first += all(unmap, a);
	one_left = move_somewhere(b);
	second += all(unmap, b);
	munmap(a, PAGES * PAGE);
	none_left = move_somewhere(b);
	munmap(b, PAGES * PAGE);
	close(fd);
	printf("first=%d second=%d moved=%d moved_then=%d\n", first, second, one_left, none_left);
}

static void
foreign(void)
{
	const unsigned long free = hugepages_free(), count = rounds == 3 ? free * 3 / 4 : 8;
	char *va = memory(count * HUGEPAGE, MAP_SHARED | MAP_HUGETLB);

	if (va == NULL) {
		printf("error=%d\n", errno);
		return;
	}
	for (unsigned long i = 0; i < count; i++) {
		va[i * HUGEPAGE] = 1;
		rte_mem_virt2iova(va + i * HUGEPAGE);
	}
	munmap(va, count * HUGEPAGE);
	printf("error=0 lost=%ld\n", (long)(free - hugepages_free()));
}

/*
 * What a child allocates the EAL's shared configuration keeps, while its parent has
 * never mapped it: that is for one round, after which the parent has to end at once.
 */
static void
forked(void)
{
	int here, status = -1;

	fflush(stdout);
	if (fork() == 0) {
		printf("address=%d", rte_mem_virt2iova(&here) != RTE_BAD_IOVA);
		if (rounds == 1)
			printf(" grows=%d", rte_malloc(NULL, 40 << 20, 0) != NULL);
		printf("\n");
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	printf("child=%d\n", status);
	fflush(stdout);
	if (rounds == 1)
		_exit(0);
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "late", late },   { "moved", moved },	    { "gone", gone },
	{ "alias", alias }, { "foreign", foreign }, { "fork", forked },
};

int
main(int argc, char **argv)
{
	int used = rte_eal_init(argc, argv);
	const char *name = used >= 0 && used + 1 < argc ? argv[used + 1] : "";

	if (used >= 0 && used + 3 < argc)
		rounds = atoi(argv[used + 3]);
	device = used >= 0 && used + 2 < argc ? argv[used + 2] : "";
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		if (strcmp(cases[i].name, name) != 0)
			continue;
		for (int round = 0; round < rounds; round++) {
			/* The first rounds leave what a library keeps. */
			if (round == 3)
				resources_print("before");
			cases[i].run();
		}
		if (rounds > 3)
			resources_print("after");
		return rte_eal_cleanup();
	}
	fprintf(stderr, "no such case: %s\n", name);
	return 2;
}
