/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A backend that is broken in one place: each device that it binds once there is an IOAS costs a
 * pin of a small page.
 */

#include <stdalign.h>

#include "iommufd.h"

#define PAGE 4096

__typeof__(iommufd_ioas_alloc) __real_iommufd_ioas_alloc, __wrap_iommufd_ioas_alloc;
__typeof__(iommufd_device_bind) __real_iommufd_device_bind, __wrap_iommufd_device_bind;

static uint32_t ioas;
static alignas(PAGE) char page[PAGE];

int
__wrap_iommufd_ioas_alloc(const struct iommufd_sys *sys, int iommufd, uint32_t *ioas_id)
{
	int ret = __real_iommufd_ioas_alloc(sys, iommufd, ioas_id);

	if (ret == 0)
		ioas = *ioas_id;
	return ret;
}

int
__wrap_iommufd_device_bind(const struct iommufd_sys *sys, int cdev, int iommufd, const void *token,
			   uint32_t *dev_id)
{
	uint64_t iova = IOMMUFD_IOVA_ANY;

	if (ioas != 0)
		iommufd_ioas_map(sys, iommufd, ioas, page, PAGE, &iova);
	return __real_iommufd_device_bind(sys, cdev, iommufd, token, dev_id);
}
