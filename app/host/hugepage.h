/* SPDX-License-Identifier: BSD-3-Clause */

/* The pools of hugepages, as the EAL counts and finds them: lib/eal/linux/eal_hugepage_info.c. */

#ifndef APP_HUGEPAGE_H
#define APP_HUGEPAGE_H

#include <stdbool.h>

#include "facts.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pages of one size. */
struct hugepage_pool {
	unsigned long size; /* kB of one page */
	long total;	    /* there are, surplus ones too */
	long most;	    /* there may be: with what overcommitment may add */
	long persistent;    /* of total, without surplus ones: what nr_hugepages is to keep */
	long unused;	    /* a program may still get: not reserved, or to be added */
	char mount[256];    /* of the hugetlbfs that the EAL uses for them; "" if there is none */
};

/* The pools, from the smallest pages to the largest ones; returns how many there are. */
unsigned int
hugepage_pools(const struct host *host, struct hugepage_pool pools[HUGEPAGE_SIZES]);

/* Has a program that starts now its pages from this pool? If all are used up: any that has some. */
bool
hugepage_matters(const struct hugepage_pool *pools, unsigned int count, unsigned int which);

/*
 * Pages in files at the pool's mount that no program has locked, as after a crash: the
 * EAL of any primary removes these when it starts (clear_hugedir()). Locks directory and
 * files for a moment, as the EAL does; 0 if this process cannot, -EWOULDBLOCK where an
 * EAL that starts has the directory for longer than a second.
 */
long
hugepage_leftover(const struct host *host, const struct hugepage_pool *pool);

/*
 * The pool to add pages to: the smallest that are mounted, for a few large ones may be
 * more than the machine has; but not those below 2 MB, as arm64's of 64 kB, of which a
 * list of the EAL holds too few (RTE_MAX_MEMSEG_PER_LIST), if there are others. NULL: none.
 */
const struct hugepage_pool *
hugepage_choose(const struct hugepage_pool *pools, unsigned int count);

/* Pages of a size, in kB, that make up the memory of an ordinary program (1 GiB). */
long
hugepage_need(unsigned long size);

#ifdef __cplusplus
}
#endif

#endif /* APP_HUGEPAGE_H */
