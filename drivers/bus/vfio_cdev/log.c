/* SPDX-License-Identifier: BSD-3-Clause */

/* Lines go through rte_log, as the types bus.vfio_cdev and lib.vfio_cdev. */

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "eal_api.h"
#include "log.h"

#define LINE_LEN 640

/* The EAL's levels are those of syslog and one more (rte_log.h). */
#define EAL_LEVEL(level) ((uint32_t)(level) + 1)

static int bus_type;
static int lib_type;
static pthread_once_t types_once = PTHREAD_ONCE_INIT;

/* At first use, since a constructor would run in programs without an EAL too. */
static void
types_init(void)
{
	bus_type = eal_api()->log_register("bus.vfio_cdev", RTE_LOG_INFO);
	lib_type = eal_api()->log_register("lib.vfio_cdev", RTE_LOG_INFO);
	if (bus_type < 0)
		bus_type = RTE_LOGTYPE_EAL;
	if (lib_type < 0)
		lib_type = RTE_LOGTYPE_EAL;
}

static void
line_log(const int *type, enum rte_vfio_cdev_log_level level, const char *line)
{
	pthread_once(&types_once, types_init);
	eal_api()->log(EAL_LEVEL(level), *type, "VFIO_CDEV: %s\n", line);
}

void
bus_log(enum rte_vfio_cdev_log_level level, const char *format, ...)
{
	char line[LINE_LEN];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	line_log(&bus_type, level, line);
}

/* Of the thread between lib_log_defer() and lib_log_flush(): its last error. */
static __thread bool deferring;
static __thread char deferred[LINE_LEN];

void
lib_log(void *arg, enum rte_vfio_cdev_log_level level, const char *line)
{
	(void)arg;
	if (deferring && level <= RTE_VFIO_CDEV_LOG_ERR) {
		snprintf(deferred, sizeof(deferred), "%s", line);
		level = RTE_VFIO_CDEV_LOG_DEBUG;
	}
	line_log(&lib_type, level, line);
}

void
lib_log_defer(void)
{
	deferred[0] = '\0';
	deferring = true;
}

void
lib_log_flush(bool print)
{
	deferring = false;
	if (print && deferred[0] != '\0')
		line_log(&lib_type, RTE_VFIO_CDEV_LOG_WARNING, deferred);
}
