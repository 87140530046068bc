/* SPDX-License-Identifier: BSD-3-Clause */

/* Provisional pins of pages that are mapped several times (vfio_cdev_follow.c). */

#ifndef VFIO_CDEV_FOLLOW_H
#define VFIO_CDEV_FOLLOW_H

#include <stdint.h>

struct rte_vfio_cdev_domain;

/*
 * Memory is about to be unmapped. Pins of pages that the process maps elsewhere too become
 * those of the other mapping. The lock is held; nothing is allocated or logged.
 */
void
vfio_cdev_follow(struct rte_vfio_cdev_domain *domain, uintptr_t start, uint64_t len);

/* The length of a shared file's memory from a VA on, however it is split; 0: not known. */
uint64_t
vfio_cdev_segment_len(struct rte_vfio_cdev_domain *domain, const void *va);

#endif /* VFIO_CDEV_FOLLOW_H */
