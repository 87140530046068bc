/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A backend that is broken in one place: it learns where pages are, and lets go of
 * them. It believes that it has copied them to their IOVA.
 */

#include <errno.h>

#include "iommufd.h"

__typeof__(iommufd_ioas_copy) __wrap_iommufd_ioas_copy;
__typeof__(iommufd_ioas_unmap) __real_iommufd_ioas_unmap, __wrap_iommufd_ioas_unmap;
__typeof__(iommufd_noiommu_get_pa) __real_iommufd_noiommu_get_pa, __wrap_iommufd_noiommu_get_pa;

int
__wrap_iommufd_ioas_copy(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			 uint64_t from, uint64_t to, uint64_t len)
{
	(void)sys;
	(void)iommufd;
	(void)ioas_id;
	(void)from;
	(void)to;
	(void)len;
	return 0;
}

int
__wrap_iommufd_noiommu_get_pa(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			      uint64_t iova, uint64_t *len, uint64_t *phys)
{
	const uint64_t wanted = *len;
	int ret = __real_iommufd_noiommu_get_pa(sys, iommufd, ioas_id, iova, len, phys);

	/* IOAS 0 is none: so one asks whether there is such a call. */
	if (ret != -ENOENT || ioas_id == 0)
		return ret;
	*len = wanted;
	*phys = iova;
	return 0;
}

int
__wrap_iommufd_ioas_unmap(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			  uint64_t iova, uint64_t len)
{
	int ret = __real_iommufd_ioas_unmap(sys, iommufd, ioas_id, iova, len);

	return ret == -ENOENT ? 0 : ret;
}
