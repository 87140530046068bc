/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "log_sink.h"

#define LINE_LEN 640

struct log_sinks log_sinks;

void
sink_log(enum rte_vfio_cdev_log_level level, const char *format, ...)
{
	char line[LINE_LEN];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	if (log_sinks.front != NULL)
		log_sinks.front(level, line);
}

/* Of the thread between lib_log_defer() and lib_log_flush(): its first and last error. */
static __thread bool deferring;
static __thread char first[LINE_LEN], deferred[LINE_LEN];

void
lib_log(void *arg, enum rte_vfio_cdev_log_level level, const char *line)
{
	(void)arg;
	if (deferring && level <= RTE_VFIO_CDEV_LOG_ERR) {
		snprintf(deferred, sizeof(deferred), "%s", line);
		if (first[0] == '\0')
			snprintf(first, sizeof(first), "%s", line);
		level = RTE_VFIO_CDEV_LOG_DEBUG;
	}
	log_sinks.lib(level, line);
}

void
lib_log_defer(void)
{
	first[0] = deferred[0] = '\0';
	deferring = true;
}

void
lib_log_flush(bool print)
{
	deferring = false;
	if (print && deferred[0] != '\0')
		log_sinks.lib(RTE_VFIO_CDEV_LOG_WARNING, deferred);
}

void
lib_log_flush_all(bool print)
{
	deferring = false;
	if (print && strcmp(first, deferred) != 0)
		log_sinks.lib(RTE_VFIO_CDEV_LOG_ERR, first);
	if (print && deferred[0] != '\0')
		log_sinks.lib(RTE_VFIO_CDEV_LOG_ERR, deferred);
}
