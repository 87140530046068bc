/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Provisional pins: pages whose address was given to a caller that may map them by it
 * later, or not. The whole page, of its real size, is pinned when the address is given, or
 * with the first HWPT. An ordinary mapping of the page replaces the pin. It ends with the
 * memory: hooks report that (vfio_cdev_monitor.c), and a sweep over all provisional pins
 * finds what they miss.
 */

#include <stdatomic.h>
#include <stdlib.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_verify.h"

/* Pins that are checked before other threads get the domain. */
#define RECHECK_MOST 256

static atomic_uint provisional_total; /* records of all domains */

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

void
vfio_cdev_provisional_add(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	vfio_cdev_record_add(domain, rec);
	provisional_account(domain, 1);
}

/* A pin stays, for the page may be in use; what is not pinned is freed after unlocking. */
static void
provisional_orphan(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	struct vfio_cdev_record **link = rec->pinned ? &domain->orphans : &domain->dropped;

	vfio_cdev_record_remove(domain, rec);
	provisional_account(domain, -1);
	rec->right = *link;
	*link = rec;
}

void
vfio_cdev_provisional_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec,
			   bool gone)
{
	int ret = 0;

	if (rec->pinned && !(gone && domain->keep_provisional))
		ret = vfio_cdev_mapping_unpin(domain, rec);
	if (ret < 0)
		vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_UNMAP, ret,
				      vfio_cdev_record_va(rec), vfio_cdev_record_len(rec));
	else
		provisional_orphan(domain, rec);
}

void
vfio_cdev_provisional_free_orphans(struct rte_vfio_cdev_domain *domain)
{
	struct vfio_cdev_record *rec;

	while ((rec = domain->orphans) != NULL) {
		domain->orphans = rec->right;
		vfio_cdev_area_undo(&domain->areas, rec->iova, vfio_cdev_record_len(rec));
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

	return rec->pinned && vfio_cdev_page_phys(domain, vfio_cdev_record_va(rec), &now) == 0 &&
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

bool
vfio_cdev_provisional_is_sweep_due(const struct rte_vfio_cdev_domain *domain)
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
