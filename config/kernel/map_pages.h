/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Compiled into iommufd's hwpt_noiommu.c (devtools/testvm/kmod.py) for a kernel without
 * CONFIG_IOMMU_PT, arm64's for one. iommu_map() of such a kernel does not know the functions of a
 * generic page table (iommupt_from_domain() of include/linux/generic_pt/iommu.h). It calls those of
 * the domain, which then pass the range on. A range that iommu_pgsize() has cut for unmap_pages()
 * never ends inside of one that it has cut for map_pages(), since it is aligned to the same sizes.
 */

#include <linux/generic_pt/iommu.h>

static int
map_pages(struct iommu_domain *domain, unsigned long iova, phys_addr_t paddr, size_t pgsize,
	  size_t pgcount, int prot, gfp_t gfp, size_t *mapped)
{
	struct pt_iommu *table = container_of(domain, struct pt_iommu, domain);

	return table->ops->map_range(table, iova, paddr, pgsize * pgcount, prot, gfp, mapped);
}

static size_t
unmap_pages(struct iommu_domain *domain, unsigned long iova, size_t pgsize, size_t pgcount,
	    struct iommu_iotlb_gather *gather)
{
	struct pt_iommu *table = container_of(domain, struct pt_iommu, domain);

	return table->ops->unmap_range(table, iova, pgsize * pgcount, gather);
}

#undef IOMMU_PT_DOMAIN_OPS
#define IOMMU_PT_DOMAIN_OPS(format) \
	.map_pages = map_pages, .unmap_pages = unmap_pages, \
	.iova_to_phys = pt_iommu_##format##_iova_to_phys
