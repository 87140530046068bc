/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Preloaded before the backend: moves pages between two NUMA nodes at the very
 * moments at which a move would do harm. It stands between the EAL and the
 * functions that give addresses, and between the backend and the kernel, and tries
 *
 *	before	an address is requested, and before IOMMU_IOAS_MAP: legitimate;
 *		the page ends on the node that it was on, but elsewhere
 *	inside	right after the answer, before the EAL has read it; after the
 *		map; around IOMMU_IOAS_NOIOMMU_GET_PA and IOMMU_IOAS_COPY; and
 *		before IOMMU_IOAS_UNMAP, after it too while another area has
 *		the page: the harm
 *
 * MOVES_ONCE	away before the request and back before the map, or after the answer:
 *		the EAL, which drops a page of another node than it wants, never
 *		sees it there
 * MOVES=FILE	where it keeps its counts, from the first try on, since a
 *		process whose pages moved often ends without a word: a line for
 *		each moment with its name, the tries and the moves
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mempolicy.h>

#include <rte_common.h>
#include <rte_memory.h>

#include "iommufd_uapi.h"
#include "proc.h"

#define BASE_PAGE 4096
#define BASE_STRIDE 2048
#define HUGEPAGE (UINT64_C(2) << 20)
#define STACK_NEAR (UINT64_C(1) << 20)
#define MOST_PAGES 64
#define MOST_AREAS 4096

enum moment { REQUEST, ANSWER, MAP, MAPPED, GET_PA, COPY, UNMAP, SHARED, MOMENTS };

static struct {
	const char *name;
	unsigned int tried, moved;
} counts[MOMENTS] = {
	[REQUEST] = { "before-answer", 0, 0 }, [ANSWER] = { "inside-answer", 0, 0 },
	[MAP] = { "before-map", 0, 0 },	       [MAPPED] = { "inside-map", 0, 0 },
	[GET_PA] = { "inside-get_pa", 0, 0 },  [COPY] = { "inside-copy", 0, 0 },
	[UNMAP] = { "inside-unmap", 0, 0 },    [SHARED] = { "inside-shared", 0, 0 },
};

struct pages {
	void *at[MOST_PAGES];
	int node[MOST_PAGES];
	unsigned int count;
	size_t size;
};

/*
 * What the backend has mapped; a slot without a length is free. Other memory may
 * have come to the VA meanwhile, which is free to move: phys differs then.
 */
static struct area {
	uint64_t iova, va, len;
	uint64_t phys; /* of the first page */
} areas[MOST_AREAS];
static unsigned int area_end; /* no slot from here on was ever used */

/* Guards all of the above. Not held while the real functions run, which call these. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static __thread bool in_virt2iova;

static void
pages_fill(struct pages *pages, uint64_t va, uint64_t len)
{
	uint64_t step;

	pages->size = va % HUGEPAGE == 0 && len % HUGEPAGE == 0 ? HUGEPAGE : BASE_PAGE;
	step = RTE_MAX(pages->size, RTE_ALIGN_CEIL(len / MOST_PAGES, pages->size));
	pages->count = 0;
	for (uint64_t done = 0; done < len && pages->count < MOST_PAGES; done += step)
		pages->at[pages->count++] = (void *)(uintptr_t)(va + done);
}

static void
pages_where(struct pages *pages)
{
	if (syscall(SYS_move_pages, 0, (unsigned long)pages->count, pages->at, NULL, pages->node,
		    0) != 0)
		pages->count = 0;
}

/* Each to the other node of the two; returns how many went. */
static unsigned int
pages_move(struct pages *pages)
{
	int wanted[MOST_PAGES], status[MOST_PAGES];
	unsigned int moved = 0;
	struct pages was;

	pages_where(pages);
	was = *pages;
	for (unsigned int i = 0; i < pages->count; i++)
		wanted[i] = pages->node[i] == 0;
	syscall(SYS_move_pages, 0, (unsigned long)pages->count, pages->at, wanted, status,
		MPOL_MF_MOVE_ALL);
	pages_where(pages);
	for (unsigned int i = 0; i < pages->count; i++)
		moved += was.node[i] >= 0 && pages->node[i] >= 0 && was.node[i] != pages->node[i];
	return moved;
}

