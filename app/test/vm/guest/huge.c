/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/mempolicy.h>

#include "huge.h"
#include "proc.h"

uint8_t *
huge_new(unsigned int count)
{
	uint8_t *va = mmap(NULL, count * HUGEPAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (va == MAP_FAILED)
		return NULL;
	memset(va, 1, count * HUGEPAGE);
	return va;
}

unsigned int
huge_free(void)
{
	return proc_number("/proc/meminfo", "HugePages_Free:");
}

static int
page_node(void *va, const int *node)
{
	int status = -1;

	if (syscall(SYS_move_pages, 0, 1UL, &va, node, &status, MPOL_MF_MOVE_ALL) < 0)
		return -errno;
	return status;
}

int
page_move(void *va)
{
	const int before = page_node(va, NULL), other = before == 0;
	int after;

	if (before < 0)
		return before;
	page_node(va, &other);
	after = page_node(va, NULL);
	return after < 0 ? after : after != before;
}
