/* SPDX-License-Identifier: BSD-3-Clause */

/* A backend that is broken in one place: it loses an unmap in four. */

#include <stdint.h>

#include "iommufd.h"

#define LOST 4

__typeof__(iommufd_ioas_unmap) __real_iommufd_ioas_unmap, __wrap_iommufd_ioas_unmap;

/* Called with the domain's lock held. */
int
__wrap_iommufd_ioas_unmap(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			  uint64_t iova, uint64_t len)
{
	static unsigned int count;

	if (++count % LOST == 0)
		return 0;
	return __real_iommufd_ioas_unmap(sys, iommufd, ioas_id, iova, len);
}
