/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A backend that is broken in one place: it learns where hugepages are, and then lets
 * go of them. The areas that it remembers are nowhere in the kernel.
 */

#include "iommufd.h"

#define HUGEPAGE (UINT64_C(2) << 20)
#define MOST 4096
#define NOWHERE (UINT64_C(1) << 60)

__typeof__(iommufd_ioas_map) __real_iommufd_ioas_map, __wrap_iommufd_ioas_map;
__typeof__(iommufd_ioas_unmap) __real_iommufd_ioas_unmap, __wrap_iommufd_ioas_unmap;
__typeof__(iommufd_noiommu_get_pa) __real_iommufd_noiommu_get_pa, __wrap_iommufd_noiommu_get_pa;

/* As the kernel reported them. All is called with the domain's lock held. */
static uint64_t addresses[MOST];
static unsigned int count;

int
__wrap_iommufd_ioas_map(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			const void *va, uint64_t len, uint64_t *iova)
{
	int ret = __real_iommufd_ioas_map(sys, iommufd, ioas_id, va, len, iova);
	uint64_t one = 1;

	if (ret < 0 || len != HUGEPAGE || count == MOST ||
	    __real_iommufd_noiommu_get_pa(sys, iommufd, ioas_id, *iova, &one, &addresses[count]) <
		    0)
		return ret;
	__real_iommufd_ioas_unmap(sys, iommufd, ioas_id, *iova, len);
	*iova = NOWHERE + count++ * HUGEPAGE;
	return 0;
}

int
__wrap_iommufd_noiommu_get_pa(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			      uint64_t iova, uint64_t *len, uint64_t *phys)
{
	if (iova < NOWHERE)
		return __real_iommufd_noiommu_get_pa(sys, iommufd, ioas_id, iova, len, phys);
	*phys = addresses[(iova - NOWHERE) / HUGEPAGE] + iova % HUGEPAGE;
	return 0;
}

int
__wrap_iommufd_ioas_unmap(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			  uint64_t iova, uint64_t len)
{
	return iova < NOWHERE ? __real_iommufd_ioas_unmap(sys, iommufd, ioas_id, iova, len) : 0;
}
