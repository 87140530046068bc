/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Addresses that are given before the memory is mapped: their pages are pinned
 * provisionally (vfio_cdev_provisional.c).
 */

#include <errno.h>
#include <stdlib.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_front.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_maps.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_verify.h"

static uint64_t
page_size_of(const struct rte_vfio_cdev_domain *domain, int maps, const void *va)
{
	struct iommufd_vma vma = { 0 };

	if (maps >= 0)
		iommufd_vma_find(domain->ctx->sys, maps, (uintptr_t)va, IOMMUFD_VMA_AT, &vma);
	return vma.page_size >= domain->ctx->page && (vma.page_size & (vma.page_size - 1)) == 0 ?
		vma.page_size :
		domain->ctx->page;
}

/*
 * The page of a byte, with its real size. The list of memory is needed again when the page is
 * unmapped: without a file for it now, no address is given. Where /proc is not readable, pages
 * are base pages, and end where they are unmapped.
 */
static int
page_find(struct rte_vfio_cdev_domain *domain, const void *va, struct vfio_cdev_record *page)
{
	const int maps = vfio_cdev_maps_get(domain);
	const uint64_t size = page_size_of(domain, maps, va);

	*page = VFIO_CDEV_RECORD((uintptr_t)va & ~(size - 1), RTE_VFIO_CDEV_IOVA_ANY, size, size);
	page->provisional = 1;
	return iommufd_is_shortage(maps) ?
		vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, maps, va, domain->ctx->page) :
		0;
}

/* Whether a mapping has a base page at the address they have now. It must stay then. */
static bool
is_mapped(const struct rte_vfio_cdev_domain *domain, const void *page, uint64_t now)
{
	struct vfio_cdev_record *rec = vfio_cdev_mapping_at(domain, page, domain->ctx->page, now);

	if (rec != NULL)
		vfio_cdev_record_rely(rec);
	return rec != NULL;
}

/* The same for provisional pins. Those with another address have lost their memory. */
static bool
is_provisional(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t now)
{
	const uintptr_t va = (uintptr_t)page;
	struct vfio_cdev_record *rec, *next;
	bool is = false;

	for (rec = vfio_cdev_provisional_next(domain, NULL, va, domain->ctx->page); rec != NULL;
	     rec = next) {
		next = vfio_cdev_provisional_next(domain, rec, va, domain->ctx->page);
		if (rec->pinned && rec->phys + (va - rec->va) == now) {
			vfio_cdev_record_rely(rec);
			is = true;
		} else {
			vfio_cdev_provisional_drop(domain, rec, true);
		}
	}
	return is;
}

static int
page_pin(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *page, uint64_t *start)
{
	struct vfio_cdev_record *rec = vfio_cdev_record_new(page);
	int ret = rec != NULL ? vfio_cdev_mapping_pin(domain, rec, NULL, NULL) : -ENOMEM;

	if (ret == -EFAULT || rec == NULL)
		vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret,
				      vfio_cdev_record_va(page), vfio_cdev_record_len(page));
	if (ret < 0) {
		free(rec);
		return ret;
	}
	rec->any = 0;
	*start = rec->phys;
	vfio_cdev_provisional_add(domain, rec);
	return 0;
}

/* The address of a base page of a page, which stays pinned. */
static int
page_provide(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *page,
	     const char *part, uint64_t *phys)
{
	const uintptr_t va = (uintptr_t)part;
	int ret;

	if (vfio_cdev_record_around(domain, NULL, part, domain->ctx->page) != NULL ||
	    vfio_cdev_provisional_next(domain, NULL, va, domain->ctx->page) != NULL) {
		ret = vfio_cdev_page_phys(domain, part, phys);
		if (ret == -EFAULT && vfio_cdev_provisional_is_unmapped(domain, part))
			*phys = RTE_VFIO_CDEV_IOVA_ANY;
		else if (ret < 0)
			return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, ret, part,
						     domain->ctx->page);
		if (is_provisional(domain, part, *phys) || is_mapped(domain, part, *phys))
			return 0;
	}
	ret = page_pin(domain, page, phys);
	*phys += va - page->va;
	return ret;
}

int
vfio_cdev_provide(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys,
		  uint64_t *rest)
{
	const uint64_t offset = (uintptr_t)va & (domain->ctx->page - 1);
	const char *part = (const char *)va - offset;
	struct vfio_cdev_record page;
	uint64_t start;
	bool due;
	int ret;

	vfio_cdev_lock(domain);
	ret = vfio_cdev_phys_check(domain, part, domain->ctx->page);
	if (ret == 0)
		ret = page_find(domain, part, &page);
	if (ret == 0)
		ret = page_provide(domain, &page, part, &start);
	due = vfio_cdev_provisional_is_sweep_due(domain);
	ret = vfio_cdev_unlock_with(domain, ret);
	if (due)
		rte_vfio_cdev_domain_sweep(domain);
	if (ret < 0)
		return ret;
	*phys = start + offset;
	*rest = page.va + vfio_cdev_record_len(&page) - (uintptr_t)va;
	return 0;
}

int
rte_vfio_cdev_domain_provide(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys)
{
	uint64_t rest;

	return vfio_cdev_provide(domain, va, phys, &rest);
}

/*
 * If another address of the page is expected already, that one stays: the page may have
 * moved, and no device may be set up while a caller has the old address.
 */
static int
page_expect(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *page)
{
	const uint64_t len = vfio_cdev_record_len(page);
	struct vfio_cdev_record *rec;

	if (vfio_cdev_tree_next(&domain->provisional, NULL, page->va, page->va + (len - 1)) != NULL)
		return 0;
	rec = vfio_cdev_record_new(page);
	if (rec == NULL)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENOMEM,
					     vfio_cdev_record_va(page), len);
	vfio_cdev_provisional_add(domain, rec);
	return 0;
}

/* Pin at once, and compare with the expected address. */
static int
page_agree(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *page,
	   const char *part, uint64_t phys)
{
	uint64_t now;
	int ret = page_provide(domain, page, part, &now);

	return ret < 0 || now == phys ? ret : vfio_cdev_misplaced_fail(domain, part, phys, now);
}

int
rte_vfio_cdev_domain_expect(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t phys)
{
	const uint64_t offset = (uintptr_t)va & (domain->ctx->page - 1);
	const char *part = (const char *)va - offset;
	struct vfio_cdev_record page;
	int ret;

	if (!domain->mode->reports_pa)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, -EOPNOTSUPP, va,
					     domain->ctx->page);
	if ((phys & (domain->ctx->page - 1)) != offset)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -EINVAL, va,
					     domain->ctx->page);
	vfio_cdev_lock(domain);
	ret = page_find(domain, part, &page);
	if (ret == 0 && domain->ready) {
		ret = page_agree(domain, &page, part, phys - offset);
	} else if (ret == 0) {
		page.phys = phys - ((uintptr_t)va - page.va);
		page.any = 0;
		ret = page_expect(domain, &page);
	}
	return vfio_cdev_unlock_with(domain, ret);
}
