/* SPDX-License-Identifier: BSD-3-Clause */

#include "fake_eal_own.h"

static unsigned int setups;

int
dev_vfio_enable(void)
{
	return 0;
}

int
dev_vfio_setup_device(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd)
{
	(void)sysfs_base;
	(void)dev_addr;
	setups++;
	*vfio_dev_fd = FAKE_OWN_FD;
	return 0;
}

unsigned int
fake_own_setups(void)
{
	return setups;
}