/*
 * Take what a page left behind on its node, which is what the kernel would give
 * it on its way back, and keep it until the next one comes: two moves that undo
 * each other would do no harm. If there is none to be had so be it.
 */
static void
squat(size_t size, int node)
{
	static struct {
		void *at;
		size_t size;
	} last;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | (size == HUGEPAGE ? MAP_HUGETLB : 0);
	void *left = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	unsigned long mask = 1UL << node;

	if (left == MAP_FAILED)
		return;
	syscall(SYS_mbind, left, size, MPOL_BIND, &mask, sizeof(mask) * CHAR_BIT, 0);
	madvise(left, size, MADV_POPULATE_WRITE);
	if (last.size > 0)
		munmap(last.at, last.size);
	last.at = left;
	last.size = size;
}

static void
counts_write(void)
{
	static int fd = -1;
	char text[512];
	size_t len = 0;

	if (fd < 0)
		fd = open(getenv("MOVES"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (int i = 0; i < MOMENTS; i++)
		len += snprintf(text + len, sizeof(text) - len, "%s %u %u\n", counts[i].name,
				counts[i].tried, counts[i].moved);
	/* Numbers only grow, so nothing of an older text is left. */
	if (pwrite(fd, text, len, 0) != (ssize_t)len)
		abort();
}

/* A move takes milliseconds: of memory in small pages one page in BASE_STRIDE is tried. */
static bool
is_chosen(uint64_t va, uint64_t len)
{
	return len != BASE_PAGE || va / BASE_PAGE % BASE_STRIDE == 0;
}

/* Away and back; the EAL drops a page that is on another node than it wanted. */
static void
try_moves(enum moment moment, uint64_t va, uint64_t len)
{
	unsigned int tried = 0, moved;
	struct pages pages;

	if (!is_chosen(va, len) || getenv("MOVES") == NULL)
		return;
	pthread_mutex_lock(&lock);
	pages_fill(&pages, va, len);
	pages_where(&pages);
	for (unsigned int i = 0; i < pages.count; i++)
		tried += pages.node[i] >= 0;
	counts[moment].tried += tried;
	moved = tried > 0 ? pages_move(&pages) : 0;
	if (moved > 0 && getenv("MOVES_ONCE") == NULL) {
		squat(pages.size, pages.node[0] == 0);
		pages_move(&pages);
	}
	counts[moment].moved += moved;
	counts_write();
	pthread_mutex_unlock(&lock);
}

/* The EAL requests an address of its stack to see whether there are any, and drops it. */
static bool
is_stack(const void *virt)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	return (uintptr_t)virt - here < STACK_NEAR;
}

static void
try_page(enum moment moment, const void *virt)
{
	uintptr_t va = (uintptr_t)virt;

	if (is_stack(virt))
		return;
	if (va % HUGEPAGE == 0)
		try_moves(moment, va, HUGEPAGE);
	else
		try_moves(moment, va - va % BASE_PAGE, BASE_PAGE);
}

phys_addr_t
rte_mem_virt2phy(const void *virt)
{
	phys_addr_t (*next)(const void *);
	phys_addr_t phys;

	*(void **)&next = dlsym(RTLD_NEXT, "rte_mem_virt2phy");
	/* A call by rte_mem_virt2iova() is not the EAL's. */
	if (in_virt2iova)
		return next(virt);
	try_page(REQUEST, virt);
	phys = next(virt);
	if (phys != RTE_BAD_PHYS_ADDR)
		try_page(ANSWER, virt);
	return phys;
}

rte_iova_t
rte_mem_virt2iova(const void *virt)
{
	rte_iova_t (*next)(const void *);
	rte_iova_t iova;

	*(void **)&next = dlsym(RTLD_NEXT, "rte_mem_virt2iova");
	try_page(REQUEST, virt);
	in_virt2iova = true;
	iova = next(virt);
	in_virt2iova = false;
	if (iova != RTE_BAD_IOVA)
		try_page(ANSWER, virt);
	return iova;
}

/* Whether the same memory is still there. */
static bool
area_lasts(const struct area *area)
{
	return area->len > 0 && proc_phys((void *)(uintptr_t)area->va) == area->phys;
}

static void
area_add(uint64_t iova, uint64_t va, uint64_t len)
{
	const struct area area = { iova, va, len, proc_phys((void *)(uintptr_t)va) };

	if (!is_chosen(va, len))
		return;
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < MOST_AREAS; i++)
		if (areas[i].len == 0) {
			areas[i] = area;
			area_end = RTE_MAX(area_end, i + 1);
			break;
		}
	pthread_mutex_unlock(&lock);
}

