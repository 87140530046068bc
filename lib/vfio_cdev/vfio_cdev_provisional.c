/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Provisional pins: pages whose address was given to a caller that may map them by it
 * later, or not. The whole page, of its real size, is pinned when the address is given, or
 * with the first HWPT. An ordinary mapping of the page replaces the pin. It ends with the
 * memory: hooks report that (vfio_cdev_monitor.c), and a sweep over all provisional pins
 * finds what they miss.
 */

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_domain.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_verify.h"

/* Pins that are checked before other threads get the domain. */
#define RECHECK_MOST 256

static atomic_uint provisional_total;	/* records of all domains */

unsigned int
vfio_cdev_provisional_count(void)
{
	return atomic_load(&provisional_total);
}

static void
provisional_account(struct rte_vfio_cdev_domain *domain, int in)
{
	domain->stats.provisional += in;
	atomic_fetch_add(&provisional_total, in);
}

static void
provisional_add(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	vfio_cdev_record_add(domain, rec);
	provisional_account(domain, 1);
}

void
vfio_cdev_provisional_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
			   bool gone)
{
	struct vfio_cdev_record **link;
	int ret = 0;

	if (rec->pinned && !(gone && domain->keep_provisional))
		ret = vfio_cdev_mapping_unpin(domain, rec);
	if (ret < 0) {
		vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret,
				      vfio_cdev_record_va(rec), vfio_cdev_record_len(rec));
		return;
	}
	vfio_cdev_record_remove(domain, rec);
	provisional_account(domain, -1);
	link = rec->pinned ? &domain->orphans : &domain->dropped;
	rec->right = *link;
	*link = rec;
}

void
vfio_cdev_provisional_free_orphans(struct rte_vfio_cdev_domain *domain)
{
	struct vfio_cdev_record *rec;

	while ((rec = domain->orphans) != NULL) {
		domain->orphans = rec->right;
		vfio_cdev_ioas_undo(&domain->ioas, rec->iova, vfio_cdev_record_len(rec));
		vfio_cdev_mapping_count(domain, rec, false);
		free(rec);
	}
}

void
vfio_cdev_provisional_free(struct rte_vfio_cdev_domain *domain)
{
	provisional_account(domain, -(int)domain->stats.provisional);
	vfio_cdev_records_clear(domain, &domain->provisional);
	vfio_cdev_records_free(domain->orphans);
	vfio_cdev_records_free(domain->dropped);
}

struct vfio_cdev_record *
vfio_cdev_provisional_next(const struct rte_vfio_cdev_domain *domain,
			   const struct vfio_cdev_record *after, uintptr_t va, uint64_t len)
{
	return vfio_cdev_tree_next(&domain->provisional, after, va + (len - 1), va);
}

void
vfio_cdev_provisional_replace_locked(struct rte_vfio_cdev_domain *domain, const void *va,
				     uint64_t len)
{
	const uintptr_t start = (uintptr_t)va;
	struct vfio_cdev_record *rec, *next;

	for (rec = vfio_cdev_provisional_next(domain, NULL, start, len); rec != NULL; rec = next) {
		next = vfio_cdev_provisional_next(domain, rec, start, len);
		if (rec->va >= start &&
		    rec->va - start + (vfio_cdev_record_len(rec) - 1) <= len - 1)
			vfio_cdev_provisional_drop(domain, rec, false);
	}
}

void
vfio_cdev_provisional_replace(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len)
{
	vfio_cdev_lock(domain);
	if (domain->ready)
		vfio_cdev_provisional_replace_locked(domain, va, len);
	vfio_cdev_unlock(domain);
}

bool
vfio_cdev_provisional_is_gone(const struct rte_vfio_cdev_domain *domain,
			      const struct vfio_cdev_record *rec)
{
	return domain->ctx->sys->resident(vfio_cdev_record_va(rec)) != 1;
}

bool
vfio_cdev_provisional_is_unmapped(const struct rte_vfio_cdev_domain *domain, const void *va)
{
	return domain->ctx->sys->resident(va) < 0;
}

/* An error is no proof: memory that has become read-only gives EFAULT too. */
static bool
is_replaced(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	uint64_t now;

	return rec->pinned &&
		vfio_cdev_page_phys(domain, vfio_cdev_record_va(rec), &now) == 0 &&
		now != rec->phys;
}

/* Check some pins from *va on. true: there are more, from the new *va on. */
static bool
some_recheck(struct rte_vfio_cdev_domain *domain, uintptr_t *va, uint64_t last, bool compare)
{
	struct vfio_cdev_record *rec, *next;
	unsigned int count = 0;

	rec = vfio_cdev_tree_next(&domain->provisional, NULL, last, *va);
	for (; rec != NULL && count < RECHECK_MOST; rec = next, count++) {
		next = vfio_cdev_tree_next(&domain->provisional, rec, last, *va);
		if (vfio_cdev_provisional_is_gone(domain, rec) ||
		    (compare && is_replaced(domain, rec)))
			vfio_cdev_provisional_drop(domain, rec, true);
	}
	if (rec != NULL)
		*va = rec->va > *va ? rec->va : *va + 1;
	return rec != NULL;
}

void
vfio_cdev_provisional_recheck(struct rte_vfio_cdev_domain *domain, uintptr_t va, uint64_t len,
			      bool compare)
{
	const uint64_t last = va + (len - 1);
	bool more;

	do {
		vfio_cdev_lock(domain);
		more = some_recheck(domain, &va, last, compare);
		vfio_cdev_unlock(domain);
	} while (more);
}

