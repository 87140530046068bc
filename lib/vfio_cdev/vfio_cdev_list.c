/* SPDX-License-Identifier: BSD-3-Clause */

/* The list of mappings, read in parts. */

#include <errno.h>

#include "vfio_cdev_lock.h"
#include "vfio_cdev_state.h"

static enum rte_vfio_cdev_mapping_state
mapping_state(const struct vfio_cdev_record *rec)
{
	if (!rec->pinned)
		return RTE_VFIO_CDEV_PENDING;
	return rec->bar ? RTE_VFIO_CDEV_BAR : RTE_VFIO_CDEV_PINNED;
}

/* The addresses come from the kernel, not from the record. */
static void
mapping_query(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
	      uint64_t skip, struct rte_vfio_cdev_mapping *mapping)
{
	mapping->err = -ENODATA;
	if (mapping->state != RTE_VFIO_CDEV_PINNED || !domain->mode->reports_pa)
		return;
	mapping->err = vfio_cdev_area_phys(&domain->areas, rec->iova + skip, &mapping->first_phys);
	if (mapping->err == 0)
		mapping->err = vfio_cdev_area_phys(&domain->areas,
						   rec->iova + vfio_cdev_record_len(rec) -
							   mapping->page_size,
						   &mapping->last_phys);
}

static void
mapping_describe(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec,
		 uint64_t start, struct rte_vfio_cdev_mapping *mapping)
{
	const uint64_t page_size = UINT64_C(1) << rec->page_shift;
	const uint64_t key = domain->mode->key(rec);
	uint64_t skip = 0;

	if (key < start)
		skip = (start - key) & ~(page_size - 1);
	*mapping = (struct rte_vfio_cdev_mapping){
		.va = rec->va + skip,
		.iova = vfio_cdev_iova_at(rec->phys, skip),
		.len = vfio_cdev_record_len(rec) - skip,
		.page_size = page_size,
		.users = rec->users,
		.state = mapping_state(rec),
	};
	mapping_query(domain, rec, skip, mapping);
	if (rec->any && skip != 0)
		mapping->iova = mapping->err == 0 ? mapping->first_phys : RTE_VFIO_CDEV_IOVA_ANY;
}

unsigned int
rte_vfio_cdev_domain_mappings(struct rte_vfio_cdev_domain *domain, uint64_t start,
			      struct rte_vfio_cdev_mapping *mappings, unsigned int size)
{
	const uint64_t page = start & ~(VFIO_CDEV_UNIT - 1);
	uint64_t leave = start - page;
	const struct vfio_cdev_record *rec = NULL;
	unsigned int count = 0;

	vfio_cdev_lock(domain);
	while (count < size) {
		rec = vfio_cdev_tree_next(&domain->tree, rec, UINT64_MAX, page);
		if (rec == NULL)
			break;
		if (start != page && domain->mode->key(rec) < page)
			continue;
		if (leave > 1 && domain->mode->key(rec) == page)
			leave--;
		else
			mapping_describe(domain, rec, page, &mappings[count++]);
	}
	vfio_cdev_unlock(domain);
	return count;
}
