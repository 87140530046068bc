/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The IOVAs that can be mapped: an IOMMU translates so many bits, and keeps some
 * ranges for itself (interrupts, memory of the firmware). They are known when a
 * device is attached and change with each (drivers/iommu/iommufd/device.c).
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "iommufd_uapi.h"
#include "vfio_cdev_private.h"

/* Enough for any IOMMU at once; with a lot of devices there are more. */
#define RANGES_USUAL 32

/* The ranges of an IOAS, to be freed. */
static int
ranges_ask(const struct rte_vfio_cdev_domain *domain, uint32_t ioas_id,
	   struct ifd_iova_range **ranges, uint32_t *count)
{
	uint32_t room = RANGES_USUAL;
	int ret = -EMSGSIZE;

	*ranges = NULL;
	while (ret == -EMSGSIZE) {
		free(*ranges);
		*ranges = calloc(room, sizeof(**ranges));
		if (*ranges == NULL)
			return -ENOMEM;
		*count = room;
		ret = iommufd_ioas_iova_ranges(domain->ctx->sys, domain->iommufd, ioas_id,
					       *ranges, count);
		if (ret == -EMSGSIZE && *count <= room)
			ret = -EPROTO;
		room = *count;
	}
	if (ret < 0)
		free(*ranges);
	return ret;
}

int
ranges_read(struct rte_vfio_cdev_domain *domain)
{
	struct ifd_iova_range *ranges;
	uint32_t count;
	int ret = ranges_ask(domain, domain->ioas_id, &ranges, &count);

	if (ret < 0)
		return ctx_fail(domain->ctx, "iommufd", RTE_VFIO_CDEV_STEP_PROBE, ret,
				"IOMMU_IOAS_IOVA_RANGES");
	ranges_forget(domain);
	domain->ranges = ranges;
	domain->range_count = count;
	return 0;
}

void
ranges_forget(struct rte_vfio_cdev_domain *domain)
{
	free(domain->ranges);
	domain->ranges = NULL;
	domain->range_count = 0;
}

/* The first range that is none of these and has some of [iova, last]; false: there is none. */
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

static int
gap_report(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len,
	   const struct ifd_iova_range *gap)
{
	return ctx_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_MAP, -ERANGE,
			"%p (IOVA 0x%" PRIx64 ", %" PRIu64 " bytes) where the IOMMU does not "
			"translate 0x%" PRIx64 "-0x%" PRIx64, va, iova, len, gap->start,
			gap->last);
}

int
range_usable(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
	     uint64_t len)
{
	struct ifd_iova_range gap;

	if (domain->ranges == NULL ||
	    !gap_find(domain->ranges, domain->range_count, iova, iova + (len - 1), &gap))
		return 0;
	return gap_report(domain, va, iova, len, &gap);
}

static void
records_explain(const struct rte_vfio_cdev_domain *domain, const struct ifd_iova_range *ranges,
		uint32_t count)
{
	const struct vfio_cdev_record *rec;
	struct ifd_iova_range gap;

	for (rec = record_next(&domain->records, 0); rec != NULL;
	     rec = record_after(&domain->records, rec)) {
		if (!gap_find(ranges, count, rec->iova, record_last(rec), &gap))
			continue;
		gap_report(domain, (const void *)(uintptr_t)rec->va, rec->iova, record_len(rec),
			   &gap);
		return;
	}
}

/* Its ranges are told by an IOAS that has nothing else. */
void
ranges_explain(const struct rte_vfio_cdev_domain *domain, int cdev)
{
	const struct iommufd_sys *sys = domain->ctx->sys;
	struct ifd_iova_range *ranges;
	uint32_t ioas_id, count;

	if (iommufd_ioas_alloc(sys, domain->iommufd, &ioas_id) < 0)
		return;
	if (iommufd_device_attach(sys, cdev, ioas_id) == 0) {
		if (ranges_ask(domain, ioas_id, &ranges, &count) == 0) {
			records_explain(domain, ranges, count);
			free(ranges);
		}
		iommufd_device_detach(sys, cdev);
	}
	iommufd_destroy(sys, domain->iommufd, ioas_id);
}
