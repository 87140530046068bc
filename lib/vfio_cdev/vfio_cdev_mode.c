/* SPDX-License-Identifier: BSD-3-Clause */

/* What differs between the modes. */

#include <stddef.h>

#include "vfio_cdev_ioas.h"
#include "vfio_cdev_mode.h"
#include "vfio_cdev_record.h"
#include "vfio_cdev_ring.h"

static uint64_t
record_va(const struct vfio_cdev_record *rec)
{
	return rec->va;
}

static uint64_t
record_iova(const struct vfio_cdev_record *rec)
{
	return rec->iova;
}

const struct vfio_cdev_mode vfio_cdev_modes[RTE_VFIO_CDEV_MODES] = {
	[RTE_VFIO_CDEV_NOIOMMU] = {
		.areas = &vfio_cdev_noiommu_ops,
		.prefix = "noiommu-vfio",
		.text = "no-IOMMU",
		.key = record_va,
		.reports_pa = true,
		.confirms = true,
		.own_hwpt = true,
		.takes_bars = true,
		.splits = true,
	},
	[RTE_VFIO_CDEV_TRANSLATED] = {
		.areas = &vfio_cdev_translated_ops,
		.prefix = "vfio",
		.text = "translated",
		.key = record_iova,
	},
	[RTE_VFIO_CDEV_PIN_ONLY] = {
		.areas = &vfio_cdev_ring_ops,
		.text = "pinned by io_uring",
		.key = record_va,
		.reports_pa = true,
		.takes_bars = true,
		.splits = true,
	},
};

const char *
rte_vfio_cdev_mode_name(enum rte_vfio_cdev_mode mode)
{
	return (size_t)mode < RTE_VFIO_CDEV_MODES ? vfio_cdev_modes[mode].text : "unknown";
}
