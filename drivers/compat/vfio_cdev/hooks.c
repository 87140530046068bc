/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The functions of the C library that this library stands in front of. They run in every
 * program that is started with it: until one of the files of VFIO, or pagemap, is opened they
 * compare a few bytes and forward. The kernel opens a path first: it finds out whether the
 * pointer is valid.
 */

/* Or open() would be renamed to open64(). */
#undef _FILE_OFFSET_BITS
/* These are the functions that it checks. */
#undef _FORTIFY_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "container.h"
#include "deep_open.h"
#include "group.h"
#include "handle.h"
#include "next.h"
#include "pagemap.h"
#include "vfio_uapi.h"

_Static_assert(sizeof(off_t) == sizeof(off64_t), "functions for large files are others");

#define NEEDS_MODE(flags) (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE)

/* Prototypes that the C library's headers have only with _FORTIFY_SOURCE. */
int
__open_2(const char *path, int flags);
int
__open64_2(const char *path, int flags);
int
__openat_2(int dir, const char *path, int flags);
int
__openat64_2(int dir, const char *path, int flags);
ssize_t
__read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t
__pread_chk(int fd, void *buffer, size_t size, off_t offset, size_t room);
ssize_t
__pread64_chk(int fd, void *buffer, size_t size, off_t offset, size_t room);
ssize_t
__readlink_chk(const char *path, char *buffer, size_t size, size_t room);
ssize_t
__readlinkat_chk(int dir, const char *path, char *buffer, size_t size, size_t room);
void
__chk_fail(void) __attribute__((noreturn));

/* In line: most paths differ in the second byte. */
static inline bool
starts_with(const char *path, const char *start)
{
	while (*start != '\0')
		if (*path++ != *start++)
			return false;
	return true;
}

/* Is the pointer valid, and may the kernel lack what this library has? */
static bool
is_looked_at(int flags, int fd)
{
	if ((flags & (O_CREAT | O_DIRECTORY | O_PATH)) != 0)
		return false;
	return fd >= 0 || errno == ENOENT || errno == ENODEV || errno == ENXIO || errno == EBUSY ||
		errno == EACCES || errno == EPERM;
}

static int
path_opened(const char *path, int flags, int fd)
{
	if (starts_with(path, COMPAT_DIR)) {
		if (strcmp(path, COMPAT_CONTAINER) == 0)
			return container_open(flags, fd);
		return group_is_path(path) ? group_open(path, flags, fd) : fd;
	}
	if (fd >= 0 && strcmp(path, "/proc/self/pagemap") == 0)
		pagemap_opened(fd);
	return fd;
}

/* What the program gets for a path that the kernel has opened, or could not open. */
static int
opened(const char *path, int flags, int fd)
{
	int state, ret;

	if (!is_looked_at(flags, fd) ||
	    !(starts_with(path, COMPAT_DIR) || starts_with(path, "/proc/self/p")))
		return fd;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	ret = path_opened(path, flags, fd);
	pthread_setcancelstate(state, &state);
	return ret;
}

static mode_t
mode_of(int flags, va_list ap)
{
	return NEEDS_MODE(flags) ? va_arg(ap, mode_t) : 0;
}

int
open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return opened(path, flags, next.open(path, flags, mode));
}

int
open64(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return opened(path, flags, next.open64(path, flags, mode));
}

int
openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return opened(path, flags, next.openat(dir, path, flags, mode));
}

int
openat64(int dir, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = mode_of(flags, ap);
	va_end(ap);
	return opened(path, flags, next.openat64(dir, path, flags, mode));
}

int
__open_2(const char *path, int flags)
{
	if (NEEDS_MODE(flags))
		__chk_fail();
	return open(path, flags);
}

int
__open64_2(const char *path, int flags)
{
	if (NEEDS_MODE(flags))
		__chk_fail();
	return open64(path, flags);
}

int
__openat_2(int dir, const char *path, int flags)
{
	if (NEEDS_MODE(flags))
		__chk_fail();
	return openat(dir, path, flags);
}

int
__openat64_2(int dir, const char *path, int flags)
{
	if (NEEDS_MODE(flags))
		__chk_fail();
	return openat64(dir, path, flags);
}

static int
vfio_ioctl(int fd, unsigned long request, void *arg)
{
	int state, ret;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (request > COMPAT_SET_IOMMU)
		ret = group_ioctl(fd, request, arg);
	else
		ret = container_ioctl(fd, request, arg);
	pthread_setcancelstate(state, &state);
	return ret;
}

