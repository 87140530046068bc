/* SPDX-License-Identifier: BSD-3-Clause */

/* The pages behind the fake kernel's memory: where they are, have been, or are no more. */

#include <errno.h>
#include <stdlib.h>

#include "fake_kernel_private.h"
#include "iommufd_uapi.h"

#define MOVES 256
#define NOWHERE UINT64_MAX /* the page is no more */

static struct {
	uint64_t va;
	uint64_t phys;
} moves[MOVES];
static unsigned int move_count;

void
fake_pages_reset(void)
{
	move_count = 0;
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

int
fake_vma(struct ifd_procmap_query *query)
{
	const int err = fake_enter(FAKE_VMA);

	if (err != 0)
		return err;
	if (fake.vma_page == 0)
		return ENOTTY;
	if (query->size < sizeof(*query))
		return EINVAL;
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
