/* SPDX-License-Identifier: BSD-3-Clause */

/* What a container or a pod hides from this process, or does not let it have. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <numaif.h>

#include "check_private.h"
#include "elf_file.h"
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

/*
 * The EAL asks which node each hugepage is on, and takes a page that it is not told of for
 * none (lib/eal/linux/eal_memalloc.c, alloc_seg()). Docker's profile wants CAP_SYS_NICE for
 * it; a kernel without NUMA says ENOSYS, and the EAL does not ask.
 */
void
check_mempolicy(struct checkup *c)
{
	if (get_mempolicy(NULL, NULL, 0, NULL, 0) == 0 || errno != EPERM)
		return;
	checkup_add(
		c, checkup_no_pages(c),
		"start the container with --cap-add SYS_NICE, with which Docker's profile "
		"allows it, or with another seccomp profile",
		"get_mempolicy(2) is not permitted, as by Docker's seccomp profile: the EAL gets "
		"no memory (\"error allocating rte services array\")");
}

static unsigned int
fronts_count(const char *names)
{
	bool has[] = { [FRONT_EAL] = false, [FRONT_LIBC] = false };
	char name[PATH_MAX];
	size_t len;

	for (; *names != '\0'; names += len + (names[len] != '\0')) {
		len = strcspn(names, " :");
		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		has[front_by_name(name)] = true;
	}
	return has[FRONT_EAL] + has[FRONT_LIBC];
}

/* A path to the library among those to be preloaded, which blanks and colons separate. */
static bool
preload_find(char *paths, const char **path)
{
	char *rest = paths;

	while ((*path = strsep(&rest, " :")) != NULL)
		if (strchr(*path, '/') != NULL && front_by_name(*path) != FRONT_AUTO)
			return true;
	return false;
}

/* 0 or -errno; a mount point without its mount is an empty file. */
static int
library_try(const struct host *host, const char *path)
{
	struct elf_file file;
	char real[PATH_MAX];
	int ret = host_path(host, real, "%s", path);

	if (ret == 0)
		ret = elf_file_open(real, &file);
	if (ret == 0)
		elf_file_close(&file);
	return ret;
}

/* What cannot be preloaded the dynamic linker leaves out, and the program runs without it. */
void
check_preload(struct checkup *c)
{
	const char *preload = getenv("LD_PRELOAD"), *path;
	char *paths = preload != NULL && !c->options->preloads ? strdup(preload) : NULL;
	int ret;

	if (paths == NULL)
		return;
	if (fronts_count(preload) > 1)
		checkup_add(c, CHECK_FAIL,
			    "leave one of them in it, or let \"dpdk-vfio-cdev run\" choose",
			    "LD_PRELOAD has both fronts of the library (librte_bus_vfio_cdev.so, "
			    "libvfio_cdev_compat.so), of which a process gets one");
	ret = preload_find(paths, &path) ? library_try(c->host, path) : 0;
	if (ret < 0)
		checkup_add(c, CHECK_FAIL,
			    "mount the library there, as the CDI specification does that "
			    "\"dpdk-vfio-cdev cdi\" on the host prints, or change LD_PRELOAD",
			    "LD_PRELOAD has %s, which cannot be preloaded: %s; programs run "
			    "without the library",
			    path, strerror(-ret));
	free(paths);
}
