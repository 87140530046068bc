/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A domain's address space in the kernel. Without an IOMMU no device uses its IOVAs:
 * they only identify pinned memory in calls to the kernel.
 */

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "iommufd_uapi.h"
#include "vfio_cdev_ctx.h"
#include "vfio_cdev_ioas.h"
#include "vfio_cdev_record.h"

/* Enough for one IOMMU; many devices together may have more. */
#define IOVA_RANGES_USUAL 32

#define SMALL_HUGEPAGE (UINT64_C(2) << 20)
#define LARGE_HUGEPAGE (UINT64_C(1) << 30)

static atomic_uint iommufds_open;

unsigned int
rte_vfio_cdev_iommufds_open(void)
{
	return atomic_load(&iommufds_open);
}

/*
 * No IOAS has id 0, so -ENOENT shows that the kernel supports the ioctl and has looked
 * for the IOAS (drivers/iommu/iommufd/hwpt_noiommu.c).
 */
static int
get_pa_probe(const struct rte_vfio_cdev_ctx *ctx, const char *node, int iommufd)
{
	uint64_t len = 1, phys;
	int ret = iommufd_noiommu_get_pa(ctx->sys, iommufd, 0, 0, &len, &phys);

	if (ret == -ENOENT)
		return 0;
	return vfio_cdev_fail(ctx, node, RTE_VFIO_CDEV_STEP_PROBE, ret == 0 ? -EPROTO : ret,
			      "IOMMU_IOAS_NOIOMMU_GET_PA");
}

static bool
node_is_missing(const struct rte_vfio_cdev_ctx *ctx, const char *node)
{
	int fd, ret = iommufd_node_open(ctx->sys, node, &fd);

	if (ret == 0)
		ctx->sys->close(fd);
	return ret == -ENOENT;
}

int
vfio_cdev_iommufd_open(const struct rte_vfio_cdev_ctx *ctx, const struct rte_vfio_cdev_info *info,
		       int *fd)
{
	char node[PATH_MAX], cdev[PATH_MAX];
	int ret;

	snprintf(node, sizeof(node), "%s/iommu", ctx->dev);
	ret = iommufd_node_open(ctx->sys, node, fd);
	if (ret == 0)
		return 0;
	if (info == NULL)
		return vfio_cdev_fail(ctx, "iommufd", RTE_VFIO_CDEV_STEP_IOMMUFD, ret, "%s", node);
	snprintf(cdev, sizeof(cdev), VFIO_CDEV_NODE, ctx->dev, info->name);
	if (ret != -ENOENT || !node_is_missing(ctx, cdev))
		return vfio_cdev_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_IOMMUFD, ret, "%s", node);
	return vfio_cdev_fail(ctx, info->addr, RTE_VFIO_CDEV_STEP_OPEN, ret, "%s and %s", node,
			      cdev);
}

static int
ioas_open(struct vfio_cdev_areas *areas, const struct rte_vfio_cdev_info *info, bool reports_pa)
{
	const struct rte_vfio_cdev_ctx *ctx = areas->ctx;
	char node[PATH_MAX];
	int fd, ret;

	if (areas->iommufd >= 0)
		return 0;
	ret = vfio_cdev_iommufd_open(ctx, info, &fd);
	if (ret < 0)
		return ret;
	snprintf(node, sizeof(node), "%s/iommu", ctx->dev);
	ret = reports_pa ? get_pa_probe(ctx, node, fd) : 0;
	if (ret < 0)
		goto err_close;
	ret = iommufd_ioas_alloc(ctx->sys, fd, &areas->ioas_id);
	if (ret < 0) {
		vfio_cdev_fail(ctx, node, RTE_VFIO_CDEV_STEP_PROBE, ret, "IOMMU_IOAS_ALLOC");
		goto err_close;
	}
	atomic_fetch_add(&iommufds_open, 1);
	areas->iommufd = fd;
	return 0;

err_close:
	ctx->sys->close(fd);
	return ret;
}

/* Closing the last file of an iommufd unmaps, unpins and frees everything in it. */
static void
ioas_close(struct vfio_cdev_areas *areas)
{
	if (areas->iommufd < 0)
		return;
	areas->ctx->sys->close(areas->iommufd);
	areas->iommufd = -1;
	atomic_fetch_sub(&iommufds_open, 1);
}

/*
 * An IOVA that was never used, aligned like the memory, so that hugepages are single
 * entries. The kernel could choose one, but it searches all areas for a gap
 * (drivers/iommu/iommufd/io_pagetable.c, iopt_alloc_iova()).
 */
static uint64_t
iova_new(struct vfio_cdev_areas *areas, uint64_t va, uint64_t len)
{
	const uint64_t align = len < SMALL_HUGEPAGE ? areas->ctx->page :
		len < LARGE_HUGEPAGE		    ? SMALL_HUGEPAGE :
						      LARGE_HUGEPAGE;
	const uint64_t next = areas->next_iova != 0 ? areas->next_iova : LARGE_HUGEPAGE;
	const uint64_t iova = ((next + align - 1) & ~(align - 1)) + (va & (align - 1));

	areas->next_iova = iova + len;
	return iova;
}