/* Whether many pins were made since the last sweep. */
static bool
is_sweep_due(const struct rte_vfio_cdev_domain *domain)
{
	const uint64_t bytes = domain->stats.provisional_bytes;

	return bytes >= domain->sweep_from && bytes >= domain->sweep_at;
}

void
rte_vfio_cdev_domain_sweep(struct rte_vfio_cdev_domain *domain)
{
	vfio_cdev_provisional_recheck(domain, 0, 0, true);
	vfio_cdev_lock(domain);
	domain->sweep_at = 2 * domain->stats.provisional_bytes;
	vfio_cdev_unlock(domain);
}

/* The page of a byte, with its real size. */
static struct vfio_cdev_record
page_of(const struct rte_vfio_cdev_domain *domain, const void *va)
{
	struct vfio_cdev_record page;
	uint64_t size;

	if (iommufd_vma_page_size(domain->ctx->sys, va, &size) < 0 || size < VFIO_CDEV_PAGE ||
	    (size & (size - 1)) != 0)
		size = VFIO_CDEV_PAGE;
	page = VFIO_CDEV_RECORD((uintptr_t)va & ~(size - 1), RTE_VFIO_CDEV_IOVA_ANY, size, size);
	page.provisional = 1;
	return page;
}

/* Whether a mapping has 4 KiB of memory at the address they have now. It must stay then. */
static bool
is_mapped(const struct rte_vfio_cdev_domain *domain, const void *page, uint64_t now)
{
	struct vfio_cdev_record *rec = NULL;
	uint64_t phys;

	while ((rec = vfio_cdev_record_around(domain, rec, page, VFIO_CDEV_PAGE)) != NULL)
		if (vfio_cdev_mapping_phys(domain, rec, (uintptr_t)page - rec->va, &phys) == 0 &&
		    phys == now) {
			rec->attempt = 0;
			return true;
		}
	return false;
}

/* The same for provisional pins. Those with another address have lost their memory. */
static bool
is_provisional(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t now)
{
	const uintptr_t va = (uintptr_t)page;
	struct vfio_cdev_record *rec, *next;
	bool is = false;

	for (rec = vfio_cdev_provisional_next(domain, NULL, va, VFIO_CDEV_PAGE); rec != NULL;
	     rec = next) {
		next = vfio_cdev_provisional_next(domain, rec, va, VFIO_CDEV_PAGE);
		if (rec->pinned && rec->phys + (va - rec->va) == now) {
			rec->attempt = 0;
			is = true;
		} else {
			vfio_cdev_provisional_drop(domain, rec, true);
		}
	}
	return is;
}

static int
page_pin(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *page,
	 uint64_t *start)
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
	provisional_add(domain, rec);
	return 0;
}

/* The address of 4 KiB of a page, which stays pinned. */
static int
page_provide(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *page,
	     const char *part, uint64_t *phys)
{
	const uintptr_t va = (uintptr_t)part;
	int ret;

	if (vfio_cdev_record_around(domain, NULL, part, VFIO_CDEV_PAGE) != NULL ||
	    vfio_cdev_provisional_next(domain, NULL, va, VFIO_CDEV_PAGE) != NULL) {
		ret = vfio_cdev_page_phys(domain, part, phys);
		if (ret == -EFAULT && vfio_cdev_provisional_is_unmapped(domain, part))
			*phys = RTE_VFIO_CDEV_IOVA_ANY;
		else if (ret < 0)
			return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, ret, part,
						     VFIO_CDEV_PAGE);
		if (is_provisional(domain, part, *phys) || is_mapped(domain, part, *phys))
			return 0;
	}
	ret = page_pin(domain, page, phys);
	*phys += va - page->va;
	return ret;
}

int
rte_vfio_cdev_domain_provide(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys)
{
	const uint64_t offset = (uintptr_t)va & (VFIO_CDEV_PAGE - 1);
	const struct vfio_cdev_record page = page_of(domain, va);
	const char *part = (const char *)va - offset;
	uint64_t start;
	bool due;
	int ret;

	vfio_cdev_lock(domain);
	ret = vfio_cdev_phys_check(domain, part, VFIO_CDEV_PAGE);
	if (ret == 0)
		ret = page_provide(domain, &page, part, &start);
	due = is_sweep_due(domain);
	ret = vfio_cdev_unlock_with(domain, ret);
	if (due)
		rte_vfio_cdev_domain_sweep(domain);
	if (ret == 0)
		*phys = start + offset;
	return ret;
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
	provisional_add(domain, rec);
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
	const uint64_t offset = (uintptr_t)va & (VFIO_CDEV_PAGE - 1);
	struct vfio_cdev_record page = page_of(domain, va);
	const char *part = (const char *)va - offset;
	int ret = 0;

	if (!domain->mode->reports_pa)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, -EOPNOTSUPP, va,
					     VFIO_CDEV_PAGE);
	if ((phys & (VFIO_CDEV_PAGE - 1)) != offset)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -EINVAL, va,
					     VFIO_CDEV_PAGE);
	vfio_cdev_lock(domain);
	if (domain->ready) {
		ret = page_agree(domain, &page, part, phys - offset);
	} else {
		page.phys = phys - ((uintptr_t)va - page.va);
		page.any = 0;
		ret = page_expect(domain, &page);
	}
	return vfio_cdev_unlock_with(domain, ret);
}
