/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "facts.h"

#define HUGEPAGES "/sys/kernel/mm/hugepages"
#define NODES "/sys/devices/system/node"

void
kernel_release(const struct host *host, char release[KERNEL_RELEASE_LEN])
{
	host_line(host, release, KERNEL_RELEASE_LEN, "/proc/sys/kernel/osrelease");
	if (strchr(release, '/') != NULL)
		release[0] = '\0';
}

bool
module_is_loaded(const struct host *host, const char *name)
{
	char pattern[32], line[64];

	snprintf(pattern, sizeof(pattern), "%s *", name);
	return host_has(host, "/sys/module/%s", name) ||
		host_find(host, line, sizeof(line), pattern, "/proc/modules") >= 0;
}

/* The EAL knows them by name: drivers/bus/pci/linux/pci.c, pci_scan_one(). */
bool
driver_is_uio(const char *driver)
{
	return strcmp(driver, "uio_pci_generic") == 0 || strcmp(driver, "igb_uio") == 0;
}

bool
process_has_cap(const struct host *host, unsigned int cap)
{
	unsigned long long caps;
	char line[64];

	return host_find(host, line, sizeof(line), "CapEff:*", "/proc/self/status") >= 0 &&
		sscanf(line, "CapEff: %llx", &caps) == 1 && (caps >> cap & 1) != 0;
}

/* A kernel without user namespaces has no such file. */
bool
process_is_initial(const struct host *host)
{
	unsigned long inside, outside, count;
	char line[64];
	int ret = host_line(host, line, sizeof(line), "/proc/self/uid_map");

	if (ret == -ENOENT)
		return true;
	return ret > 0 && sscanf(line, "%lu %lu %lu", &inside, &outside, &count) == 3 &&
		inside == 0 && outside == 0 && count == UINT32_MAX;
}

/* The first one has a number of its own (include/linux/proc_ns.h, PROC_PID_INIT_INO). */
bool
process_has_own_pids(const struct host *host)
{
	char name[32];

	return host_link(host, name, sizeof(name), "/proc/self/ns/pid") > 0 &&
		strcmp(name, "pid:[4026531836]") != 0;
}

unsigned int
hugepage_sizes(const struct host *host, unsigned long sizes[HUGEPAGE_SIZES])
{
	struct dirent **names;
	int count = host_names(host, &names, HUGEPAGES);
	unsigned int found = 0;
	char end;

	for (int i = 0; i < count && found < HUGEPAGE_SIZES; i++)
		if (sscanf(names[i]->d_name, "hugepages-%lukB%c", &sizes[found], &end) == 1 &&
		    sizes[found] > 0 && sizes[found] < ULONG_MAX >> 20)
			found++;
	host_names_free(names, count);
	return found;
}

long
hugepages_free_of(const struct host *host, unsigned long size, int node)
{
	if (node < 0)
		return host_number(host, 10, HUGEPAGES "/hugepages-%lukB/free_hugepages", size);
	return host_number(host, 10, NODES "/node%d/hugepages/hugepages-%lukB/free_hugepages", node,
			   size);
}

long
hugepages_free(const struct host *host, int node)
{
	unsigned long sizes[HUGEPAGE_SIZES];
	unsigned int count = hugepage_sizes(host, sizes);
	long sum = 0, pages;

	for (unsigned int i = 0; i < count; i++) {
		pages = hugepages_free_of(host, sizes[i], node);
		if (pages > 0 && pages < LONG_MAX - sum)
			sum += pages;
	}
	return sum;
}
