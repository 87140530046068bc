/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The machine as the tools look at it: files of /sys, /proc, /dev and /boot, and
 * librte_vfio_cdev for the devices. Unit tests give it another root.
 */

#ifndef APP_HOST_H
#define APP_HOST_H

#include <dirent.h>
#include <limits.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rte_vfio_cdev.h"

#ifdef __cplusplus
extern "C" {
#endif

struct host {
	const char *root;	       /* before each path; "" but in unit tests */
	struct rte_vfio_cdev_ctx *ctx; /* of that root; does not log */
};

/* 0, -ENAMETOOLONG or -ENOMEM; host_close() it. The root stays the caller's. */
int
host_open(const char *root, struct host *host);

void
host_close(struct host *host);

/* Make a path below the root, as by printf: 0 or -ENAMETOOLONG. What is relative stays so. */
int
host_path(const struct host *host, char path[PATH_MAX], const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * The first line of a file, without its newline, and with a question mark for each
 * byte that is not to be printed; the path is made as by printf and starts with a
 * slash. Returns its length or -errno (-EMSGSIZE: it is longer), and "" in line then.
 */
int
host_line(const struct host *host, char *line, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* A number in a file of its own, to that base (10, 16); -1 if it holds none or a negative one. */
long
host_number(const struct host *host, int base, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The last component of what a symbolic link points to. Returns as host_line(). */
int
host_link(const struct host *host, char *name, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * The first line of a file, compressed or not, that matches a pattern of
 * fnmatch(3), as host_line() gives it; what is longer is cut. -ENODATA: none does.
 */
int
host_find(const struct host *host, char *line, size_t size, const char *pattern, const char *format,
	  ...) __attribute__((format(printf, 5, 6)));

/* The names in a directory, but for those with a dot first, sorted. Their number or -errno. */
int
host_names(const struct host *host, struct dirent ***names, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

void
host_names_free(struct dirent **names, int count);

/* 0 or -errno: may this process, as it is now, do that (R_OK, W_OK, X_OK; F_OK)? */
int
host_access(const struct host *host, int mode, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Is there a file? */
#define host_has(host, ...) (host_access(host, F_OK, __VA_ARGS__) == 0)

/* 0 or -errno; follows symbolic links. */
int
host_stat(const struct host *host, struct stat *st, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif

#endif /* APP_HOST_H */
