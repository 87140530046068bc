/* SPDX-License-Identifier: BSD-3-Clause */

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "next.h"

static int
call_open(const char *path, int flags, mode_t mode)
{
	return syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static int
call_openat(int dir, const char *path, int flags, mode_t mode)
{
	return syscall(SYS_openat, dir, path, flags, mode);
}

static int
call_ioctl(int fd, unsigned long request, void *arg)
{
	return syscall(SYS_ioctl, fd, request, arg);
}

static ssize_t
call_read(int fd, void *buffer, size_t size)
{
	return syscall(SYS_read, fd, buffer, size);
}

static ssize_t
call_pread(int fd, void *buffer, size_t size, off_t offset)
{
	return syscall(SYS_pread64, fd, buffer, size, offset);
}

static ssize_t
call_readlink(const char *path, char *buffer, size_t size)
{
	return syscall(SYS_readlinkat, AT_FDCWD, path, buffer, size);
}

static ssize_t
call_readlinkat(int dir, const char *path, char *buffer, size_t size)
{
	return syscall(SYS_readlinkat, dir, path, buffer, size);
}

static int
call_close(int fd)
{
	return syscall(SYS_close, fd);
}

static int
call_dup(int fd)
{
	return syscall(SYS_dup, fd);
}

static int
call_dup3(int fd, int as, int flags)
{
	return syscall(SYS_dup3, fd, as, flags);
}

/* dup3() refuses equal numbers. */
static int
call_dup2(int fd, int as)
{
	if (fd == as)
		return syscall(SYS_fcntl, fd, F_GETFD) < 0 ? -1 : fd;
	return call_dup3(fd, as, 0);
}

static int
call_fcntl(int fd, int command, void *arg)
{
	return syscall(SYS_fcntl, fd, command, arg);
}

/* It is no system call. A jump, as in hooks.c. */
static void *
call_dlopen(const char *file, int flags)
{
	void *(*found)(const char *file, int flags);

	*(void **)&found = dlsym(RTLD_NEXT, "dlopen");
	return found(file, flags);
}

struct next next = {
	.open = call_open,
	.open64 = call_open,
	.openat = call_openat,
	.openat64 = call_openat,
	.close = call_close,
	.ioctl = call_ioctl,
	.read = call_read,
	.pread = call_pread,
	.pread64 = call_pread,
	.readlink = call_readlink,
	.readlinkat = call_readlinkat,
	.dup = call_dup,
	.dup2 = call_dup2,
	.dup3 = call_dup3,
	.fcntl = call_fcntl,
	.fcntl64 = call_fcntl,
	.dlopen = call_dlopen,
	.fstat = fstat,
};

static void
next_find(void *function, const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (found != NULL)
		*(void **)function = found;
}

__attribute__((constructor)) static void
next_start(void)
{
	next_find(&next.open, "open");
	next_find(&next.open64, "open64");
	next_find(&next.openat, "openat");
	next_find(&next.openat64, "openat64");
	next_find(&next.close, "close");
	next_find(&next.ioctl, "ioctl");
	next_find(&next.read, "read");
	next_find(&next.pread, "pread");
	next_find(&next.pread64, "pread64");
	next_find(&next.readlink, "readlink");
	next_find(&next.readlinkat, "readlinkat");
	next_find(&next.dup, "dup");
	next_find(&next.dup2, "dup2");
	next_find(&next.dup3, "dup3");
	next_find(&next.fcntl, "fcntl");
	next_find(&next.fcntl64, "fcntl64");
	next_find(&next.dlopen, "dlopen");
}
