/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A backend that is broken in one place: once the EAL has started the kernel does not report
 * addresses any more. Telemetry has threads of its own.
 */

#include <errno.h>
#include <unistd.h>

#include "iommufd.h"

__typeof__(iommufd_noiommu_get_pa) __real_iommufd_noiommu_get_pa, __wrap_iommufd_noiommu_get_pa;

int
__wrap_iommufd_noiommu_get_pa(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			      uint64_t iova, uint64_t *len, uint64_t *phys)
{
	if (gettid() != getpid())
		return -EPERM;
	return __real_iommufd_noiommu_get_pa(sys, iommufd, ioas_id, iova, len, phys);
}
