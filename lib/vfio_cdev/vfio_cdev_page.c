/* SPDX-License-Identifier: BSD-3-Clause */

/* One page: pinned first, so that its physical address stays what the kernel reports. */

#include <errno.h>

#include "vfio_cdev_check.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_verify.h"

/* A mapping of exactly this page, pinned or pending, or NULL. */
static struct vfio_cdev_record *
page_find(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *page)
{
	struct vfio_cdev_record *rec = NULL;

	while ((rec = vfio_cdev_tree_next(&domain->tree, rec, page->va, page->va)) != NULL)
		if (rec->units == page->units && rec->va == page->va &&
		    rec->page_shift == page->page_shift && !rec->bar &&
		    !vfio_cdev_record_is_pin(rec))
			break;
	return rec;
}

/* A mapping of exactly this page may be planned: it is pinned now. */
static int
page_pin(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *page, uint64_t *phys)
{
	struct vfio_cdev_record *rec = page_find(domain, page);
	int ret;

	if (rec == NULL) {
		ret = vfio_cdev_mapping_create(domain, page, NULL, NULL, &rec);
		if (ret < 0)
			return ret;
	} else if (!rec->pinned) {
		ret = vfio_cdev_mapping_pin_pending(domain, rec);
		if (ret < 0)
			return ret;
		vfio_cdev_record_rely(rec);
	}
	vfio_cdev_provisional_replace_locked(domain, vfio_cdev_record_va(page),
					     vfio_cdev_record_len(page));
	rec->any = 0;
	*phys = rec->phys;
	return 0;
}

static int
page_query(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *page, uint64_t *phys)
{
	const void *va = vfio_cdev_record_va(page);
	const uint64_t len = vfio_cdev_record_len(page);
	struct vfio_cdev_record *rec = NULL;
	int ret;

	do {
		rec = vfio_cdev_record_around(domain, rec, va, len);
	} while (rec != NULL && !vfio_cdev_mapping_is_known(domain, rec));
	if (rec == NULL)
		return page_pin(domain, page, phys);
	vfio_cdev_record_rely(rec);
	ret = vfio_cdev_mapping_phys(domain, rec, page->va - rec->va, phys);
	/* Contiguous base pages are not a page of this size. */
	if (ret == 0 && (*phys & (len - 1)) != 0)
		ret = -EINVAL;
	return ret < 0 ? vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, ret, va, len) : 0;
}

int
rte_vfio_cdev_domain_pin_page(struct rte_vfio_cdev_domain *domain, const void *va,
			      uint64_t page_size, uint64_t *phys)
{
	uint64_t found;
	int ret;

	ret = vfio_cdev_args_check(domain, va, 0, page_size, page_size);
	if (ret < 0)
		return vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_MAP, ret, va, page_size);

	vfio_cdev_lock(domain);
	ret = vfio_cdev_phys_check(domain, va, page_size);
	if (ret == 0)
		ret = page_query(domain,
				 &VFIO_CDEV_RECORD(va, RTE_VFIO_CDEV_IOVA_ANY, page_size,
						   page_size),
				 &found);
	ret = vfio_cdev_unlock_with(domain, ret);
	if (ret == 0)
		*phys = found;
	return ret;
}

int
rte_vfio_cdev_domain_phys(struct rte_vfio_cdev_domain *domain, const void *va, uint64_t *phys)
{
	const uint64_t offset = (uintptr_t)va & (domain->ctx->page - 1);
	const void *page = (const char *)va - offset;
	uint64_t start;
	int ret;

	vfio_cdev_lock(domain);
	ret = vfio_cdev_phys_check(domain, page, domain->ctx->page);
	if (ret == 0) {
		ret = vfio_cdev_page_phys(domain, page, &start);
		if (ret < 0)
			vfio_cdev_memory_fail(domain, RTE_VFIO_CDEV_STEP_VERIFY, ret, page,
					      domain->ctx->page);
	}
	ret = vfio_cdev_unlock_with(domain, ret);
	if (ret == 0)
		*phys = start + offset;
	return ret;
}
