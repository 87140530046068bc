/* SPDX-License-Identifier: BSD-3-Clause */

/* The pages behind the fake kernel's memory: where they are, have been, or are no more. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fake_kernel_private.h"
#include "iommufd_uapi.h"

#define MOVES 256
#define VMAS 16
#define NOWHERE UINT64_MAX /* the page is no more */

static struct {
	uint64_t va;
	uint64_t phys;
} moves[MOVES];
static unsigned int move_count;

static struct fake_vma vmas[VMAS]; /* len 0: unused */

static unsigned int fake_maps; /* how often /proc/self/maps is open */

void
fake_pages_reset(void)
{
	move_count = 0;
	fake_maps = 0;
	memset(vmas, 0, sizeof(vmas));
}

unsigned int
fake_maps_opened(void)
{
	return fake_maps - fake.maps_lost;
}

int
fake_maps_open(void)
{
	if (fake.maps_error != 0)
		return fake.maps_error;
	fake_maps += !fake.maps_lost;
	fake.maps_lost = false;
	return 0;
}

bool
fake_maps_close(void)
{
	const bool is_open = fake_maps != 0 && !fake.maps_lost;

	fake_maps -= is_open;
	return is_open;
}

void
fake_take(const unsigned int *ms)
{
	for (unsigned int i = 0; i < __atomic_load_n(ms, __ATOMIC_RELAXED); i++)
		usleep(1000);
}

/* That of /proc/self/maps: no other is looked at. */
uint64_t
fake_file_id(int fd)
{
	(void)fd;
	return fake.maps_lost ? 2 : 1;
}

unsigned int
fake_moves(void)
{
	return move_count;
}

uint64_t
fake_phys_after(unsigned int count, uint64_t va)
{
	const uint64_t page = va & ~(FAKE_PAGE - 1);

	while (count-- > 0)
		if (moves[count].va == page)
			return moves[count].phys == NOWHERE ?
				NOWHERE :
				moves[count].phys + (va & (FAKE_PAGE - 1));
	return FAKE_PHYS(va - (uintptr_t)FAKE_VA(0));
}

uint64_t
fake_phys(const void *va)
{
	return fake_phys_after(move_count, (uintptr_t)va);
}

void
fake_page_move(const void *va, uint64_t phys)
{
	if (move_count == MOVES)
		abort();
	moves[move_count].va = (uintptr_t)va;
	moves[move_count++].phys = phys;
}

void
fake_page_remove(const void *va)
{
	fake_page_move(va, NOWHERE);
}

bool
fake_is_resident(const void *page)
{
	return fake_phys(page) != NOWHERE;
}

void
fake_vma_add(const struct fake_vma *vma)
{
	size_t i = 0;

	while (i < VMAS && vmas[i].len != 0)
		i++;
	if (i == VMAS)
		abort();
	vmas[i] = *vma;
}

void
fake_vma_remove(const void *va)
{
	for (size_t i = 0; i < VMAS; i++)
		if (vmas[i].va == va)
			vmas[i].len = 0;
}

/* What has the VA, or comes next, of the kind that is looked for: query_matching_vma(). */
static const struct fake_vma *
vma_find(const struct ifd_procmap_query *query)
{
	const bool next = (query->query_flags & IFD_VMA_COVERING_OR_NEXT) != 0;
	const struct fake_vma *found = NULL;
	uint64_t start;

	for (size_t i = 0; i < VMAS; i++) {
		start = (uintptr_t)vmas[i].va;
		if (query->query_addr >= start + vmas[i].len ||
		    (!next && query->query_addr < start) ||
		    ((query->query_flags & IFD_VMA_FILE_BACKED) != 0 && vmas[i].inode == 0) ||
		    ((query->query_flags & IFD_VMA_SHARED) != 0 && !vmas[i].shared))
			continue;
		if (found == NULL || vmas[i].va < found->va)
			found = &vmas[i];
	}
	return found;
}

static void
vma_report(const struct fake_vma *vma, struct ifd_procmap_query *query)
{
	query->vma_start = (uintptr_t)vma->va;
	query->vma_end = query->vma_start + vma->len;
	query->vma_flags = vma->shared ? IFD_VMA_SHARED : 0;
	query->vma_page_size = vma->page_size;
	query->vma_offset = vma->offset;
	query->inode = vma->inode;
	query->dev_major = major(vma->dev);
	query->dev_minor = minor(vma->dev);
}

/* do_procmap_query() in fs/proc/task_mmu.c */
int
fake_vma(struct ifd_procmap_query *query)
{
	const int err = fake_enter(FAKE_VMA);
	const struct fake_vma *vma;

	if (err != 0)
		return err;
	if (fake_maps == 0 || fake.maps_lost)
		return EBADF;
	if (fake.vma_page == 0)
		return ENOTTY;
	if (query->size < sizeof(*query))
		return EINVAL;
	vma = vma_find(query);
	if (vma == NULL && query->query_flags != 0)
		return ENOENT;
	if (vma != NULL)
		vma_report(vma, query);
	else
		query->vma_page_size = fake.vma_page;
	return 0;
}

bool
fake_is_absent(uint64_t va, uint64_t len)
{
	for (unsigned int i = 0; i < move_count; i++)
		if (moves[i].phys == NOWHERE && moves[i].va - va < len &&
		    fake_phys_after(move_count, moves[i].va) == NOWHERE)
			return true;
	return false;
}
