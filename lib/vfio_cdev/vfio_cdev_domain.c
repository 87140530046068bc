/* SPDX-License-Identifier: BSD-3-Clause */

/* An IOAS and what is mapped in it: pinned, verified, recorded. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "vfio_cdev_private.h"

#define IOMMU_NODE "/dev/iommu"
#define BASE_PAGE UINT64_C(4096)

/*
 * No IOAS has id 0, so -ENOENT says that the kernel went as far as looking for
 * it (drivers/iommu/iommufd/hwpt_noiommu.c).
 */
static int
get_pa_probe(const struct rte_vfio_cdev_ctx *ctx, int iommufd)
{
	uint64_t len = 1, phys;
	int ret = iommufd_noiommu_get_pa(ctx->sys, iommufd, 0, 0, &len, &phys);

	if (ret == -ENOENT)
		return 0;
	return ctx_fail(ctx, IOMMU_NODE, RTE_VFIO_CDEV_STEP_PROBE, ret == 0 ? -EPROTO : ret,
			"IOMMU_IOAS_NOIOMMU_GET_PA");
}

static int
ioas_open(struct rte_vfio_cdev_domain *domain)
{
	const struct rte_vfio_cdev_ctx *ctx = domain->ctx;
	int ret;

	ret = iommufd_node_open(ctx->sys, IOMMU_NODE, &domain->iommufd);
	if (ret < 0)
		return ctx_fail(ctx, "iommufd", RTE_VFIO_CDEV_STEP_IOMMUFD, ret, IOMMU_NODE);
	ret = get_pa_probe(ctx, domain->iommufd);
	if (ret < 0)
		goto err_close;
	ret = iommufd_ioas_alloc(ctx->sys, domain->iommufd, &domain->ioas_id);
	if (ret < 0) {
		ctx_fail(ctx, IOMMU_NODE, RTE_VFIO_CDEV_STEP_PROBE, ret, "IOMMU_IOAS_ALLOC");
		goto err_close;
	}
	return 0;

err_close:
	ctx->sys->close(domain->iommufd);
	return ret;
}

int
rte_vfio_cdev_domain_create(struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_mode mode,
			    struct rte_vfio_cdev_domain **domain)
{
	struct rte_vfio_cdev_domain *d;
	int ret;

	if (mode != RTE_VFIO_CDEV_NOIOMMU)
		return ctx_fail(ctx, rte_vfio_cdev_mode_name(mode), RTE_VFIO_CDEV_STEP_IOMMUFD,
				-EOPNOTSUPP, "an address space of this mode");
	d = calloc(1, sizeof(*d));
	if (d == NULL)
		return ctx_fail(ctx, "iommufd", RTE_VFIO_CDEV_STEP_IOMMUFD, -ENOMEM, IOMMU_NODE);
	d->ctx = ctx;
	ret = ioas_open(d);
	if (ret < 0) {
		free(d);
		return ret;
	}
	pthread_mutex_init(&d->lock, NULL);
	*domain = d;
	return 0;
}

int
rte_vfio_cdev_domain_destroy(struct rte_vfio_cdev_domain *domain)
{
	if (domain == NULL)
		return 0;
	if (domain->stats.devices != 0)
		return -EBUSY;
	/* Closing the last file of an iommufd unmaps, unpins and frees all in it. */
	domain->ctx->sys->close(domain->iommufd);
	record_remove_all(&domain->records);
	pthread_mutex_destroy(&domain->lock);
	free(domain);
	return 0;
}

int
rte_vfio_cdev_domain_fd(const struct rte_vfio_cdev_domain *domain)
{
	return domain->iommufd;
}

static int
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

static int
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
static int
pages_verify(struct rte_vfio_cdev_domain *domain, uint64_t iova, uint64_t len,
	     uint64_t page_size)
{
	const struct rte_vfio_cdev_ctx *ctx = domain->ctx;
	uint64_t off, step, phys;
	int ret;

	for (off = 0; off < len; off += step) {
		step = page_size > BASE_PAGE ? BASE_PAGE : len - off;
		ret = iommufd_noiommu_get_pa(ctx->sys, domain->iommufd, domain->ioas_id,
					     iova + off, &step, &phys);
		if (ret == 0 && phys != iova + off)
			ret = -EADDRNOTAVAIL;
		if (ret < 0)
			return ctx_fail(ctx, "memory", RTE_VFIO_CDEV_STEP_VERIFY, ret,
					"IOVA 0x%" PRIx64 " (kernel says 0x%" PRIx64 ")",
					iova + off, ret == -EADDRNOTAVAIL ? phys : 0);
		if (page_size > BASE_PAGE)
			step = page_size;
		else if (step < BASE_PAGE || (step & (BASE_PAGE - 1)) != 0 || step > len - off)
			return ctx_fail(ctx, "memory", RTE_VFIO_CDEV_STEP_VERIFY, -EPROTO,
					"IOVA 0x%" PRIx64, iova + off);
		domain->stats.pages_verified += step / page_size;
	}
	return 0;
}

static int
map_fail(const struct rte_vfio_cdev_domain *domain, int err, const void *va, uint64_t iova,
	 uint64_t len)
{
	return ctx_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_MAP, err,
			"%p (IOVA 0x%" PRIx64 ", %" PRIu64 " bytes)", va, iova, len);
}

