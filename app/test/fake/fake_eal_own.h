/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The VFIO functions of DPDK 26.11 (lib/eal/linux/include/dev_vfio.h), of which programs
 * have no declarations, and how DPDK's own libraries call them.
 */

#ifndef FAKE_EAL_OWN_H
#define FAKE_EAL_OWN_H

int
dev_vfio_enable(void);

int
dev_vfio_setup_device(const char *sysfs_base, const char *dev_addr, int *vfio_dev_fd);

/* How often the EAL's own dev_vfio_setup_device() was called. */
unsigned int
fake_own_setups(void);

/* The fd that it gives. */
#define FAKE_OWN_FD 123

/* As librte_bus_pci calls it: the fd, or a negative value. */
int
fake_bus_map(const char *dev_addr);

#endif /* FAKE_EAL_OWN_H */
