/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The machine as the tools look at it: files of /sys, /proc, /dev and /boot, and
 * librte_vfio_cdev for the devices. Unit tests give it another root.
 */

#ifndef APP_HOST_H
#define APP_HOST_H

#include <stddef.h>

#include "rte_vfio_cdev.h"

#ifdef __cplusplus
extern "C" {
#endif

struct host {
	const char *root;		/* before each path; "" but in unit tests */
	struct rte_vfio_cdev_ctx *ctx;	/* says nothing of its own accord */
	char *sysfs;			/* what ctx looks at below another root, or NULL */
	char *proc;
};

/* 0 or -ENOMEM; host_close() it. The root stays the caller's. */
int
host_open(const char *root, struct host *host);

void
host_close(struct host *host);

/*
 * The first line of a file, without its newline, and with a question mark for each
 * byte that is not to be printed; the path is made as by printf and starts with a
 * slash. Returns its length or -errno (-EMSGSIZE: it is longer), and "" in line then.
 */
int
host_line(const struct host *host, char *line, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* The last component of what a symbolic link points to. Returns as host_line(). */
int
host_link(const struct host *host, char *name, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#ifdef __cplusplus
}
#endif

#endif /* APP_HOST_H */
