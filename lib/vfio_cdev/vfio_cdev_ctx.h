/* SPDX-License-Identifier: BSD-3-Clause */

/* A context: paths of the machine, and the log (vfio_cdev_ctx.c). */

#ifndef VFIO_CDEV_CTX_H
#define VFIO_CDEV_CTX_H

#include <pthread.h>

#include "iommufd.h"
#include "rte_vfio_cdev.h"

struct vfio_cdev_open_node;

/* The device nodes that processes had open a moment ago (vfio_cdev_openers.c). */
struct vfio_cdev_open_nodes {
	pthread_mutex_t lock;
	struct vfio_cdev_open_node *nodes;
	size_t count;
	uint64_t read; /* when, in ns of iommufd_sys.now(); 0: never */
};

struct rte_vfio_cdev_ctx {
	const struct iommufd_sys *sys;
	uint64_t page;	   /* size of base pages */
	const char *sysfs; /* "/sys", "/proc", "/dev", or what the caller has */
	const char *proc;
	const char *dev;
	rte_vfio_cdev_log_t log;
	void *log_arg;
	int level; /* highest level that is logged; atomic */
	struct vfio_cdev_open_nodes *open_nodes;
};

int
vfio_cdev_ctx_create(const struct iommufd_sys *sys, const char *sysfs, rte_vfio_cdev_log_t log,
		     void *log_arg, struct rte_vfio_cdev_ctx **ctx);

void
vfio_cdev_log(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_log_level level,
	      const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Log "what: step subject: cause; advice" and return err, which is -errno: a caller
 * can write "return vfio_cdev_fail(...)".
 */
int
vfio_cdev_fail(const struct rte_vfio_cdev_ctx *ctx, const char *what, enum rte_vfio_cdev_step step,
	       int err, const char *format, ...) __attribute__((format(printf, 5, 6)));

#endif /* VFIO_CDEV_CTX_H */
