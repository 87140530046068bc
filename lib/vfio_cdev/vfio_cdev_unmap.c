/* SPDX-License-Identifier: BSD-3-Clause */

/* Unmapping, of parts of mappings too. */

#include <errno.h>
#include <inttypes.h>

#include "vfio_cdev_private.h"

/* Nothing but mappings of this memory all the way? */
static int
range_covered(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
	      uint64_t len)
{
	const uint64_t last = iova + (len - 1);
	const struct vfio_cdev_record *rec;
	uint64_t at = iova;

	for (;;) {
		rec = record_find(&domain->records, at, BASE_PAGE);
		if (rec == NULL || rec->va - rec->iova != (uintptr_t)va - iova)
			return -ENOENT;
		if (record_last(rec) >= last)
			return 0;
		at = record_last(rec) + 1;
	}
}

/* The record that begins before an IOVA and does not end before it, or NULL. */
static struct vfio_cdev_record *
record_across(const struct rte_vfio_cdev_domain *domain, uint64_t at)
{
	struct vfio_cdev_record *rec = record_find(&domain->records, at, BASE_PAGE);

	return rec != NULL && rec->iova < at ? rec : NULL;
}

static int
cut_check(const struct rte_vfio_cdev_domain *domain, uint64_t at)
{
	const struct vfio_cdev_record *rec = record_across(domain, at);

	if (rec == NULL)
		return 0;
	if (!domain->mode->splits)
		return -EOPNOTSUPP;
	if (((at - rec->iova) & ((UINT64_C(1) << rec->page_shift) - 1)) != 0)
		return -EOPNOTSUPP;
	return rec->astray ? -EIO : 0;
}

/* Put back from scratch what was mapped as a whole. */
static int
area_restore(const struct rte_vfio_cdev_domain *domain, uint64_t iova, uint64_t len)
{
	const uint64_t scratch = VFIO_CDEV_SCRATCH_IOVA(iova);
	const struct iommufd_sys *sys = domain->ctx->sys;
	int ret;

	ret = iommufd_ioas_unmap(sys, domain->iommufd, domain->ioas_id, iova, len);
	if (ret == 0 || ret == -ENOENT)
		ret = iommufd_ioas_copy(sys, domain->iommufd, domain->ioas_id, scratch, iova, len);
	if (ret == 0)
		ret = iommufd_ioas_unmap(sys, domain->iommufd, domain->ioas_id, scratch, len);
	return ret;
}

/*
 * The kernel unmaps whole areas only, so one becomes two that adjoin. While it
 * is unmapped, a copy of it at a scratch IOVA keeps the pages where they are.
 * On error it is mapped as before, or *astray tells that the scratch remained.
 */
static int
area_split(const struct rte_vfio_cdev_domain *domain, uint64_t iova, uint64_t len, uint64_t at,
	   bool *astray)
{
	const uint64_t scratch = VFIO_CDEV_SCRATCH_IOVA(iova), below = at - iova;
	const struct iommufd_sys *sys = domain->ctx->sys;
	const int fd = domain->iommufd;
	const uint32_t ioas = domain->ioas_id;
	int ret;

	ret = iommufd_ioas_copy(sys, fd, ioas, iova, scratch, len);
	if (ret < 0)
		return ret;
	ret = iommufd_ioas_unmap(sys, fd, ioas, iova, len);
	if (ret == 0)
		ret = iommufd_ioas_copy(sys, fd, ioas, scratch, iova, below);
	if (ret == 0)
		ret = iommufd_ioas_copy(sys, fd, ioas, scratch + below, at, len - below);
	if (ret < 0) {
		*astray = area_restore(domain, iova, len) < 0;
		return ret;
	}
	ret = iommufd_ioas_unmap(sys, fd, ioas, scratch, len);
	*astray = ret < 0;
	return ret;
}

static uint64_t *
ranges_counter(struct rte_vfio_cdev_domain *domain)
{
	return domain->ready ? &domain->stats.mappings : &domain->stats.pending;
}

/*
 * Make a mapping end before an IOVA, if one goes across it. *lower is that
 * mapping then, for cut_undo().
 */
static int
cut_make(struct rte_vfio_cdev_domain *domain, uint64_t at, struct vfio_cdev_record **lower)
{
	struct vfio_cdev_record *rec = record_across(domain, at);
	bool astray = false;
	uint64_t len;
	int ret;

	*lower = NULL;
	if (rec == NULL)
		return 0;
	len = record_len(rec);
	ret = record_split(&domain->records, rec, at);
	if (ret == 0 && domain->ready && !rec->bar) {
		ret = area_split(domain, rec->iova, len, at, &astray);
		if (ret < 0)
			record_join(&domain->records, rec);
		rec->astray = astray;
	}
	if (ret < 0)
		return ret;
	(*ranges_counter(domain))++;
	*lower = rec;
	return 0;
}

/* For the kernel two areas are as good as one, as long as they go together. */
static void
cut_undo(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *lower)
{
	if (lower == NULL || record_after(&domain->records, lower)->astray)
		return;
	record_join(&domain->records, lower);
	(*ranges_counter(domain))--;
}

/* Drop a user of a mapping, and with the last one the mapping. */
static int
mapping_drop(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	int ret = 0;

	if (rec->users > 1) {
		rec->users--;
		return 0;
	}
	if (domain->ready)
		ret = mapping_unmap(domain, rec);
	else
		domain->stats.pending--;
	if (ret == 0)
		record_remove(&domain->records, rec);
	return ret;
}

int
range_drop(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len)
{
	const uint64_t last = iova + (len - 1);
	struct vfio_cdev_record *rec, *next;
	int ret;

	for (rec = record_next(&domain->records, iova); rec != NULL && rec->iova <= last;
	     rec = next) {
		next = record_after(&domain->records, rec);
		if (rec->iova < iova || record_last(rec) > last ||
		    rec->va - rec->iova != (uintptr_t)va - iova)
			continue;
		ret = mapping_drop(domain, rec);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* The range begins or ends inside mappings, or is more than one. */
static int
parts_unmap(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len)
{
	struct vfio_cdev_record *first, *second;
	int ret;

	ret = range_covered(domain, va, iova, len);
	if (ret == 0)
		ret = cut_check(domain, iova);
	if (ret == 0)
		ret = cut_check(domain, iova + len);
	if (ret == 0)
		ret = cut_make(domain, iova, &first);
	if (ret < 0)
		return ret;
	ret = cut_make(domain, iova + len, &second);
	if (ret < 0) {
		cut_undo(domain, first);
		return ret;
	}
	return range_drop(domain, va, iova, len);
}

int
rte_vfio_cdev_domain_unmap(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			   uint64_t len)
{
	struct vfio_cdev_record *rec;
	int ret = range_check(va, iova, len);

	domain_lock(domain);
	if (ret == 0) {
		rec = record_find(&domain->records, iova, len);
		if (rec != NULL && record_is(rec, va, iova, len))
			ret = mapping_drop(domain, rec);
		else
			ret = parts_unmap(domain, va, iova, len);
	}
	domain_unlock(domain);

	if (ret < 0)
		ctx_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_UNMAP, ret,
			 "%p (IOVA 0x%" PRIx64 ", %" PRIu64 " bytes)", va, iova, len);
	return ret;
}
