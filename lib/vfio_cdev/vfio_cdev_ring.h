/* SPDX-License-Identifier: BSD-3-Clause */

/* Areas that io_uring pins, for devices without a cdev (vfio_cdev_ring.c). */

#ifndef VFIO_CDEV_RING_H
#define VFIO_CDEV_RING_H

#include "vfio_cdev_areas.h"

extern const struct vfio_cdev_area_ops vfio_cdev_ring_ops;

#endif /* VFIO_CDEV_RING_H */
