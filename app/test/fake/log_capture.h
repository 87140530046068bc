/* SPDX-License-Identifier: BSD-3-Clause */

/* Keeps log lines for a test to look at. Any thread may add one. */

#ifndef LOG_CAPTURE_H
#define LOG_CAPTURE_H

#include <stdbool.h>

#include "rte_vfio_cdev.h"

/* A rte_vfio_cdev_log_t; the argument is not used. */
void
log_capture(void *arg, enum rte_vfio_cdev_log_level level, const char *line);

void
log_clear(void);

/* Does one line of this level have all of these words (NULL ends the list)? */
bool
log_has(enum rte_vfio_cdev_log_level level, const char *const *words);

unsigned int
log_count(enum rte_vfio_cdev_log_level level);

/* An address or a number as a line has it. Static memory, for a few of them at once. */
const char *
log_hex(uint64_t value);

const char *
log_number(uint64_t value);

/* All lines, for a message. Static memory. */
const char *
log_text(void);

#endif /* LOG_CAPTURE_H */
