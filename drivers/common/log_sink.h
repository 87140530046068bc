/* SPDX-License-Identifier: BSD-3-Clause */

/* Log lines of what the fronts share, and of librte_vfio_cdev. */

#ifndef DRIVERS_COMMON_LOG_SINK_H
#define DRIVERS_COMMON_LOG_SINK_H

#include <stdbool.h>

#include "rte_vfio_cdev.h"

typedef void (*log_sink_t)(enum rte_vfio_cdev_log_level level, const char *line);

/* Where lines go: set by a constructor of the front, before anything is logged. */
extern struct log_sinks {
	log_sink_t front;
	log_sink_t lib;
} log_sinks;

/* Log a line of the front. */
void
sink_log(enum rte_vfio_cdev_log_level level, const char *format, ...)
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

/* The same, but the first one is logged as well, and both as errors: cause and effect. */
void
lib_log_flush_all(bool print);

#endif /* DRIVERS_COMMON_LOG_SINK_H */
