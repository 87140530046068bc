/* SPDX-License-Identifier: BSD-3-Clause */

/* The BARs of PCI devices, from sysfs. */

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

#include "vfio_cdev_ctx.h"
#include "vfio_cdev_sysfs.h"

#define BARS 6		     /* the first lines of "resource" (drivers/pci/pci-sysfs.c) */
#define IORESOURCE_MEM 0x200 /* include/linux/ioport.h */

static bool
device_has(const char *resource, uint64_t iova, uint64_t last)
{
	FILE *file = fopen(resource, "re");
	uint64_t start, end, flags;
	bool found = false;

	if (file == NULL)
		return false;
	for (int bar = 0; bar < BARS && !found; bar++) {
		if (fscanf(file, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &flags) != 3)
			break;
		found = (flags & IORESOURCE_MEM) != 0 && start <= iova && last <= end;
	}
	fclose(file);
	return found;
}

bool
vfio_cdev_bar_has(const struct rte_vfio_cdev_ctx *ctx, uint64_t iova, uint64_t len)
{
	const uint64_t last = iova + (len - 1);
	const struct dirent *entry;
	char path[PATH_MAX];
	bool found = false;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/bus/pci/devices", ctx->sysfs);
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/resource", ctx->sysfs,
			 entry->d_name);
		found = device_has(path, iova, last);
	}
	closedir(dir);
	return found;
}
