/* SPDX-License-Identifier: BSD-3-Clause */

/* Hugepages, where they are mounted, and how much of them may be pinned. */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <linux/capability.h>

#include "check_private.h"
#include "hugepage.h"

#define NODE_LIST 16 /* nodes that are listed */

/*
 * The command that adds what a program needs to a pool: writing nr_hugepages sets the
 * whole pool, also below what is there.
 */
static void
reserve_add(const struct hugepage_pool *pools, unsigned int count, struct text *cure)
{
	const struct hugepage_pool *pool = hugepage_choose(pools, count);

	if (pool == NULL)
		text_add(cure,
			 "see why there is no /sys/kernel/mm/hugepages: the kernel needs "
			 "CONFIG_HUGETLBFS, a container its /sys");
	else
		text_add(cure, "echo %ld >/sys/kernel/mm/hugepages/hugepages-%lukB/nr_hugepages",
			 pool->persistent + hugepage_need(pool->size), pool->size);
}

static void
nodes_add(const struct host *host, unsigned long size, struct text *text)
{
	long pages;

	for (int node = 0; node < NODE_LIST; node++) {
		pages = hugepages_free_of(host, size, node);
		if (pages > 0)
			text_add(text, "%s%ld on node %d",
				 strchr(text->buf, '(') != NULL ? ", " : " (", pages, node);
	}
	if (strchr(text->buf, '(') != NULL)
		text_add(text, ")");
}

/* What there is of each size; returns how much of it can be had. */
static long
pools_describe(const struct host *host, const struct hugepage_pool *pools, unsigned int count,
	       struct text *text)
{
	struct text size;
	long unused = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (pools[i].most <= 0)
			continue;
		unused |= pools[i].unused;
		size = (struct text){ 0 };
		text_add(&size, "%ld of %ld hugepages of %lu kB are free", pools[i].unused,
			 pools[i].most, pools[i].size);
		/* Of a node it is not known what is reserved, nor what may be added. */
		if (pools[i].unused == hugepages_free_of(host, pools[i].size, -1))
			nodes_add(host, pools[i].size, &size);
		text_list(text, "%s", size.buf);
	}
	return unused;
}

/* None is free: do files of programs that have ended have them? */
static void
none_free_add(struct checkup *c, const struct hugepage_pool *pools, unsigned int count,
	      const char *text)
{
	struct text left = { 0 }, cure = { 0 };
	bool locked = false;
	long pages;

	for (unsigned int i = 0; i < count; i++) {
		pages = hugepage_leftover(c->host, &pools[i]);
		locked |= pages < 0;
		if (pages > 0)
			text_list(&left, "%ld in %s", pages, pools[i].mount);
	}
	if (left.len > 0) {
		checkup_add(c, CHECK_WARN,
			    "start a DPDK program: its EAL removes these files, if it may "
			    "(--huge-unlink=never uses them again)",
			    "%s; but some are in files that no running program has locked, as "
			    "after a crash (%s)",
			    text, left.buf);
		return;
	}
	if (locked) {
		checkup_add(c, CHECK_WARN, "try again when that program has started",
			    "%s; a DPDK program that starts has locked its directory, so that it "
			    "is not known which it will have",
			    text);
		return;
	}
	text_add(&cure, "stop a program that has some in its own way, or add to them: ");
	reserve_add(pools, count, &cure);
	checkup_add(c, checkup_no_pages(c), cure.buf, "%s", text);
}

void
check_hugepages(struct checkup *c)
{
	struct hugepage_pool pools[HUGEPAGE_SIZES];
	unsigned int count = hugepage_pools(c->host, pools);
	struct text text = { 0 }, cure = { 0 };

	if (pools_describe(c->host, pools, count, &text) > 0) {
		checkup_add(c, CHECK_PASS, NULL, "%s", text.buf);
	} else if (text.len > 0) {
		none_free_add(c, pools, count, text.buf);
	} else {
		reserve_add(pools, count, &cure);
		checkup_add(c, c->wants_noiommu ? checkup_no_pages(c) : CHECK_WARN, cure.buf,
			    "no hugepages are reserved: %s",
			    c->wants_noiommu ? "of the EAL's memory only they have physical "
					       "addresses" :
					       "DPDK starts with --no-huge only");
	}
}

/* Not over a mount of another size, whose files programs may have open. */
static void
mount_cure(const struct hugepage_pool *pools, unsigned int count, unsigned long size,
	   struct text *cure)
{
	char dir[64] = "/dev/hugepages";

