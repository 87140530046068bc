/* SPDX-License-Identifier: BSD-3-Clause */

/* All private headers, for the unit tests. */

#ifndef VFIO_CDEV_PRIVATE_H
#define VFIO_CDEV_PRIVATE_H

#include "vfio_cdev_attach.h"
#include "vfio_cdev_check.h"
#include "vfio_cdev_ctx.h"
#include "vfio_cdev_device.h"
#include "vfio_cdev_domain.h"
#include "vfio_cdev_ioas.h"
#include "vfio_cdev_iova_range.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_mapping.h"
#include "vfio_cdev_mode.h"
#include "vfio_cdev_monitor.h"
#include "vfio_cdev_numa.h"
#include "vfio_cdev_piece.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_record.h"
#include "vfio_cdev_state.h"
#include "vfio_cdev_sysfs.h"
#include "vfio_cdev_tree.h"
#include "vfio_cdev_verify.h"

#endif /* VFIO_CDEV_PRIVATE_H */