/* Requests of VFIO's containers and groups have numbers of their own. */
int
ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request < COMPAT_GET_API_VERSION || request > COMPAT_GROUP_GET_DEVICE_FD)
		return next.ioctl(fd, request, arg);
	return vfio_ioctl(fd, request, arg);
}

ssize_t
read(int fd, void *buffer, size_t size)
{
	if (marks_have(&pagemap_marks, fd))
		return pagemap_read(fd, buffer, size);
	return next.read(fd, buffer, size);
}

ssize_t
__read_chk(int fd, void *buffer, size_t size, size_t room)
{
	if (size > room)
		__chk_fail();
	return read(fd, buffer, size);
}

ssize_t
pread(int fd, void *buffer, size_t size, off_t offset)
{
	if (marks_have(&pagemap_marks, fd))
		return pagemap_pread(fd, buffer, size, offset);
	return next.pread(fd, buffer, size, offset);
}

ssize_t
pread64(int fd, void *buffer, size_t size, off_t offset)
{
	if (marks_have(&pagemap_marks, fd))
		return pagemap_pread(fd, buffer, size, offset);
	return next.pread64(fd, buffer, size, offset);
}

ssize_t
__pread_chk(int fd, void *buffer, size_t size, off_t offset, size_t room)
{
	if (size > room)
		__chk_fail();
	return pread(fd, buffer, size, offset);
}

__typeof__(__pread_chk) __pread64_chk __attribute__((alias("__pread_chk")));

static ssize_t
link_read(const char *path, char *buffer, size_t size, ssize_t len)
{
	if (len >= 0 || errno != ENOENT || !starts_with(path, "/sys/"))
		return len;
	return group_link(path, buffer, size);
}

ssize_t
readlink(const char *path, char *buffer, size_t size)
{
	return link_read(path, buffer, size, next.readlink(path, buffer, size));
}

ssize_t
readlinkat(int dir, const char *path, char *buffer, size_t size)
{
	return link_read(path, buffer, size, next.readlinkat(dir, path, buffer, size));
}

ssize_t
__readlink_chk(const char *path, char *buffer, size_t size, size_t room)
{
	if (size > room)
		__chk_fail();
	return readlink(path, buffer, size);
}

ssize_t
__readlinkat_chk(int dir, const char *path, char *buffer, size_t size, size_t room)
{
	if (size > room)
		__chk_fail();
	return readlinkat(dir, path, buffer, size);
}

static int
copied(int from, int fd)
{
	if (fd < 0 || from == fd)
		return fd;
	if (marks_have(&pagemap_marks, from))
		marks_set(&pagemap_marks, fd);
	if (marks_have(&handle_marks, from))
		handle_copied(from, fd);
	return fd;
}

int
close(int fd)
{
	if (marks_have(&handle_marks, fd))
		handle_close(fd);
	return next.close(fd);
}

int
dup(int fd)
{
	return copied(fd, next.dup(fd));
}

/* What has the number "as" is closed, if there is something to copy. */
static void
closed_by(int fd, int as)
{
	if (fd != as && marks_have(&handle_marks, as) && next.fcntl(fd, F_GETFD, NULL) >= 0)
		handle_close(as);
}

int
dup2(int fd, int as)
{
	closed_by(fd, as);
	return copied(fd, next.dup2(fd, as));
}

int
dup3(int fd, int as, int flags)
{
	closed_by(fd, as);
	return copied(fd, next.dup3(fd, as, flags));
}

static int
fcntl_copied(int fd, int command, int ret)
{
	return command == F_DUPFD || command == F_DUPFD_CLOEXEC ? copied(fd, ret) : ret;
}

int
fcntl(int fd, int command, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fcntl_copied(fd, command, next.fcntl(fd, command, arg));
}

int
fcntl64(int fd, int command, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, command);
	arg = va_arg(ap, void *);
	va_end(ap);
	return fcntl_copied(fd, command, next.fcntl64(fd, command, arg));
}

/*
 * A tail call: glibc looks for a file without a slash by the RUNPATH of the caller, which it
 * knows by the return address. Plug-ins with RTLD_DEEPBIND are opened by their path.
 */
void *
dlopen(const char *file, int flags)
{
	return (flags & RTLD_DEEPBIND) != 0 && file != NULL && strchr(file, '/') != NULL ?
		deep_open(file, flags) :
		next.dlopen(file, flags);
}
