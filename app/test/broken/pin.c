/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A backend that is broken in one place: it learns where hugepages are, and then pins
 * other memory in their place.
 */

#include "iommufd.h"

#define HUGEPAGE (UINT64_C(2) << 20)
#define MOST 4096

__typeof__(iommufd_ioas_unmap) __real_iommufd_ioas_unmap, __wrap_iommufd_ioas_unmap;
__typeof__(iommufd_noiommu_get_pa) __real_iommufd_noiommu_get_pa, __wrap_iommufd_noiommu_get_pa;

/* Hugepages that are not pinned, and what the kernel has said of them. */
static struct {
	uint64_t iova;
	uint64_t phys;
} lost[MOST];
static unsigned int count;

static char other_memory[HUGEPAGE] __attribute__((aligned(4096)));

/* Both are called with the domain's lock held; there is one domain of this mode. */
int
__wrap_iommufd_noiommu_get_pa(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			      uint64_t iova, uint64_t *len, uint64_t *phys)
{
	unsigned int i;
	int ret;

	for (i = 0; i < count; i++)
		if (lost[i].iova == iova)
			break;
	if (i < count) {
		*phys = lost[i].phys;
		return 0;
	}
	ret = __real_iommufd_noiommu_get_pa(sys, iommufd, ioas_id, iova, len, phys);
	/* An area of another size is not unmapped by this one. */
	if (ret < 0 || count == MOST || iova % HUGEPAGE != 0 || *phys % HUGEPAGE != 0 ||
	    __real_iommufd_ioas_unmap(sys, iommufd, ioas_id, iova, HUGEPAGE) < 0)
		return ret;
	lost[count].iova = iova;
	lost[count++].phys = *phys;
	return iommufd_ioas_map(sys, iommufd, ioas_id, other_memory, HUGEPAGE, &iova);
}

int
__wrap_iommufd_ioas_unmap(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			  uint64_t iova, uint64_t len)
{
	for (unsigned int i = 0; i < count; i++)
		if (lost[i].iova == iova)
			lost[i--] = lost[--count];
	return __real_iommufd_ioas_unmap(sys, iommufd, ioas_id, iova, len);
}
