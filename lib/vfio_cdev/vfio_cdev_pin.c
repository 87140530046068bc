/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory pinned where it is. As with one page (vfio_cdev_page.c) all of it is
 * mapped at a scratch IOVA first; then each piece that the kernel finds without
 * a gap is copied to its address, as a mapping like any other.
 */

#include <errno.h>
#include <stdlib.h>

#include "vfio_cdev_private.h"

struct rte_vfio_cdev_pin {
	struct rte_vfio_cdev_domain *domain;
	const void *va;
	struct rte_vfio_cdev_extent *extents;
	unsigned int count;
	unsigned int room;
};

static int
extent_add(struct rte_vfio_cdev_pin *pin, uint64_t iova, uint64_t len)
{
	const unsigned int room = pin->room == 0 ? 1 : 2 * pin->room;
	struct rte_vfio_cdev_extent *extents = pin->extents;

	if (pin->count == pin->room) {
		extents = realloc(extents, room * sizeof(*extents));
		if (extents == NULL)
			return -ENOMEM;
		pin->extents = extents;
		pin->room = room;
	}
	pin->extents[pin->count++] = (struct rte_vfio_cdev_extent){ .iova = iova, .len = len };
	return 0;
}

/* Ask where the memory is that is pinned at the scratch IOVA. */
static int
extents_ask(struct rte_vfio_cdev_pin *pin, uint64_t len)
{
	const struct rte_vfio_cdev_domain *domain = pin->domain;
	const uint64_t scratch = VFIO_CDEV_SCRATCH_VA(pin->va);
	uint64_t off, run, phys;
	int ret = 0;

	for (off = 0; ret == 0 && off < len; off += run) {
		run = len - off;
		ret = iommufd_noiommu_get_pa(domain->ctx->sys, domain->iommufd, domain->ioas_id,
					     scratch + off, &run, &phys);
		if (ret == 0 && (run == 0 || run > len - off || (run & (BASE_PAGE - 1)) != 0))
			ret = -EPROTO;
		if (ret == 0)
			ret = extent_add(pin, phys, run);
	}
	return ret < 0 ? memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, ret, pin->va, len) : 0;
}

/* Map at its address what is at the scratch IOVA, or count a user of it more. */
static int
extent_map(struct rte_vfio_cdev_domain *domain, const void *va,
	   const struct rte_vfio_cdev_extent *extent)
{
	struct vfio_cdev_record *rec;
	int ret;

	rec = record_find(&domain->records, extent->iova, extent->len);
	if (rec != NULL)
		return mapping_share(domain, rec, va, extent->iova, extent->len);
	rec = record_add(&domain->records, &RECORD(va, extent->iova, extent->len, BASE_PAGE));
	if (rec == NULL)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENOMEM, va, extent->len);
	ret = iommufd_ioas_copy(domain->ctx->sys, domain->iommufd, domain->ioas_id,
				VFIO_CDEV_SCRATCH_VA(va), extent->iova, extent->len);
	if (ret < 0) {
		memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret, va, extent->len);
		goto err_record;
	}
	ret = pages_verify(domain, extent->iova, extent->iova, extent->len, BASE_PAGE);
	if (ret < 0)
		goto err_copy;
	mapping_count(domain, rec);
	return 0;

err_copy:
	range_undo(domain, extent->iova, extent->len);
err_record:
	record_remove(&domain->records, rec);
	return ret;
}

/*
 * Drop the first so many extents, the last of them first; *left are still there
 * on error. Of one that somebody has unmapped a part of, the rest.
 */
static int
extents_unmap(const struct rte_vfio_cdev_pin *pin, unsigned int *left)
{
	const struct rte_vfio_cdev_extent *extent;
	const char *va = pin->va;
	unsigned int i;
	int ret;

	for (i = 0; i < *left; i++)
		va += pin->extents[i].len;
	for (; *left > 0; (*left)--) {
		extent = &pin->extents[*left - 1];
		va -= extent->len;
		ret = range_drop(pin->domain, va, extent->iova, extent->len);
		if (ret < 0)
			return memory_fail(pin->domain, RTE_VFIO_CDEV_STEP_UNMAP, ret, va,
					   extent->len);
	}
	return 0;
}

/* All of them or none. */
static int
extents_map(const struct rte_vfio_cdev_pin *pin)
{
	const char *va = pin->va;
	unsigned int i;
	int ret;

	for (i = 0; i < pin->count; i++) {
		ret = extent_map(pin->domain, va, &pin->extents[i]);
		if (ret < 0) {
			extents_unmap(pin, &i);
			return ret;
		}
		va += pin->extents[i].len;
	}
	return 0;
}

static int
memory_pin(struct rte_vfio_cdev_pin *pin, uint64_t len)
{
	const struct rte_vfio_cdev_domain *domain = pin->domain;
	const uint64_t scratch = VFIO_CDEV_SCRATCH_VA(pin->va);
	unsigned int left;
	int ret;

	ret = iommufd_ioas_map(domain->ctx->sys, domain->iommufd, domain->ioas_id, pin->va, scratch,
			       len);
	if (ret < 0)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret, pin->va, len);
	ret = extents_ask(pin, len);
	if (ret < 0)
		goto err_scratch;
	ret = extents_map(pin);
	if (ret < 0)
		goto err_scratch;
	ret = scratch_unmap(domain, pin->va, len);
	if (ret < 0)
		goto err_extents;
	held_release(pin->domain, pin->va, len);
	return 0;

err_extents:
	left = pin->count;
	extents_unmap(pin, &left);
err_scratch:
	range_undo(domain, scratch, len);
	return ret;
}

static void
pin_free(struct rte_vfio_cdev_pin *pin)
{
	free(pin->extents);
	free(pin);
}

int
rte_vfio_cdev_domain_pin(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t len,
			 struct rte_vfio_cdev_pin **pin)
{
	struct rte_vfio_cdev_pin *p;
	int ret = range_check(va, 0, len);

	if (ret < 0)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret, va, len);
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, -ENOMEM, va, len);
	p->domain = domain;
	p->va = va;
	domain_lock(domain);
	ret = domain_can_tell(domain, va, len);
	if (ret == 0)
		ret = memory_pin(p, len);
	ret = domain_unlock_with(domain, ret);
	if (ret < 0)
		pin_free(p);
	else
		*pin = p;
	return ret;
}

unsigned int
rte_vfio_cdev_pin_extents(const struct rte_vfio_cdev_pin *pin,
			  const struct rte_vfio_cdev_extent **extents)
{
	*extents = pin->extents;
	return pin->count;
}

int
rte_vfio_cdev_pin_release(struct rte_vfio_cdev_pin *pin)
{
	int ret;

	if (pin == NULL)
		return 0;
	domain_lock(pin->domain);
	ret = extents_unmap(pin, &pin->count);
	domain_unlock(pin->domain);
	if (ret == 0)
		pin_free(pin);
	return ret;
}
