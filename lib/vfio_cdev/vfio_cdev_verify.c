/* SPDX-License-Identifier: BSD-3-Clause */

/* The physical addresses of pinned memory, as the kernel reports them. */

#include <errno.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_numa.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_verify.h"

/* One pass over the pages of an area. */
struct pass {
	struct rte_vfio_cdev_domain *domain;
	const struct vfio_cdev_record *rec;
	uint64_t expected;  /* of the first page, or ANY */
	uint64_t first;	    /* reported for the first page */
	uint64_t off, phys; /* of the current page */
	uint64_t pages;
	vfio_cdev_run_t run;
	void *arg;
};

static int
pass_fail(const struct pass *pass, int err)
{
	const char *va = vfio_cdev_record_va(pass->rec);

	if (err != -EADDRNOTAVAIL)
		return vfio_cdev_memory_fail(pass->domain, RTE_VFIO_CDEV_STEP_VERIFY, err, va,
					     vfio_cdev_record_len(pass->rec));
	return vfio_cdev_misplaced_fail(pass->domain, va + pass->off,
					vfio_cdev_iova_at(pass->expected, pass->off), pass->phys);
}

static int
pass_compare(struct pass *pass, uint64_t off, uint64_t phys)
{
	pass->off = off;
	pass->phys = phys;
	if (off == 0)
		pass->first = phys;
	return pass->expected == RTE_VFIO_CDEV_IOVA_ANY || phys == pass->expected + off ?
		0 :
		-EADDRNOTAVAIL;
}

static int
run_verify(void *arg, uint64_t off, uint64_t phys, uint64_t len)
{
	struct pass *pass = arg;
	const unsigned int shift = pass->rec->page_shift;
	int ret = pass_compare(pass, off, phys);

	/* A page is aligned to its size. */
	if (ret == 0 && pass->rec->any && (phys & ((UINT64_C(1) << shift) - 1)) != 0)
		ret = -EINVAL;
	if (ret == 0 && pass->run != NULL)
		ret = pass->run(pass->arg, off, phys, len);
	if (ret < 0)
		return ret;
	pass->pages += len >> shift;
	if (pass->rec->any && !pass->rec->provisional)
		vfio_cdev_numa_count(pass->domain, phys, len, true);
	return 0;
}

/*
 * Memory without an expected address is counted on its nodes here, since no other pass
 * queries all its pages.
 */
int
vfio_cdev_verify(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
		 vfio_cdev_run_t run, void *arg)
{
	const uint64_t len = vfio_cdev_record_len(rec);
	struct pass pass = {
		.domain = domain,
		.rec = rec,
		.expected = rec->any ? RTE_VFIO_CDEV_IOVA_ANY : rec->phys,
		.run = run,
		.arg = arg,
	};
	struct rte_vfio_cdev_stats before;
	int ret;

	if (rec->any)
		before = domain->stats;
	ret = vfio_cdev_area_runs(&domain->areas, rec->iova, len, rec->page_shift, run_verify,
				  &pass);
	if (ret < 0) {
		if (rec->any)
			domain->stats = before;
		pass_fail(&pass, ret);
		vfio_cdev_area_undo(&domain->areas, rec->iova, len);
		return ret;
	}
	rec->phys = pass.first;
	domain->stats.verified += domain->mode->confirms ? pass.pages : 0;
	return 0;
}

/* Compare a run of the memory at the VA with the same pages of the mapping. */
static int
run_same(void *arg, uint64_t off, uint64_t phys, uint64_t len)
{
	struct pass *pass = arg;

	(void)len;
	return pass_compare(pass, off, phys);
}

static int
run_compare(void *arg, uint64_t off, uint64_t phys, uint64_t len)
{
	struct pass *pass = arg, old = *pass;
	int ret = pass_compare(pass, off, phys);

	pass->pages += len >> pass->rec->page_shift;
	if (ret < 0 || !pass->rec->any)
		return ret;
	old.expected = phys;
	ret = vfio_cdev_area_runs(&pass->domain->areas, pass->rec->iova + off, len,
				  pass->rec->page_shift, run_same, &old);
	if (ret < 0) {
		pass->off = off + old.off;
		pass->phys = phys + old.off;
		pass->expected = old.phys - pass->off;
	}
	return ret;
}

int
vfio_cdev_confirm(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
		  uint64_t expected)
{
	const uint64_t len = vfio_cdev_record_len(rec);
	struct pass pass = {
		.domain = domain,
		.rec = rec,
		.expected = rec->any ? expected : rec->phys,
	};
	uint64_t iova = RTE_VFIO_CDEV_IOVA_ANY;
	int ret;

	if (!rec->pinned || !domain->mode->reports_pa || rec->bar)
		return 0;
	ret = vfio_cdev_area_map(&domain->areas, vfio_cdev_record_va(rec), len, rec->page_shift,
				 &iova);
	if (ret < 0)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret,
					     vfio_cdev_record_va(rec), len);
	ret = vfio_cdev_area_runs(&domain->areas, iova, len, rec->page_shift, run_compare, &pass);
	if (ret < 0)
		pass_fail(&pass, ret);
	else
		domain->stats.verified += domain->mode->confirms ? pass.pages : 0;
	vfio_cdev_area_undo(&domain->areas, iova, len);
	return ret;
}

bool
vfio_cdev_mapping_is_known(const struct rte_vfio_cdev_domain *domain,
			   const struct vfio_cdev_record *rec)
{
	return domain->mode->confirms || !rec->any;
}

int
vfio_cdev_mapping_phys(const struct rte_vfio_cdev_domain *domain,
		       const struct vfio_cdev_record *rec, uint64_t off, uint64_t *phys)
{
	if (rec->any)
		return vfio_cdev_area_phys(&domain->areas, rec->iova + off, phys);
	*phys = rec->phys + off;
	return 0;
}

struct vfio_cdev_record *
vfio_cdev_mapping_at(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len,
		     uint64_t phys)
{
	struct vfio_cdev_record *rec = NULL;
	uint64_t at;

	while ((rec = vfio_cdev_record_around(domain, rec, va, len)) != NULL)
		if (vfio_cdev_mapping_is_known(domain, rec) &&
		    vfio_cdev_mapping_phys(domain, rec, (uintptr_t)va - rec->va, &at) == 0 &&
		    at == phys)
			break;
	return rec;
}

int
vfio_cdev_page_phys(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t *phys)
{
	uint64_t iova = RTE_VFIO_CDEV_IOVA_ANY;
	int ret = vfio_cdev_area_map(&domain->areas, page, domain->ctx->page, 0, &iova);

	if (ret < 0)
		return ret;
	ret = vfio_cdev_area_phys(&domain->areas, iova, phys);
	vfio_cdev_area_undo(&domain->areas, iova, domain->ctx->page);
	return ret;
}
