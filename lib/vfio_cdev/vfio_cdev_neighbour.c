/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Other devices of an IOMMU group. It belongs to one iommufd, or to drivers of the kernel
 * (iommu_device_claim_dma_owner() in drivers/iommu/iommu.c), and BIND fails with EPERM as
 * it does where interrupts are not isolated (drivers/iommu/iommufd/device.c).
 */

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vfio_cdev_ctx.h"
#include "vfio_cdev_sysfs.h"

#define DRIVER_LEN 32

/* Its name, or "". */
static void
driver_name(int group, const char *addr, char name[DRIVER_LEN])
{
	char path[RTE_VFIO_CDEV_ADDR_LEN + sizeof("/driver")], target[PATH_MAX];
	const char *last;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/driver", addr);
	len = readlinkat(group, path, target, sizeof(target) - 1);
	target[len > 0 ? len : 0] = '\0';
	last = strrchr(target, '/');
	snprintf(name, DRIVER_LEN, "%.*s", DRIVER_LEN - 1, last != NULL ? last + 1 : target);
}

/* Drivers that leave the group to others set driver_managed_dma. */
static bool
driver_shares(const char *name)
{
	return name[0] == '\0' || strcmp(name, "pci-stub") == 0 || strcmp(name, "pcieport") == 0;
}

static bool
neighbour_text(const struct rte_vfio_cdev_ctx *ctx, const char *path, int group, const char *addr,
	       char text[VFIO_CDEV_OPENERS])
{
	struct rte_vfio_cdev_opener first;
	struct rte_vfio_cdev_info info;
	char driver[DRIVER_LEN];

	driver_name(group, addr, driver);
	if (driver_shares(driver))
		return false;
	if (strstr(driver, "vfio") == NULL) {
		snprintf(text, VFIO_CDEV_OPENERS, ", %s of its IOMMU group driven by %s", addr,
			 driver);
		return true;
	}
	if (rte_vfio_cdev_find(ctx, path, addr, &info) < 0 ||
	    rte_vfio_cdev_openers(ctx, &info, &first, 1) <= 0)
		return false;
	snprintf(text, VFIO_CDEV_OPENERS, ", %s of its IOMMU group open in pid %d (%s)", addr,
		 first.pid, first.name);
	return true;
}

void
vfio_cdev_neighbours_text(const struct rte_vfio_cdev_ctx *ctx,
			  const struct rte_vfio_cdev_info *info, char text[VFIO_CDEV_OPENERS])
{
	char path[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	text[0] = '\0';
	snprintf(path, sizeof(path), "%s/class/vfio-dev/%s/device/iommu_group/devices", ctx->sysfs,
		 info->name);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while (!found && (entry = readdir(dir)) != NULL)
		found = entry->d_name[0] != '.' &&
			strnlen(entry->d_name, RTE_VFIO_CDEV_ADDR_LEN) < RTE_VFIO_CDEV_ADDR_LEN &&
			strcmp(entry->d_name, info->addr) != 0 &&
			neighbour_text(ctx, path, dirfd(dir), entry->d_name, text);
	closedir(dir);
	rte_vfio_cdev_text_clean(text);
}
