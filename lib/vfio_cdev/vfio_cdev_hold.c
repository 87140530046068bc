/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Pages whose address was told to somebody who may map them by it later. Until
 * then they are mapped at an IOVA that their VA gives, which pins them; nobody
 * else has that IOVA. Memory may go, or other memory come in its place, and
 * nobody tells: that is found by asking for the VA's page anew.
 */

#include <errno.h>

#include "vfio_cdev_private.h"

static const void *
record_va(const struct vfio_cdev_record *rec)
{
	return (const void *)(uintptr_t)rec->va;
}

static void
held_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	const int ret = iommufd_ioas_unmap(domain->ctx->sys, domain->iommufd, domain->ioas_id,
					   rec->iova, BASE_PAGE);

	if (ret < 0) {
		memory_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret, record_va(rec), BASE_PAGE);
		return;
	}
	record_remove(&domain->held, rec);
	domain->stats.held--;
}

void
held_release(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len)
{
	const uint64_t last = VFIO_CDEV_HELD_VA(va) + (len - 1);
	struct vfio_cdev_record *rec, *next;

	for (rec = record_next(&domain->held, VFIO_CDEV_HELD_VA(va));
	     rec != NULL && rec->iova <= last; rec = next) {
		next = record_after(&domain->held, rec);
		held_drop(domain, rec);
	}
}

/* Where is what is at the VA now? -EFAULT is an answer, too: not logged. */
static int
page_glance(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys)
{
	const uint64_t scratch = VFIO_CDEV_SCRATCH_VA(va);
	const struct iommufd_sys *sys = domain->ctx->sys;
	uint64_t run = BASE_PAGE;
	int ret;

	ret = iommufd_ioas_map(sys, domain->iommufd, domain->ioas_id, va, scratch, BASE_PAGE);
	if (ret < 0)
		return ret;
	ret = iommufd_noiommu_get_pa(sys, domain->iommufd, domain->ioas_id, scratch, &run, phys);
	range_undo(domain, scratch, BASE_PAGE);
	return ret;
}

/*
 * Where a held page is. -ESTALE: its memory has gone or been replaced. Any other
 * error proves neither.
 */
static int
held_check(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
	   uint64_t *phys)
{
	uint64_t run = BASE_PAGE, now;
	int ret;

	ret = page_glance(domain, record_va(rec), &now);
	if (ret == 0)
		ret = iommufd_noiommu_get_pa(domain->ctx->sys, domain->iommufd, domain->ioas_id,
					     rec->iova, &run, phys);
	else if (ret == -EFAULT)
		ret = -ESTALE;
	return ret == 0 && *phys != now ? -ESTALE : ret;
}

/* A page that is mapped where it is needs no holding. */
static bool
page_is_mapped(const struct rte_vfio_cdev_domain *domain, const void *page, uint64_t phys)
{
	const struct vfio_cdev_record *rec = record_find(&domain->records, phys, BASE_PAGE);

	return rec != NULL && record_has(rec, page, phys, BASE_PAGE);
}

/* A mapped one is there if the kernel did not let go of it when it was mapped. */
static void
held_sweep(struct rte_vfio_cdev_domain *domain)
{
	struct vfio_cdev_record *rec, *next;
	uint64_t phys;
	int ret;

	for (rec = record_next(&domain->held, 0); rec != NULL; rec = next) {
		next = record_after(&domain->held, rec);
		ret = held_check(domain, rec, &phys);
		if (ret == -ESTALE ||
		    (ret == 0 && page_is_mapped(domain, record_va(rec), phys)))
			held_drop(domain, rec);
	}
	domain->held_limit = 2 * domain->stats.held;
}

static int
held_add(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t *phys)
{
	const uint64_t iova = VFIO_CDEV_HELD_VA(page);
	int ret;

	ret = page_ask(domain, page, iova, BASE_PAGE, phys);
	if (ret < 0)
		return ret;
	if (page_is_mapped(domain, page, *phys)) {
		range_undo(domain, iova, BASE_PAGE);
		return 0;
	}
	if (record_add(&domain->held, &RECORD(page, iova, BASE_PAGE, BASE_PAGE)) == NULL) {
		range_undo(domain, iova, BASE_PAGE);
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENOMEM, page, BASE_PAGE);
	}
	domain->stats.held++;
	if (domain->stats.held >= domain->sweep_from && domain->stats.held >= domain->held_limit)
		held_sweep(domain);
	return 0;
}

static int
page_hold(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t *phys)
{
	struct vfio_cdev_record *rec;
	int ret = -ESTALE;

	rec = record_find(&domain->held, VFIO_CDEV_HELD_VA(page), BASE_PAGE);
	if (rec != NULL)
		ret = held_check(domain, rec, phys);
	if (ret < 0 && ret != -ESTALE)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, ret, page, BASE_PAGE);
	if (ret == 0)
		return 0;
	if (rec != NULL)
		held_drop(domain, rec);
	return held_add(domain, page, phys);
}

int
rte_vfio_cdev_domain_hold(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys)
{
	return byte_ask(domain, va, page_hold, phys);
}

void
rte_vfio_cdev_domain_sweep(struct rte_vfio_cdev_domain *domain)
{
	domain_lock(domain);
	held_sweep(domain);
	domain_unlock(domain);
}
