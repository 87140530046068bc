/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The functions that this library stands in front of: the C library's, or those of another
 * library that is preloaded behind it. Before the constructor has run they are system calls.
 */

#ifndef COMPAT_VFIO_CDEV_NEXT_H
#define COMPAT_VFIO_CDEV_NEXT_H

#include <errno.h>
#include <sys/stat.h>
#include <sys/types.h>

struct next {
	int (*open)(const char *path, int flags, mode_t mode);
	int (*open64)(const char *path, int flags, mode_t mode);
	int (*openat)(int dir, const char *path, int flags, mode_t mode);
	int (*openat64)(int dir, const char *path, int flags, mode_t mode);
	int (*close)(int fd);
	int (*ioctl)(int fd, unsigned long request, void *arg);
	ssize_t (*read)(int fd, void *buffer, size_t size);
	ssize_t (*pread)(int fd, void *buffer, size_t size, off_t offset);
	ssize_t (*pread64)(int fd, void *buffer, size_t size, off_t offset);
	ssize_t (*readlink)(const char *path, char *buffer, size_t size);
	ssize_t (*readlinkat)(int dir, const char *path, char *buffer, size_t size);
	int (*dup)(int fd);
	int (*dup2)(int fd, int as);
	int (*dup3)(int fd, int as, int flags);
	int (*fcntl)(int fd, int command, void *arg);
	int (*fcntl64)(int fd, int command, void *arg);
	void *(*dlopen)(const char *file, int flags);
	int (*fstat)(int fd, struct stat *st); /* not a hook: for tests */
};

/* Constant once the constructor has run. */
extern struct next next;

/* Fail as a system call does. */
static inline int
error_return(int err)
{
	errno = err;
	return -1;
}

#endif /* COMPAT_VFIO_CDEV_NEXT_H */
