/* SPDX-License-Identifier: BSD-3-Clause */

/* Mapping memory: pinned, verified, recorded. */

#include <errno.h>
#include <inttypes.h>

#include "vfio_cdev_private.h"

int
range_check(const void *va, uint64_t iova, uint64_t len)
{
	uint64_t start = (uintptr_t)va;

	if (len == 0 || len > VFIO_CDEV_MAX_LEN - BASE_PAGE)
		return -EINVAL;
	if (((start | iova | len) & (BASE_PAGE - 1)) != 0)
		return -EINVAL;
	if (start + (len - 1) < start || iova + (len - 1) < iova)
		return -EINVAL;
	return 0;
}

int
page_size_check(const void *va, uint64_t len, uint64_t page_size)
{
	if (page_size < BASE_PAGE || (page_size & (page_size - 1)) != 0)
		return -EINVAL;
	return (((uintptr_t)va | len) & (page_size - 1)) != 0 ? -EINVAL : 0;
}

/*
 * Ask where the pages are, once per page. A hugepage is contiguous, and the
 * kernel would walk all of it in steps of 4 KiB, so its start will do; base
 * pages are asked for as many as follow each other.
 */
int
pages_verify(struct rte_vfio_cdev_domain *domain, uint64_t iova, uint64_t phys, uint64_t len,
	     uint64_t page_size)
{
	const struct rte_vfio_cdev_ctx *ctx = domain->ctx;
	uint64_t off, step, told, pages = 0;
	int ret;

	for (off = 0; off < len; off += step) {
		step = page_size > BASE_PAGE ? BASE_PAGE : len - off;
		ret = iommufd_noiommu_get_pa(ctx->sys, domain->iommufd, domain->ioas_id,
					     iova + off, &step, &told);
		if (ret == 0 && told != phys + off) {
			domain->stats.misplaced++;
			ret = -EADDRNOTAVAIL;
		}
		if (ret < 0)
			return ctx_fail(ctx, "memory", RTE_VFIO_CDEV_STEP_VERIFY, ret,
					"IOVA 0x%" PRIx64 " (kernel says 0x%" PRIx64 ")",
					phys + off, ret == -EADDRNOTAVAIL ? told : 0);
		if (page_size > BASE_PAGE)
			step = page_size;
		else if (step < BASE_PAGE || (step & (BASE_PAGE - 1)) != 0 || step > len - off)
			return ctx_fail(ctx, "memory", RTE_VFIO_CDEV_STEP_VERIFY, -EPROTO,
					"IOVA 0x%" PRIx64, phys + off);
		pages += step / page_size;
	}
	domain->stats.pages_verified += pages;
	domain->stats.verified += pages;
	return 0;
}

static int
map_fail(const struct rte_vfio_cdev_domain *domain, int err, const void *va, uint64_t iova,
	 uint64_t len)
{
	return ctx_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_MAP, err,
			"%p (IOVA 0x%" PRIx64 ", %" PRIu64 " bytes)", va, iova, len);
}

void
range_undo(const struct rte_vfio_cdev_domain *domain, uint64_t iova, uint64_t len)
{
	const struct rte_vfio_cdev_ctx *ctx = domain->ctx;
	int err;

	err = iommufd_ioas_unmap(ctx->sys, domain->iommufd, domain->ioas_id, iova, len);
	if (err < 0)
		ctx_fail(ctx, "memory", RTE_VFIO_CDEV_STEP_UNMAP, err, "IOVA 0x%" PRIx64, iova);
}

static void
change_log(const struct rte_vfio_cdev_domain *domain, const char *change,
	   const struct vfio_cdev_record *rec)
{
	const struct rte_vfio_cdev_stats *stats = &domain->stats;

	ctx_log(domain->ctx, RTE_VFIO_CDEV_LOG_DEBUG,
		"%s 0x%" PRIx64 " at IOVA 0x%" PRIx64 ", %" PRIu64 " bytes; now %" PRIu64
		" pages mapped, %" PRIu64 " verified", change, rec->va, rec->iova, record_len(rec),
		stats->pages_mapped, stats->pages_verified);
}

void
mapping_count(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	domain->stats.mappings++;
	if (!rec->bar) {
		domain->stats.maps++;
		domain->stats.pages_mapped += record_len(rec) >> rec->page_shift;
		domain->stats.bytes += record_len(rec);
		nodes_count(domain, rec->iova, record_len(rec), true);
	}
	change_log(domain, rec->bar ? "recorded a BAR," : "mapped", rec);
}

/*
 * On error the kernel and the counters are as before. A BAR cannot be pinned
 * (EFAULT, mm/gup.c) and does not move: its IOVA must be right, that is all.
 */
