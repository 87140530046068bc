/* SPDX-License-Identifier: BSD-3-Clause */

/* Lines go through rte_log, as the types bus.vfio_cdev and lib.vfio_cdev. */

#include <pthread.h>

#include "eal_api.h"
#include "log_sink.h"

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

static void
bus_line(enum rte_vfio_cdev_log_level level, const char *line)
{
	line_log(&bus_type, level, line);
}

static void
lib_line(enum rte_vfio_cdev_log_level level, const char *line)
{
	line_log(&lib_type, level, line);
}

__attribute__((constructor)) static void
log_start(void)
{
	log_sinks = (struct log_sinks){ bus_line, lib_line };
}
