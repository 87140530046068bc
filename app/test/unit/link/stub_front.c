/* SPDX-License-Identifier: BSD-3-Clause */

/* To be preloaded: a function of DPDK 26.11's EAL, without a version as the backend's are. */

#include <stddef.h>

#include "fake_eal_own.h"

int
dev_vfio_setup_device(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd)
{
	(void)sysfs_base;
	(void)dev_addr;
	*vfio_dev_fd = FAKE_OWN_FD + 1;
	return 0;
}