static int
ioas_map(struct vfio_cdev_areas *areas, const void *va, uint64_t len, unsigned int page_shift,
	 uint64_t *iova)
{
	(void)page_shift;
	if (*iova == RTE_VFIO_CDEV_IOVA_ANY)
		*iova = iova_new(areas, (uintptr_t)va, len);
	return iommufd_ioas_map(areas->ctx->sys, areas->iommufd, areas->ioas_id, va, len, iova);
}

static int
ioas_copy(struct vfio_cdev_areas *areas, uint64_t from, uint64_t len, uint64_t *to)
{
	*to = iova_new(areas, from, len);
	return iommufd_ioas_copy(areas->ctx->sys, areas->iommufd, areas->ioas_id, from, len, to);
}

static int
ioas_unmap(struct vfio_cdev_areas *areas, uint64_t iova, uint64_t len)
{
	return iommufd_ioas_unmap(areas->ctx->sys, areas->iommufd, areas->ioas_id, iova, len);
}

static int
ioas_get_pa(const struct vfio_cdev_areas *areas, uint64_t iova, uint64_t *len, uint64_t *phys)
{
	return iommufd_noiommu_get_pa(areas->ctx->sys, areas->iommufd, areas->ioas_id, iova, len,
				      phys);
}

static int
noiommu_open(struct vfio_cdev_areas *areas, const struct rte_vfio_cdev_info *info)
{
	return ioas_open(areas, info, true);
}

static int
translated_open(struct vfio_cdev_areas *areas, const struct rte_vfio_cdev_info *info)
{
	return ioas_open(areas, info, false);
}

const struct vfio_cdev_area_ops vfio_cdev_noiommu_ops = {
	.open = noiommu_open,
	.close = ioas_close,
	.map = ioas_map,
	.copy = ioas_copy,
	.unmap = ioas_unmap,
	.get_pa = ioas_get_pa,
};

const struct vfio_cdev_area_ops vfio_cdev_translated_ops = {
	.open = translated_open,
	.close = ioas_close,
	.map = ioas_map,
	.copy = ioas_copy,
	.unmap = ioas_unmap,
};

int
vfio_cdev_ioas_hwpt(const struct vfio_cdev_areas *areas, uint32_t dev_id, uint32_t *hwpt_id)
{
	return iommufd_hwpt_alloc(areas->ctx->sys, areas->iommufd, dev_id, areas->ioas_id, hwpt_id);
}

int
vfio_cdev_ioas_destroy(const struct vfio_cdev_areas *areas, uint32_t hwpt_id)
{
	return iommufd_destroy(areas->ctx->sys, areas->iommufd, hwpt_id);
}

int
vfio_cdev_ioas_bind(const struct vfio_cdev_areas *areas, int cdev, const void *token,
		    uint32_t *dev_id)
{
	return iommufd_device_bind(areas->ctx->sys, cdev, areas->iommufd, token, dev_id);
}

int
vfio_cdev_ioas_attach(const struct vfio_cdev_areas *areas, int cdev, uint32_t pt_id)
{
	return iommufd_device_attach(areas->ctx->sys, cdev, pt_id != 0 ? pt_id : areas->ioas_id);
}

static int
iova_ranges_query(const struct vfio_cdev_areas *areas, uint32_t id, struct ifd_iova_range **ranges,
		  uint32_t *count)
{
	uint32_t room = IOVA_RANGES_USUAL;
	int ret = -EMSGSIZE;

	*ranges = NULL;
	while (ret == -EMSGSIZE) {
		free(*ranges);
		*ranges = calloc(room, sizeof(**ranges));
		if (*ranges == NULL)
			return -ENOMEM;
		*count = room;
		ret = iommufd_ioas_iova_ranges(areas->ctx->sys, areas->iommufd, id, *ranges, count);
		if (ret == -EMSGSIZE && *count <= room)
			ret = -EPROTO;
		room = *count;
	}
	if (ret < 0)
		free(*ranges);
	return ret;
}

int
vfio_cdev_ioas_iova_ranges(const struct vfio_cdev_areas *areas, struct ifd_iova_range **ranges,
			   uint32_t *count)
{
	return iova_ranges_query(areas, areas->ioas_id, ranges, count);
}

/* Attached to an IOAS of its own, it is the only device whose ranges count. */
int
vfio_cdev_ioas_iova_ranges_of(const struct vfio_cdev_areas *areas, int cdev,
			      struct ifd_iova_range **ranges, uint32_t *count)
{
	const struct iommufd_sys *sys = areas->ctx->sys;
	uint32_t id;
	int ret = iommufd_ioas_alloc(sys, areas->iommufd, &id);

	if (ret < 0)
		return ret;
	ret = iommufd_device_attach(sys, cdev, id);
	if (ret == 0) {
		ret = iova_ranges_query(areas, id, ranges, count);
		iommufd_device_detach(sys, cdev);
	}
	iommufd_destroy(sys, areas->iommufd, id);
	return ret;
}
