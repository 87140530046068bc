/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The application's own memory in the default container: for the devices of both modes,
 * and for stock's.
 */

#ifndef BUS_VFIO_CDEV_DEFAULT_MAP_H
#define BUS_VFIO_CDEV_DEFAULT_MAP_H

#include <stdint.h>

/* As rte_vfio_container_dma_map(): 0, or -1 with rte_errno set. */
int
default_map(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len);

int
default_unmap(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len);

#endif /* BUS_VFIO_CDEV_DEFAULT_MAP_H */
