/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the files of librte_vfio_cdev share.
 *
 * Locks: a domain has one mutex. It guards its HWPT, its device count, its
 * records and its counters, and is held over the ioctls that change them, so
 * that the records never disagree with the kernel. A ctx is constant after its
 * creation; a device after it was opened.
 */

#ifndef VFIO_CDEV_PRIVATE_H
#define VFIO_CDEV_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>

#include "iommufd.h"
#include "rte_vfio_cdev.h"

#ifdef __cplusplus
extern "C" {
#endif

struct rte_vfio_cdev_ctx {
	const struct iommufd_sys *sys;
	const char *sysfs;		/* "/sys", except in unit tests */
	rte_vfio_cdev_log_t log;
	void *log_arg;
};

struct rte_vfio_cdev_domain {
	struct rte_vfio_cdev_ctx *ctx;
	pthread_mutex_t lock;
	int iommufd;
	uint32_t ioas_id;
	uint32_t hwpt_id;		/* 0: no device was attached yet */
	void *records;			/* search tree of struct vfio_cdev_record */
	struct rte_vfio_cdev_stats stats;
};

struct rte_vfio_cdev_device {
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_info info;
	int fd;
};

/*
 * One mapping. A node of the tree (glibc: three words) and this one are both
 * 32 bytes of heap.
 */
struct vfio_cdev_record {
	uint64_t iova;
	uint64_t va;
	uint64_t pages_4k : 42;
	uint64_t page_shift : 6;
	uint64_t users : 16;
};

#define VFIO_CDEV_MAX_LEN (UINT64_C(1) << (42 + 12))
#define VFIO_CDEV_MAX_USERS UINT16_MAX

static inline uint64_t
record_len(const struct vfio_cdev_record *rec)
{
	return (uint64_t)rec->pages_4k << 12;
}

/* vfio_cdev_record.c: the tree, ordered by IOVA, without overlaps. */

/* Any record that overlaps [iova, iova + len), or NULL. */
struct vfio_cdev_record *
record_find(void *const *tree, uint64_t iova, uint64_t len);

/* 0, or -ENOMEM; -EEXIST if it overlaps one that is there. The tree then owns it. */
int
record_insert(void **tree, struct vfio_cdev_record *rec);

/* Take out one that is in the tree and free it. */
void
record_remove(void **tree, struct vfio_cdev_record *rec);

/* Free all of them. */
void
record_remove_all(void **tree);

/* vfio_cdev_ctx.c */

int
ctx_create(const struct iommufd_sys *sys, const char *sysfs, rte_vfio_cdev_log_t log,
	   void *log_arg, struct rte_vfio_cdev_ctx **ctx);

void
ctx_log(const struct rte_vfio_cdev_ctx *ctx, enum rte_vfio_cdev_log_level level,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * Log "what: step subject: cause; advice" and return err. Takes -errno as it
 * comes, so that a caller can write "return ctx_fail(...)".
 */
int
ctx_fail(const struct rte_vfio_cdev_ctx *ctx, const char *what, enum rte_vfio_cdev_step step,
	 int err, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* vfio_cdev_find.c */

bool
name_parse(const char *name, enum rte_vfio_cdev_mode *mode);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_PRIVATE_H */
