/* SPDX-License-Identifier: BSD-3-Clause */

/* What a container or a pod hides from this process, or does not let it have. */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"
#include "hugepage.h"

/*
 * DPDK takes VFIO for not loaded where /sys/module/vfio is not to be seen
 * (rte_eal_check_module()); the library looks for cdevs instead.
 */
void
check_sysfs(struct checkup *c)
{
	if (!host_has(c->host, "/sys/bus/pci/devices"))
		checkup_add(c, CHECK_FAIL, "mount it into the container: -v /sys:/sys:ro",
			    "/sys/bus/pci/devices is not to be seen: /sys is masked, or is not "
			    "mounted");
	else if (!host_has(c->host, "/sys/module/vfio") && module_is_loaded(c->host, "vfio"))
		checkup_add(c, CHECK_WARN,
			    "preload the library, which does not need it; for stock "
			    "DPDK mount it into the container: -v /sys/module:/sys/module:ro",
			    "/sys/module/vfio is not to be seen here, though the module is loaded: "
			    "stock DPDK would find no VFIO");
	else
		checkup_add(c, CHECK_PASS, NULL, "nothing that is needed of /sys is hidden");
}

/* Where the kernel has the limits of a kind of cgroups: the files of what is used and allowed. */
struct hierarchy {
	const char *base;
	const char *pattern; /* of the line in /proc/self/cgroup */
	const char *limit, *usage;
	const char *reserve_limit, *reserve_usage;
};

static const struct hierarchy hierarchies[] = {
	{ "/sys/fs/cgroup", "0::/*", "max", "current", "rsvd.max", "rsvd.current" },
	{ "/sys/fs/cgroup/unified", "0::/*", "max", "current", "rsvd.max", "rsvd.current" },
	{ "/sys/fs/cgroup/hugetlb", "*[:,]hugetlb[:,]*", "limit_in_bytes", "usage_in_bytes",
	  "rsvd.limit_in_bytes", "rsvd.usage_in_bytes" },
};

/* Bytes below one limit, which may be none: LONG_MAX. */
static long
limit_left(const struct host *host, const char *dir, const char *size, const char *limit,
	   const char *usage)
{
	long allowed = host_number(host, 10, "%s/hugetlb.%s.%s", dir, size, limit), used;

	if (allowed < 0)
		return LONG_MAX;
	used = host_number(host, 10, "%s/hugetlb.%s.%s", dir, size, usage);
	return used > 0 ? (used < allowed ? allowed - used : 0) : allowed;
}

/* The least that this process's cgroup, or one above it, leaves. */
static long
hierarchy_left(const struct host *host, const struct hierarchy *of, const char *size)
{
	char line[1024], dir[sizeof(line) + 64], *end;
	long left = LONG_MAX, one;
	const char *path;

	path = host_find(host, line, sizeof(line), of->pattern, "/proc/self/cgroup") > 0 ?
		strstr(line, ":/") :
		NULL;
	/* "/../x" is a cgroup outside of this process's namespace: it sees what is mounted. */
	snprintf(dir, sizeof(dir), "%s%s", of->base,
		 path != NULL && strstr(path, "/..") == NULL ? path + 1 : "/");
	for (;;) {
		one = limit_left(host, dir, size, of->limit, of->usage);
		left = one < left ? one : left;
		one = limit_left(host, dir, size, of->reserve_limit, of->reserve_usage);
		left = one < left ? one : left;
		end = strrchr(dir, '/');
		if (strlen(dir) <= strlen(of->base) || end == NULL)
			return left;
		*end = '\0';
	}
}

/* As the kernel writes it: hugetlb.2MB.max (mm/hugetlb_cgroup.c, mem_fmt()). */
static long
size_left(const struct host *host, unsigned long size)
{
	long left = LONG_MAX, one;
	char name[32];

	snprintf(name, sizeof(name), "%lu%s",
		 size >= 1 << 20	 ? size >> 20 :
			 size >= 1 << 10 ? size >> 10 :
					   size,
		 size >= 1 << 20	 ? "GB" :
			 size >= 1 << 10 ? "MB" :
					   "KB");
	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]); i++) {
		one = hierarchy_left(host, &hierarchies[i], name);
		left = one < left ? one : left;
	}
	return left >> 10;
}

/*
 * A pod has a limit of 0 for each size that it did not request: what counts is whether
 * any that is there is left to it.
 */
void
check_hugepage_limit(struct checkup *c)
{
	struct hugepage_pool pools[HUGEPAGE_SIZES];
	unsigned int count = hugepage_pools(c->host, pools);
	struct text none = { 0 };

	for (unsigned int i = 0; i < count; i++) {
		if (!hugepage_matters(pools, count, i))
			continue;
		if (size_left(c->host, pools[i].size) >= (long)pools[i].size)
			return;
		text_list(&none, "%lu kB", pools[i].size);
	}
	if (none.len > 0)
		checkup_add(c, checkup_no_pages(c),
			    "request them: resources.limits of the pod (hugepages-2Mi: 512Mi, or "
			    "hugepages-1Gi), or raise the hugetlb limit of this process's cgroup, "
			    "or of one above it (/proc/self/cgroup)",
			    "the cgroup of this process leaves it no hugepage of %s: DPDK ends "
			    "with a bus error or finds no memory",
			    none.buf);
}
