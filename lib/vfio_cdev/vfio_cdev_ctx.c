/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vfio_cdev_ctx.h"
#include "vfio_cdev_lock.h"

/* Room for a sentence with a path, a cause and advice; longer ones are cut. */
#define LINE_LEN 640

#define SYSFS "/sys"
#define PROC "/proc"
#define DEV "/dev"
/* Of a path given for these: there is room for what is below it. */
#define MOST_PATH (PATH_MAX / 2)

/* Copy a path, or the default for NULL, to *room, which is left behind it. */
static const char *
path_copy(const char *path, const char *otherwise, char **room)
{
	char *copy = *room;

	*room = stpcpy(copy, path != NULL ? path : otherwise) + 1;
	return copy;
}

static size_t
path_room(const char *path, const char *otherwise)
{
	return strlen(path != NULL ? path : otherwise) + 1;
}

static int
ctx_create(const struct iommufd_sys *sys, const char *sysfs, const char *proc, const char *dev,
	   rte_vfio_cdev_log_t log, void *log_arg, struct rte_vfio_cdev_ctx **ctx)
{
	const size_t sysfs_room = path_room(sysfs, SYSFS), proc_room = path_room(proc, PROC);
	const size_t dev_room = path_room(dev, DEV);
	struct rte_vfio_cdev_ctx *c;
	char *room;

	if (sysfs_room > MOST_PATH || proc_room > MOST_PATH || dev_room > MOST_PATH)
		return -ENAMETOOLONG;
	c = calloc(1, sizeof(*c) + sizeof(*c->open_nodes) + sysfs_room + proc_room + dev_room);
	if (c == NULL)
		return -ENOMEM;
	c->open_nodes = (struct vfio_cdev_open_nodes *)(c + 1);
	pthread_mutex_init(&c->open_nodes->lock, NULL);
	room = (char *)(c->open_nodes + 1);
	c->sys = sys;
	c->page = sys->page_size();
	c->sysfs = path_copy(sysfs, SYSFS, &room);
	c->proc = path_copy(proc, PROC, &room);
	c->dev = path_copy(dev, DEV, &room);
	c->log = log;
	c->log_arg = log_arg;
	c->level = RTE_VFIO_CDEV_LOG_DEBUG;
	*ctx = c;
	return 0;
}

int
vfio_cdev_ctx_create(const struct iommufd_sys *sys, const char *sysfs, rte_vfio_cdev_log_t log,
		     void *log_arg, struct rte_vfio_cdev_ctx **ctx)
{
	return ctx_create(sys, sysfs, NULL, NULL, log, log_arg, ctx);
}

int
rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx)
{
	return rte_vfio_cdev_ctx_create_at(NULL, NULL, NULL, log, arg, ctx);
}

int
rte_vfio_cdev_ctx_create_at(const char *sysfs, const char *proc, const char *dev,
			    rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx)
{
	return ctx_create(&iommufd_sys_linux, sysfs, proc, dev, log, arg, ctx);
}

void
rte_vfio_cdev_ctx_set_level(struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_log_level level)
{
	__atomic_store_n(&ctx->level, level, __ATOMIC_RELAXED);
}

void
rte_vfio_cdev_ctx_free(struct rte_vfio_cdev_ctx *ctx)
{
	if (ctx == NULL)
		return;
	pthread_mutex_destroy(&ctx->open_nodes->lock);
	free(ctx->open_nodes->nodes);
	free(ctx);
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
	ctx->log(ctx->log_arg, level, rte_vfio_cdev_text_clean(line));
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
	[RTE_VFIO_CDEV_STEP_URING] = "cannot use",
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
		      what, step_text[step], subject, strerror(-err), advice[0] != '\0' ? "; " : "",
		      advice);
	return err;
}
