/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

#include <rte_bus_vfio_cdev.h>
#include <rte_dev.h>
#include <rte_vfio.h>

#include "proc.h"
#include "resources.h"

#define SYSFS "/sys/bus/pci/devices"
#define FREE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages"

static unsigned long
entries(const char *path)
{
	unsigned long count = 0;
	DIR *dir = opendir(path);

	while (dir != NULL && readdir(dir) != NULL)
		count++;
	if (dir != NULL)
		closedir(dir);
	return count;
}

static unsigned long
lines(const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned long count = 0;
	int c;

	while (file != NULL && (c = getc(file)) != EOF)
		count += c == '\n';
	if (file != NULL)
		fclose(file);
	return count;
}

unsigned long
hugepages_free(void)
{
	return proc_number(FREE_PAGES, "");
}

void
resources_print(const char *when)
{
	struct rte_vfio_cdev_stats stats = { 0 };
	struct rte_vfio_cdev_domain *domain;

	if (rte_bus_vfio_cdev_domain(&domain) == 0)
		rte_vfio_cdev_domain_stats(domain, &stats);
	printf("%s: fds=%lu areas=%lu pinned=%lu free=%lu mappings=%" PRIu64 " mapped=%" PRIu64
	       " verified=%" PRIu64 " provisional=%" PRIu64 "\n",
	       when, entries("/proc/self/fd"), lines("/proc/self/maps"),
	       proc_number("/proc/self/status", "VmPin:"), hugepages_free(),
	       (uint64_t)stats.mappings, (uint64_t)stats.pages_mapped,
	       (uint64_t)stats.pages_verified, (uint64_t)stats.provisional);
	fflush(stdout);
}

bool
plug(const char *addr)
{
	return rte_eal_hotplug_add("pci", addr, "") == 0 &&
		rte_eal_hotplug_remove("pci", addr) == 0;
}

bool
setup(const char *addr)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = -1;

	return rte_vfio_setup_device(SYSFS, addr, &fd, &info) == 0 && fd >= 0 &&
		rte_vfio_release_device(SYSFS, addr, fd) == 0;
}
