/* SPDX-License-Identifier: BSD-3-Clause */

/* A backend that is broken in one place: each device that it binds costs an fd. */

#include <fcntl.h>

#include "iommufd.h"

__typeof__(iommufd_device_bind) __real_iommufd_device_bind, __wrap_iommufd_device_bind;

int
__wrap_iommufd_device_bind(const struct iommufd_sys *sys, int cdev, int iommufd, const void *token,
			   uint32_t *dev_id)
{
	fcntl(iommufd, F_DUPFD_CLOEXEC, 0);
	return __real_iommufd_device_bind(sys, cdev, iommufd, token, dev_id);
}
