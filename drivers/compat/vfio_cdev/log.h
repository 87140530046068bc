/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Log lines, on standard error or through syslog(3): RTE_VFIO_CDEV_LOG, e.g. "warning" or
 * "syslog:debug". They are written with sink_log().
 */

#ifndef COMPAT_VFIO_CDEV_LOG_H
#define COMPAT_VFIO_CDEV_LOG_H

#include "log_sink.h"

/* Read the environment, and return the highest level that is logged. Invalid values are logged. */
enum rte_vfio_cdev_log_level
log_level(void);

#endif /* COMPAT_VFIO_CDEV_LOG_H */
