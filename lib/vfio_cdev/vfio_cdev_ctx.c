/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfio_cdev_ctx.h"
#include "vfio_cdev_lock.h"

/* Room for a sentence with a path, a cause and advice; longer ones are cut. */
#define LINE_LEN 640

int
vfio_cdev_ctx_create(const struct iommufd_sys *sys, const char *sysfs, rte_vfio_cdev_log_t log,
		     void *log_arg, struct rte_vfio_cdev_ctx **ctx)
{
	struct rte_vfio_cdev_ctx *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return -ENOMEM;
	c->sys = sys;
	c->sysfs = sysfs;
	c->proc = "/proc";
	c->log = log;
	c->log_arg = log_arg;
	c->level = RTE_VFIO_CDEV_LOG_DEBUG;
	*ctx = c;
	return 0;
}

int
rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx)
{
	return vfio_cdev_ctx_create(&iommufd_sys_linux, "/sys", log, arg, ctx);
}

void
rte_vfio_cdev_ctx_set_level(struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_log_level level)
{
	__atomic_store_n(&ctx->level, level, __ATOMIC_RELAXED);
}

void
rte_vfio_cdev_ctx_free(struct rte_vfio_cdev_ctx *ctx)
{
	free(ctx);
}

/* Text from sysfs or a caller may have control characters; a line must be one line. */
static void
line_clean(char *line)
{
	for (; *line != '\0'; line++)
		if ((unsigned char)*line < ' ' || *line == '\177')
			*line = '?';
}

void
vfio_cdev_log(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_log_level level,
	      const char *format, ...)
{
	char line[LINE_LEN];
	va_list ap;

	if (ctx->log == NULL || vfio_cdev_is_hooked() ||
	    (int)level > __atomic_load_n(&ctx->level, __ATOMIC_RELAXED))
		return;
	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	line_clean(line);
	ctx->log(ctx->log_arg, level, line);
}

static const char *const step_text[] = {
	[RTE_VFIO_CDEV_STEP_FIND] = "cannot find the cdev in",
	[RTE_VFIO_CDEV_STEP_OPEN] = "cannot open",
	[RTE_VFIO_CDEV_STEP_IOMMUFD] = "cannot open",
	[RTE_VFIO_CDEV_STEP_PROBE] = "cannot use",
	[RTE_VFIO_CDEV_STEP_BIND] = "cannot bind",
	[RTE_VFIO_CDEV_STEP_ATTACH] = "cannot attach",
	[RTE_VFIO_CDEV_STEP_MAP] = "cannot map",
	[RTE_VFIO_CDEV_STEP_VERIFY] = "cannot confirm",
	[RTE_VFIO_CDEV_STEP_UNMAP] = "cannot unmap",
	[RTE_VFIO_CDEV_STEP_IMPORT] = "cannot take over",
};

int
vfio_cdev_fail(const struct rte_vfio_cdev_ctx *ctx, const char *what, enum rte_vfio_cdev_step step,
	       int err, const char *format, ...)
{
	const char *advice = rte_vfio_cdev_advice(step, -err);
	char subject[LINE_LEN / 4];
	va_list ap;

	va_start(ap, format);
	vsnprintf(subject, sizeof(subject), format, ap);
	va_end(ap);
	/* The given address may be of any length: leave room for the cause. */
	vfio_cdev_log(ctx, RTE_VFIO_CDEV_LOG_ERR, "%.*s: %s %s: %s%s%s", RTE_VFIO_CDEV_ADDR_LEN,
		      what, step_text[step], subject, strerror(-err),
		      advice[0] != '\0' ? "; " : "", advice);
	return err;
}
