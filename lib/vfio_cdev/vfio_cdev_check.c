/* SPDX-License-Identifier: BSD-3-Clause */

/* Checks of the arguments of calls on memory, and how their errors are logged. */

#include <errno.h>
#include <inttypes.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_state.h"

int
vfio_cdev_memory_fail(const struct rte_vfio_cdev_domain *domain, enum rte_vfio_cdev_step step,
		      int err, const void *va, uint64_t len)
{
	return vfio_cdev_fail(domain->ctx, "memory", step, err, "%p (%" PRIu64 " bytes)", va, len);
}

int
vfio_cdev_iova_fail(const struct rte_vfio_cdev_domain *domain, enum rte_vfio_cdev_step step,
		    int err, const void *va, uint64_t iova, uint64_t len)
{
	return vfio_cdev_fail(domain->ctx, "memory", step, err,
			      "%p (IOVA 0x%" PRIx64 ", %" PRIu64 " bytes)", va, iova, len);
}

int
vfio_cdev_map_fail(const struct rte_vfio_cdev_domain *domain, int err,
		   const struct vfio_cdev_record *rec)
{
	return vfio_cdev_iova_fail(domain, RTE_VFIO_CDEV_STEP_MAP, err, vfio_cdev_record_va(rec),
				   rec->phys, vfio_cdev_record_len(rec));
}

int
vfio_cdev_misplaced_fail(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t expected,
			 uint64_t phys)
{
	domain->stats.misplaced++;
	return vfio_cdev_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_VERIFY, -EADDRNOTAVAIL,
			      "%p (IOVA 0x%" PRIx64 ", kernel reports 0x%" PRIx64 ")", page,
			      expected, phys);
}

int
vfio_cdev_args_check(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		     uint64_t len, uint64_t page_size)
{
	const uint64_t start = (uintptr_t)va;

	if (page_size < domain->ctx->page || (page_size & (page_size - 1)) != 0 ||
	    ((start | len) & (page_size - 1)) != 0)
		return -EINVAL;
	if (iova == RTE_VFIO_CDEV_IOVA_ANY && domain->mode->reports_pa)
		iova = 0;
	if (len == 0 || len > VFIO_CDEV_MAX_LEN - VFIO_CDEV_UNIT)
		return -EINVAL;
	if ((iova & (domain->ctx->page - 1)) != 0)
		return -EINVAL;
	if (start + (len - 1) < start || iova + (len - 1) < iova)
		return -EINVAL;
	return 0;
}

int
vfio_cdev_phys_check(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len)
{
	if (!domain->mode->reports_pa)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, -EOPNOTSUPP, va,
					     len);
	return domain->ready ?
		0 :
		vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENODEV, va, len);
}
