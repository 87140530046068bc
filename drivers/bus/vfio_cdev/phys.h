/* SPDX-License-Identifier: BSD-3-Clause */

/* Physical addresses: rte_mem_virt2phy() and its like are in phys.c. */

#ifndef BUS_VFIO_CDEV_PHYS_H
#define BUS_VFIO_CDEV_PHYS_H

/*
 * Prime the domain now if addresses will be wanted that only the IOAS can give: the EAL
 * wants the first ones with its memory lock held. No lock may be held.
 */
void
phys_prepare(void);

#endif /* BUS_VFIO_CDEV_PHYS_H */
