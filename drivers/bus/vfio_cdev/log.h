/* SPDX-License-Identifier: BSD-3-Clause */

/* Lines of the backend and of the library, through rte_log. */

#ifndef BUS_VFIO_CDEV_LOG_H
#define BUS_VFIO_CDEV_LOG_H

#include <stdbool.h>

#include "rte_vfio_cdev.h"

/* Log as bus.vfio_cdev; lines of the library go to lib.vfio_cdev. */
void
bus_log(enum rte_vfio_cdev_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The library's callback. */
void
lib_log(void *arg, enum rte_vfio_cdev_log_level level, const char *line);

/*
 * From lib_log_defer() to lib_log_flush() the library's errors on the calling thread are
 * lines for debugging; the flush logs the last of them as a warning, if it is to print it.
 */
void
lib_log_defer(void);

void
lib_log_flush(bool print);

#endif /* BUS_VFIO_CDEV_LOG_H */
