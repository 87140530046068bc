/* SPDX-License-Identifier: BSD-3-Clause */

/* Hugepages, where they are, and whether they move. */

#ifndef HUGE_H
#define HUGE_H

#include <stddef.h>
#include <stdint.h>

#define HUGEPAGE (UINT64_C(2) << 20)
#define SMALL_PAGE UINT64_C(4096)

/* Private ones, written to; NULL with errno. */
uint8_t *
huge_new(unsigned int count);

/* Of 2M, that no process has. */
unsigned int
huge_free(void);

/* Ask the kernel to move a page to the other of two NUMA nodes: 1 moved, 0 not, or -errno. */
int
page_move(void *va);

#endif /* HUGE_H */
