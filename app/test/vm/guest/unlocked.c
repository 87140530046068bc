/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Preloaded into guests: memory that a program locks is all there, and may be reclaimed. DPDK locks
 * pools of small pages, which leaves nothing to see of what pins do.
 */

#include <stddef.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14, include/uapi/asm-generic/mman-common.h */
#endif

int
mlock(const void *addr, size_t len)
{
	return madvise((void *)(size_t)addr, len, MADV_POPULATE_WRITE);
}