int
mapping_map(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	const void *va = (const void *)(uintptr_t)rec->va;
	const uint64_t len = record_len(rec);
	int ret;

	ret = range_usable(domain, va, rec->iova, len);
	if (ret < 0)
		return ret;
	ret = iommufd_ioas_map(domain->ctx->sys, domain->iommufd, domain->ioas_id, va, rec->iova,
			       len);
	rec->bar = ret == -EFAULT && domain->mode->takes_bars &&
		bar_has(domain->ctx, rec->iova, len);
	if (ret < 0 && !rec->bar)
		return map_fail(domain, ret, va, rec->iova, len);
	ret = rec->bar || !domain->mode->tells_pa ? 0 :
		pages_verify(domain, rec->iova, rec->iova, len, UINT64_C(1) << rec->page_shift);
	if (ret < 0) {
		range_undo(domain, rec->iova, len);
		return ret;
	}
	mapping_count(domain, rec);
	return 0;
}

/* One that is astray is unmapped wherever it is. */
static int
mapping_unpin(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	const struct iommufd_sys *sys = domain->ctx->sys;
	const uint64_t len = record_len(rec);
	int ret;

	if (rec->bar)
		return 0;
	ret = iommufd_ioas_unmap(sys, domain->iommufd, domain->ioas_id, rec->iova, len);
	if (!rec->astray || (ret < 0 && ret != -ENOENT))
		return ret;
	return iommufd_ioas_unmap(sys, domain->iommufd, domain->ioas_id,
				  VFIO_CDEV_SCRATCH_IOVA(rec->iova), len);
}

int
mapping_unmap(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	const uint64_t len = record_len(rec);
	int ret = mapping_unpin(domain, rec);

	if (ret < 0)
		return ret;
	domain->stats.mappings--;
	if (!rec->bar) {
		domain->stats.unmaps++;
		domain->stats.pages_mapped -= len >> rec->page_shift;
		if (domain->mode->tells_pa)
			domain->stats.pages_verified -= len >> rec->page_shift;
		domain->stats.bytes -= len;
		nodes_count(domain, rec->iova, len, false);
	}
	change_log(domain, "unmapped", rec);
	return 0;
}

int
mapping_share(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec, const void *va,
	      uint64_t iova, uint64_t len)
{
	if (!record_is(rec, va, iova, len))
		return map_fail(domain, -EEXIST, va, iova, len);
	if (rec->users == VFIO_CDEV_MAX_USERS)
		return map_fail(domain, -EOVERFLOW, va, iova, len);
	rec->users++;
	return 0;
}

/*
 * Is the memory at the VA still what is mapped? It may have been freed under
 * the mapping, which keeps the old pages, and other memory be there now.
 */
static int
mapping_confirm(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	const uint64_t verified = domain->stats.pages_verified, len = record_len(rec);
	const void *va = (const void *)(uintptr_t)rec->va;
	const uint64_t scratch = VFIO_CDEV_SCRATCH_VA(va);
	int ret;

	if (!domain->ready || !domain->mode->tells_pa || rec->bar)
		return 0;
	ret = iommufd_ioas_map(domain->ctx->sys, domain->iommufd, domain->ioas_id, va, scratch,
			       len);
	if (ret < 0)
		return map_fail(domain, ret, va, rec->iova, len);
	ret = pages_verify(domain, scratch, rec->iova, len, UINT64_C(1) << rec->page_shift);
	domain->stats.pages_verified = verified;
	range_undo(domain, scratch, len);
	return ret;
}

static int
range_share(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec, const void *va,
	    uint64_t iova, uint64_t len)
{
	int ret = mapping_share(domain, rec, va, iova, len);

	if (ret < 0)
		return ret;
	ret = mapping_confirm(domain, rec);
	if (ret < 0)
		rec->users--;
	return ret;
}

/* Recorded before it is mapped, so that a mapping never lacks its record. */
static int
range_map(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len,
	  uint64_t page_size)
{
	struct vfio_cdev_record *rec;
	int ret;

	rec = record_add(&domain->records, &RECORD(va, iova, len, page_size));
	if (rec == NULL)
		return map_fail(domain, -ENOMEM, va, iova, len);
	if (!domain->ready) {
		domain->stats.pending++;
		change_log(domain, "will map", rec);
		return 0;
	}
	ret = mapping_map(domain, rec);
	if (ret < 0)
		record_remove(&domain->records, rec);
	else
		held_release(domain, va, len);
	return ret;
}

int
rte_vfio_cdev_domain_map(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			 uint64_t len, uint64_t page_size)
{
	struct vfio_cdev_record *rec;
	int ret;

	ret = range_check(va, iova, len);
	if (ret == 0)
		ret = page_size_check(va, len, page_size);
	if (ret < 0)
		return map_fail(domain, ret, va, iova, len);

	domain_lock(domain);
	rec = record_find(&domain->records, iova, len);
	ret = rec != NULL ? range_share(domain, rec, va, iova, len)
			  : range_map(domain, va, iova, len, page_size);
	return domain_unlock_with(domain, ret);
}

int
rte_vfio_cdev_domain_lookup(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			    uint64_t len)
{
	const struct vfio_cdev_record *rec;
	int ret;

	ret = range_check(va, iova, len);
	if (ret < 0)
		return ret;
	domain_lock(domain);
	rec = record_find(&domain->records, iova, len);
	if (rec == NULL)
		ret = -ENOENT;
	else if (!record_is(rec, va, iova, len))
		ret = -EOPNOTSUPP;
	domain_unlock(domain);
	return ret;
}
