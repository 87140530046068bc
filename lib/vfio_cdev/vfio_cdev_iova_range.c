/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The IOVAs that can be mapped: an IOMMU translates a number of bits, and reserves some
 * ranges (interrupts, memory of the firmware). They are known when a device is attached,
 * and each device may change them (drivers/iommu/iommufd/device.c).
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "iommufd_uapi.h"
#include "vfio_cdev_ioas.h"
#include "vfio_cdev_iova_range.h"
#include "vfio_cdev_state.h"

int
vfio_cdev_iova_ranges_read(struct rte_vfio_cdev_domain *domain)
{
	struct ifd_iova_range *ranges;
	uint32_t count;
	int ret = vfio_cdev_ioas_iova_ranges(&domain->areas, &ranges, &count);

	if (ret < 0)
		return vfio_cdev_fail(domain->ctx, "iommufd", RTE_VFIO_CDEV_STEP_PROBE, ret,
				      "IOMMU_IOAS_IOVA_RANGES");
	vfio_cdev_iova_ranges_clear(domain);
	domain->iova_ranges = ranges;
	domain->iova_range_count = count;
	return 0;
}

void
vfio_cdev_iova_ranges_clear(struct rte_vfio_cdev_domain *domain)
{
	free(domain->iova_ranges);
	domain->iova_ranges = NULL;
	domain->iova_range_count = 0;
}

/* The first gap between the ranges that overlaps [iova, last]; false if none does. */
static bool
gap_find(const struct ifd_iova_range *ranges, uint32_t count, uint64_t iova, uint64_t last,
	 struct ifd_iova_range *gap)
{
	uint64_t start = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (iova < ranges[i].start)
			break;
		if (last <= ranges[i].last)
			return false;
		start = ranges[i].last + 1;
		iova = iova > start ? iova : start;
	}
	gap->start = start;
	gap->last = i < count ? ranges[i].start - 1 : UINT64_MAX;
	return true;
}

static bool
record_gap(const struct vfio_cdev_record *rec, const struct ifd_iova_range *ranges, uint32_t count,
	   struct ifd_iova_range *gap)
{
	return gap_find(ranges, count, rec->iova, rec->iova + (vfio_cdev_record_len(rec) - 1), gap);
}

static int
gap_report(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
	   const struct ifd_iova_range *gap)
{
	return vfio_cdev_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_MAP, -ERANGE,
			      "%p (IOVA 0x%" PRIx64 ", %" PRIu64 " bytes) where the IOMMU does "
			      "not translate 0x%" PRIx64 "-0x%" PRIx64,
			      vfio_cdev_record_va(rec), rec->iova, vfio_cdev_record_len(rec),
			      gap->start, gap->last);
}

int
vfio_cdev_iova_range_check(const struct rte_vfio_cdev_domain *domain,
			   const struct vfio_cdev_record *rec)
{
	struct ifd_iova_range gap;

	if (domain->iova_ranges == NULL ||
	    !record_gap(rec, domain->iova_ranges, domain->iova_range_count, &gap))
		return 0;
	return gap_report(domain, rec, &gap);
}

void
vfio_cdev_iova_ranges_explain(const struct rte_vfio_cdev_domain *domain, int cdev)
{
	const struct vfio_cdev_record *rec = NULL;
	struct ifd_iova_range *ranges, gap;
	uint32_t count;

	if (vfio_cdev_ioas_iova_ranges_of(&domain->areas, cdev, &ranges, &count) < 0)
		return;
	do {
		rec = vfio_cdev_tree_next(&domain->tree, rec, UINT64_MAX, 0);
	} while (rec != NULL && !record_gap(rec, ranges, count, &gap));
	if (rec != NULL)
		gap_report(domain, rec, &gap);
	free(ranges);
}
