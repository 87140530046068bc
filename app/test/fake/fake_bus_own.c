/* SPDX-License-Identifier: BSD-3-Clause */

/* A bus of DPDK 26.11: its calls name the version "INTERNAL" of the EAL's functions. */

#include "fake_eal_own.h"

int
fake_bus_map(const char *dev_addr)
{
	int fd;

	return dev_vfio_setup_device("/sys/bus/pci/devices", dev_addr, &fd) == 0 ? fd : -1;
}