static void
areas_remove(uint64_t iova, uint64_t len)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < area_end; i++)
		if (areas[i].iova >= iova && areas[i].iova - iova < len)
			areas[i].len = 0;
	pthread_mutex_unlock(&lock);
}

/* What is mapped at an IOVA, or 0. */
static uint64_t
area_va(uint64_t iova)
{
	uint64_t va = 0;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < area_end && va == 0; i++)
		if (iova - areas[i].iova < areas[i].len && area_lasts(&areas[i]))
			va = areas[i].va + (iova - areas[i].iova);
	pthread_mutex_unlock(&lock);
	return va;
}

static bool
area_has(uint64_t va)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < area_end && !found; i++)
		found = va - areas[i].va < areas[i].len && area_lasts(&areas[i]);
	pthread_mutex_unlock(&lock);
	return found;
}

static void
before_ioctl(unsigned long request, const void *arg)
{
	const struct ifd_noiommu_get_pa *get_pa = arg;
	const struct ifd_ioas_unmap *unmap = arg;
	const struct ifd_ioas_copy *copy = arg;
	const struct ifd_ioas_map *map = arg;

	if (request == IFD_IOAS_MAP && !area_has(map->user_va))
		try_moves(MAP, map->user_va, map->length);
	else if (request == IFD_NOIOMMU_GET_PA && area_va(get_pa->iova) != 0)
		try_page(GET_PA, (void *)(uintptr_t)area_va(get_pa->iova));
	else if (request == IFD_IOAS_COPY)
		try_moves(COPY, area_va(copy->src_iova), copy->length);
	else if (request == IFD_IOAS_UNMAP)
		try_moves(UNMAP, area_va(unmap->iova), unmap->length);
}

static void
after_ioctl(unsigned long request, const void *arg)
{
	const struct ifd_noiommu_get_pa *get_pa = arg;
	const struct ifd_ioas_unmap *unmap = arg;
	const struct ifd_ioas_copy *copy = arg;
	const struct ifd_ioas_map *map = arg;
	uint64_t va;

	if (request == IFD_IOAS_MAP) {
		area_add(map->iova, map->user_va, map->length);
		try_moves(MAPPED, map->user_va, map->length);
	} else if (request == IFD_NOIOMMU_GET_PA) {
		try_page(GET_PA, (void *)(uintptr_t)area_va(get_pa->iova));
	} else if (request == IFD_IOAS_COPY) {
		va = area_va(copy->src_iova);
		area_add(copy->dst_iova, va, copy->length);
		try_moves(COPY, va, copy->length);
	} else if (request == IFD_IOAS_UNMAP) {
		va = area_va(unmap->iova);
		areas_remove(unmap->iova, unmap->length);
		if (area_has(va))
			try_moves(SHARED, va, unmap->length);
	}
}

int
ioctl(int fd, unsigned long request, ...)
{
	int (*next)(int, unsigned long, ...);
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	*(void **)&next = dlsym(RTLD_NEXT, "ioctl");
	before_ioctl(request, arg);
	ret = next(fd, request, arg);
	if (ret == 0)
		after_ioctl(request, arg);
	return ret;
}