	for (unsigned int i = 0; i < count; i++)
		if (pools[i].mount[0] != '\0')
			snprintf(dir, sizeof(dir), "/dev/hugepages-%lukB", size);
	text_add(cure,
		 "start DPDK with --in-memory, or: mkdir -p %s && mount -t hugetlbfs -o "
		 "pagesize=%luK none %s",
		 dir, size, dir);
}

/* The EAL uses pages of a size only where a hugetlbfs of that size is mounted. */
void
check_hugepage_mount(struct checkup *c)
{
	struct hugepage_pool pools[HUGEPAGE_SIZES];
	unsigned int count = hugepage_pools(c->host, pools);
	const struct hugepage_pool *without = NULL, *denied = NULL;
	struct text cure = { 0 };

	for (unsigned int i = 0; i < count; i++) {
		if (!hugepage_matters(pools, count, i))
			continue;
		if (pools[i].mount[0] == '\0') {
			without = without != NULL ? without : &pools[i];
		} else if (host_access(c->host, W_OK, "%s", pools[i].mount) < 0) {
			denied = &pools[i];
		} else {
			checkup_add(c, CHECK_PASS, NULL,
				    "hugetlbfs for pages of %lu kB is mounted at %s", pools[i].size,
				    pools[i].mount);
			return;
		}
	}
	if (denied != NULL) {
		checkup_add(c, CHECK_WARN,
			    "change its owner or mode, or start DPDK with --in-memory",
			    "hugetlbfs at %s cannot be written to", denied->mount);
	} else if (without != NULL) {
		mount_cure(pools, count, without->size, &cure);
		checkup_add(c, CHECK_WARN, cure.buf,
			    "no hugetlbfs is mounted here for pages of %lu kB, the ones that "
			    "there are",
			    without->size);
	}
}

/* In kB; LONG_MAX: no limit; -1: not to be seen. */
static long
memlock_read(const struct host *host)
{
	unsigned long long bytes;
	char line[128];

	if (host_find(host, line, sizeof(line), "Max locked memory *", "/proc/self/limits") < 0)
		return -1;
	if (sscanf(line, "Max locked memory %llu", &bytes) == 1)
		return bytes >> 10;
	return strstr(line, "unlimited") != NULL ? LONG_MAX : -1;
}

/* The kB of the smallest hugepage that there may be any of, and of all of them. */
static void
hugepages_measure(const struct host *host, long *smallest, long *all)
{
	struct hugepage_pool pools[HUGEPAGE_SIZES];
	unsigned int count = hugepage_pools(host, pools);

	*smallest = 0;
	*all = 0;
	for (unsigned int i = 0; i < count; i++) {
		if (pools[i].most == 0 ||
		    (unsigned long)pools[i].most > LONG_MAX / HUGEPAGE_SIZES / pools[i].size)
			continue;
		if (*smallest == 0)
			*smallest = pools[i].size;
		*all += pools[i].most * (long)pools[i].size;
	}
}

void
check_memlock(struct checkup *c)
{
	static const char cure[] = "grant CAP_IPC_LOCK, or raise the limit (containers: --ulimit "
				   "memlock=-1; systemd: LimitMEMLOCK=infinity): ulimit -l "
				   "unlimited";
	long limit = memlock_read(c->host), smallest, all;

	hugepages_measure(c->host, &smallest, &all);
	if (process_has_cap(c->host, CAP_IPC_LOCK) && process_is_initial(c->host))
		checkup_add(c, CHECK_PASS, NULL, "CAP_IPC_LOCK lets any memory be pinned");
	else if (all == 0)
		return; /* the next check reports it */
	else if (limit < 0)
		checkup_add(c, CHECK_WARN, cure,
			    "RLIMIT_MEMLOCK cannot be read "
			    "(/proc/self/limits)");
	else if (limit >= all)
		checkup_add(c, CHECK_PASS, NULL, "RLIMIT_MEMLOCK lets all hugepages be pinned");
	else
		/* What a secondary has, its primary has pinned. */
		checkup_add(c, limit < smallest && !c->options->joins ? CHECK_FAIL : CHECK_WARN,
			    cure,
			    "RLIMIT_MEMLOCK is %ld kB, hugepages have %ld kB each and %ld kB in "
			    "all: what is beyond it is refused as \"Cannot allocate memory\"",
			    limit, smallest, all);
}
