/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A page whose physical address nobody knows yet. It is mapped at a scratch
 * IOVA, which pins it, and only then is its address asked for. From there it is
 * copied to where its address says, which keeps the pin (IOMMU_IOAS_COPY).
 */

#include <errno.h>
#include <inttypes.h>

#include "vfio_cdev_private.h"

int
memory_fail(const struct rte_vfio_cdev_domain *domain, enum rte_vfio_cdev_step step, int err,
	    const void *va, uint64_t len)
{
	return ctx_fail(domain->ctx, "memory", step, err, "%p (%" PRIu64 " bytes)", va, len);
}

int
domain_can_tell(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len)
{
	if (!domain->mode->tells_pa)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, -EOPNOTSUPP, va, len);
	return domain->ready ? 0 :
		memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENODEV, va, len);
}

int
page_ask(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len,
	 uint64_t *phys)
{
	const struct iommufd_sys *sys = domain->ctx->sys;
	uint64_t run = BASE_PAGE;
	int ret;

	ret = iommufd_ioas_map(sys, domain->iommufd, domain->ioas_id, va, iova, len);
	if (ret < 0)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret, va, len);
	ret = iommufd_noiommu_get_pa(sys, domain->iommufd, domain->ioas_id, iova, &run, phys);
	/* A page is aligned to its size: this is no page, or a part of one. */
	if (ret == 0 && (*phys & (len - 1)) != 0)
		ret = -EINVAL;
	if (ret < 0) {
		memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, ret, va, len);
		range_undo(domain, iova, len);
	}
	return ret;
}

int
scratch_unmap(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len)
{
	int ret = iommufd_ioas_unmap(domain->ctx->sys, domain->iommufd, domain->ioas_id,
				     VFIO_CDEV_SCRATCH_VA(va), len);

	return ret < 0 ? memory_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret, va, len) : 0;
}

/* Map what is at its scratch IOVA at its address as well. */
static int
scratch_copy(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	const void *va = (const void *)(uintptr_t)rec->va;
	const uint64_t len = record_len(rec);
	int ret;

	ret = iommufd_ioas_copy(domain->ctx->sys, domain->iommufd, domain->ioas_id,
				VFIO_CDEV_SCRATCH_VA(va), rec->iova, len);
	if (ret < 0)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret, va, len);
	ret = pages_verify(domain, rec->iova, rec->iova, len, len);
	if (ret < 0)
		range_undo(domain, rec->iova, len);
	else
		mapping_count(domain, rec);
	return ret;
}

/* *rec is the new record, or NULL if the page was pinned earlier. */
static int
page_keep(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len, uint64_t phys,
	  struct vfio_cdev_record **rec)
{
	const struct vfio_cdev_record *other = record_find(&domain->records, phys, len);
	int ret;

	*rec = NULL;
	if (other != NULL && record_has(other, va, phys, len))
		return 0;
	if (other != NULL)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -EEXIST, va, len);
	*rec = record_add(&domain->records, &RECORD(va, phys, len, len));
	if (*rec == NULL)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENOMEM, va, len);
	ret = scratch_copy(domain, *rec);
	if (ret < 0)
		record_remove(&domain->records, *rec);
	return ret;
}

static int
page_pin(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len, uint64_t *phys)
{
	struct vfio_cdev_record *rec;
	int ret;

	ret = page_ask(domain, va, VFIO_CDEV_SCRATCH_VA(va), len, phys);
	if (ret < 0)
		return ret;
	ret = page_keep(domain, va, len, *phys, &rec);
	if (ret < 0)
		goto err_scratch;
	ret = scratch_unmap(domain, va, len);
	if (ret < 0)
		goto err_keep;
	held_release(domain, va, len);
	return 0;

err_keep:
	if (rec != NULL && mapping_unmap(domain, rec) == 0)
		record_remove(&domain->records, rec);
err_scratch:
	range_undo(domain, VFIO_CDEV_SCRATCH_VA(va), len);
	return ret;
}

int
rte_vfio_cdev_domain_pin_page(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len,
			 uint64_t page_size, uint64_t *iova)
{
	uint64_t phys;
	int ret;

	ret = range_check(va, 0, len);
	if (ret == 0)
		ret = page_size_check(va, len, page_size);
	if (ret < 0 || len != page_size)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -EINVAL, va, len);

	domain_lock(domain);
	ret = domain_can_tell(domain, va, len);
	if (ret == 0)
		ret = page_pin(domain, va, len, &phys);
	ret = domain_unlock_with(domain, ret);
	if (ret == 0)
		*iova = phys;
	return ret;
}

int
byte_ask(struct rte_vfio_cdev_domain *domain, const void *va, page_ask_t ask, uint64_t *phys)
{
	const uint64_t offset = (uintptr_t)va & (BASE_PAGE - 1);
	const void *page = (const char *)va - offset;
	uint64_t start;
	int ret;

	domain_lock(domain);
	ret = domain_can_tell(domain, page, BASE_PAGE);
	if (ret == 0)
		ret = ask(domain, page, &start);
	ret = domain_unlock_with(domain, ret);
	if (ret == 0)
		*phys = start + offset;
	return ret;
}

static int
page_phys(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys)
{
	int ret = page_ask(domain, va, VFIO_CDEV_SCRATCH_VA(va), BASE_PAGE, phys);

	return ret == 0 ? scratch_unmap(domain, va, BASE_PAGE) : ret;
}

int
rte_vfio_cdev_domain_phys(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys)
{
	return byte_ask(domain, va, page_phys, phys);
}
