/* SPDX-License-Identifier: BSD-3-Clause */

/* As fake_files.c, for programs that have no open() of their own. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include "fake_faults.h"

int
__real_open64(const char *path, int flags, ...);
int
__real_openat64(int dir, const char *path, int flags, ...);
int
__wrap_open64(const char *path, int flags, ...);
int
__wrap_openat64(int dir, const char *path, int flags, ...);

int
__wrap_openat64(int dir, const char *path, int flags, ...)
{
	const int err = fake_fault(POINT_FILE);
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (err == 0)
		return __real_openat64(dir, path, flags, mode);
	errno = err;
	return -1;
}

int
__wrap_open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return __wrap_openat64(AT_FDCWD, path, flags, mode);
}
