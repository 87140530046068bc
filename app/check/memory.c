/* SPDX-License-Identifier: BSD-3-Clause */

/* Hugepages, where they are mounted, and how much of them may be pinned. */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <linux/capability.h>

#include "check_private.h"

#define HUGEPAGES "/sys/kernel/mm/hugepages"
#define NODE_LIST 16 /* nodes that are listed */

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

void
check_hugepages(struct checkup *c)
{
	struct text text = { 0 }, size = { 0 };
	unsigned long sizes[HUGEPAGE_SIZES];
	unsigned int count = hugepage_sizes(c->host, sizes);
	long total, sum = 0;

	for (unsigned int i = 0; i < count; i++) {
		total = host_number(c->host, 10, HUGEPAGES "/hugepages-%lukB/nr_hugepages",
				    sizes[i]);
		if (total <= 0)
			continue;
		sum += total;
		size = (struct text){ 0 };
		text_add(&size, "%ld of %ld hugepages of %lu kB are free",
			 hugepages_free_of(c->host, sizes[i], -1), total, sizes[i]);
		nodes_add(c->host, sizes[i], &size);
		text_list(&text, "%s", size.buf);
	}
	if (hugepages_free(c->host, -1) > 0)
		checkup_add(c, CHECK_PASS, NULL, "%s", text.buf);
	else if (sum > 0)
		checkup_add(c, CHECK_FAIL,
			    "stop the program that has them, or remove files that "
			    "one left behind (rm /dev/hugepages/rtemap_*), or reserve more "
			    "(echo 512 >/proc/sys/vm/nr_hugepages)",
			    "%s", text.buf);
	else
		checkup_add(c, c->wants_noiommu ? CHECK_FAIL : CHECK_WARN,
			    "echo 512 >/proc/sys/vm/nr_hugepages", "no hugepages are reserved: %s",
			    c->wants_noiommu ? "of the EAL's memory only they have physical "
					       "addresses" :
					       "DPDK starts with --no-huge only");
}

void
check_hugepage_mount(struct checkup *c)
{
	char line[256], path[128];

	if (host_find(c->host, line, sizeof(line), "* hugetlbfs *", "/proc/mounts") < 0 ||
	    sscanf(line, "%*s %127s", path) != 1)
		checkup_add(c, CHECK_WARN,
			    "mount -t hugetlbfs none /dev/hugepages, or start DPDK "
			    "with --in-memory",
			    "no hugetlbfs is mounted here");
	else if (host_access(c->host, W_OK, "%s", path) < 0)
		checkup_add(c, CHECK_WARN,
			    "change its owner or mode, or start DPDK with "
			    "--in-memory",
			    "hugetlbfs at %s cannot be written to", path);
	else
		checkup_add(c, CHECK_PASS, NULL, "hugetlbfs is mounted at %s", path);
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

/* The kB of the smallest hugepage that there are any of, and of all of them. */
static void
hugepages_measure(const struct host *host, long *smallest, long *all)
{
	unsigned long sizes[HUGEPAGE_SIZES];
	unsigned int count = hugepage_sizes(host, sizes);
	long pages;

	*smallest = 0;
	*all = 0;
	for (unsigned int i = 0; i < count; i++) {
		pages = host_number(host, 10, HUGEPAGES "/hugepages-%lukB/nr_hugepages", sizes[i]);
		if (pages <= 0 || (unsigned long)pages > LONG_MAX / HUGEPAGE_SIZES / sizes[i])
			continue;
		if (*smallest == 0 || (long)sizes[i] < *smallest)
			*smallest = sizes[i];
		*all += pages * (long)sizes[i];
	}
}

void
check_memlock(struct checkup *c)
{
	static const char cure[] = "ulimit -l unlimited (containers: --ulimit memlock=-1; systemd: "
				   "LimitMEMLOCK=infinity), or grant CAP_IPC_LOCK";
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
		checkup_add(c, limit < smallest ? CHECK_FAIL : CHECK_WARN, cure,
			    "RLIMIT_MEMLOCK is %ld kB, hugepages have %ld kB each and %ld kB in "
			    "all: what is beyond it is refused as \"Cannot allocate memory\"",
			    limit, smallest, all);
}