/* Map and verify; on error the kernel and the counters are as before. */
static int
range_map(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len,
	  uint64_t page_size)
{
	const struct rte_vfio_cdev_ctx *ctx = domain->ctx;
	const uint64_t verified = domain->stats.pages_verified;
	int ret, err;

	ret = iommufd_ioas_map(ctx->sys, domain->iommufd, domain->ioas_id, va, iova, len);
	if (ret < 0)
		return map_fail(domain, ret, va, iova, len);
	ret = pages_verify(domain, iova, len, page_size);
	if (ret == 0)
		return 0;

	domain->stats.pages_verified = verified;
	err = iommufd_ioas_unmap(ctx->sys, domain->iommufd, domain->ioas_id, iova, len);
	if (err < 0)
		ctx_fail(ctx, "memory", RTE_VFIO_CDEV_STEP_UNMAP, err, "IOVA 0x%" PRIx64, iova);
	return ret;
}

static bool
record_is(const struct vfio_cdev_record *rec, const void *va, uint64_t iova, uint64_t len)
{
	return rec->iova == iova && rec->va == (uintptr_t)va && record_len(rec) == len;
}

/* The range overlaps a mapping: fine if it is that very mapping. */
static int
record_share(struct vfio_cdev_record *rec, const void *va, uint64_t iova, uint64_t len)
{
	if (!record_is(rec, va, iova, len))
		return -EEXIST;
	if (rec->users == VFIO_CDEV_MAX_USERS)
		return -EOVERFLOW;
	rec->users++;
	return 0;
}

static struct vfio_cdev_record *
record_create(const void *va, uint64_t iova, uint64_t len, uint64_t page_size)
{
	struct vfio_cdev_record *rec = malloc(sizeof(*rec));

	if (rec != NULL)
		*rec = (struct vfio_cdev_record){
			.iova = iova,
			.va = (uintptr_t)va,
			.pages_4k = len >> 12,
			.page_shift = __builtin_ctzll(page_size),
			.users = 1,
		};
	return rec;
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

/* Recorded before it is mapped, so that a mapping never lacks its record. */
static int
record_map(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len,
	   uint64_t page_size)
{
	struct vfio_cdev_record *rec = record_create(va, iova, len, page_size);
	int ret;

	if (rec == NULL || record_insert(&domain->records, rec) < 0) {
		free(rec);
		return map_fail(domain, -ENOMEM, va, iova, len);
	}
	ret = range_map(domain, va, iova, len, page_size);
	if (ret < 0) {
		record_remove(&domain->records, rec);
		return ret;
	}
	domain->stats.mappings++;
	domain->stats.pages_mapped += len / page_size;
	domain->stats.bytes += len;
	change_log(domain, "mapped", rec);
	return 0;
}

int
rte_vfio_cdev_domain_map(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			 uint64_t len, uint64_t page_size)
{
	struct vfio_cdev_record *rec;
	bool told = false;
	int ret;

	ret = range_check(va, iova, len);
	if (ret == 0)
		ret = page_size_check(va, len, page_size);

	pthread_mutex_lock(&domain->lock);
	if (ret == 0 && domain->hwpt_id == 0)
		ret = -ENODEV;
	if (ret == 0) {
		rec = record_find(&domain->records, iova, len);
		if (rec != NULL) {
			ret = record_share(rec, va, iova, len);
		} else {
			ret = record_map(domain, va, iova, len, page_size);
			told = true;
		}
	}
	pthread_mutex_unlock(&domain->lock);

	return ret < 0 && !told ? map_fail(domain, ret, va, iova, len) : ret;
}

/* Drop a user of a mapping, and with the last one the mapping. */
static int
record_unmap(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	const uint64_t len = record_len(rec);
	int ret;

	if (rec->users > 1) {
		rec->users--;
		return 0;
	}
	ret = iommufd_ioas_unmap(domain->ctx->sys, domain->iommufd, domain->ioas_id, rec->iova,
				 len);
	if (ret < 0)
		return ret;
	domain->stats.mappings--;
	domain->stats.pages_mapped -= len >> rec->page_shift;
	domain->stats.pages_verified -= len >> rec->page_shift;
	domain->stats.bytes -= len;
	change_log(domain, "unmapped", rec);
	record_remove(&domain->records, rec);
	return 0;
}

/* The record of exactly this mapping. */
static int
record_lookup(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova, uint64_t len,
	      struct vfio_cdev_record **rec)
{
	int ret = range_check(va, iova, len);

	if (ret < 0)
		return ret;
	*rec = record_find(&domain->records, iova, len);
	if (*rec == NULL)
		return -ENOENT;
	return record_is(*rec, va, iova, len) ? 0 : -EOPNOTSUPP;
}

int
rte_vfio_cdev_domain_lookup(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			    uint64_t len)
{
	struct vfio_cdev_record *rec;
	int ret;

	pthread_mutex_lock(&domain->lock);
	ret = record_lookup(domain, va, iova, len, &rec);
	pthread_mutex_unlock(&domain->lock);
	return ret;
}

int
rte_vfio_cdev_domain_unmap(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
			   uint64_t len)
{
	struct vfio_cdev_record *rec;
	int ret;

	pthread_mutex_lock(&domain->lock);
	ret = record_lookup(domain, va, iova, len, &rec);
	if (ret == 0)
		ret = record_unmap(domain, rec);
	pthread_mutex_unlock(&domain->lock);

	if (ret < 0)
		ctx_fail(domain->ctx, "memory", RTE_VFIO_CDEV_STEP_UNMAP, ret,
			 "%p (IOVA 0x%" PRIx64 ", %" PRIu64 " bytes)", va, iova, len);
	return ret;
}

void
rte_vfio_cdev_domain_stats(struct rte_vfio_cdev_domain *domain,
			   struct rte_vfio_cdev_stats *stats)
{
	pthread_mutex_lock(&domain->lock);
	*stats = domain->stats;
	pthread_mutex_unlock(&domain->lock);
}
