/* SPDX-License-Identifier: BSD-3-Clause */

/* Telling what is mapped, a few mappings at a time. */

#include <errno.h>

#include "vfio_cdev_private.h"

static enum rte_vfio_cdev_mapping_state
mapping_state(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	if (!domain->ready)
		return RTE_VFIO_CDEV_PENDING;
	return rec->bar ? RTE_VFIO_CDEV_BAR : RTE_VFIO_CDEV_PINNED;
}

static int
phys_ask(const struct rte_vfio_cdev_domain *domain, uint64_t iova, uint64_t *phys)
{
	uint64_t len = BASE_PAGE;

	return iommufd_noiommu_get_pa(domain->ctx->sys, domain->iommufd, domain->ioas_id, iova,
				      &len, phys);
}

/* What the record says is not taken for the kernel's word. */
static void
mapping_ask(const struct rte_vfio_cdev_domain *domain, struct rte_vfio_cdev_mapping *mapping)
{
	mapping->err = -ENODATA;
	if (mapping->state != RTE_VFIO_CDEV_PINNED || !domain->mode->tells_pa)
		return;
	mapping->err = phys_ask(domain, mapping->iova, &mapping->first_phys);
	if (mapping->err == 0)
		mapping->err = phys_ask(domain, mapping->iova + mapping->len - mapping->page_size,
					&mapping->last_phys);
}

static void
mapping_tell(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
	     uint64_t start, struct rte_vfio_cdev_mapping *mapping)
{
	const uint64_t page_size = UINT64_C(1) << rec->page_shift;
	uint64_t skip = 0;

	if (rec->iova < start)
		skip = (start - rec->iova) & ~(page_size - 1);
	*mapping = (struct rte_vfio_cdev_mapping){
		.va = rec->va + skip,
		.iova = rec->iova + skip,
		.len = record_len(rec) - skip,
		.page_size = page_size,
		.users = rec->users,
		.state = mapping_state(domain, rec),
	};
	mapping_ask(domain, mapping);
}

unsigned int
rte_vfio_cdev_domain_mappings(struct rte_vfio_cdev_domain *domain, uint64_t start,
			      struct rte_vfio_cdev_mapping *mappings, unsigned int size)
{
	const struct vfio_cdev_record *rec;
	unsigned int count = 0;

	domain_lock(domain);
	for (rec = record_next(&domain->records, start); rec != NULL && count < size;
	     rec = record_after(&domain->records, rec))
		mapping_tell(domain, rec, start, &mappings[count++]);
	domain_unlock(domain);
	return count;
}
