/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Preloaded behind a front, on a kernel with fault injection: one allocation of the kernel's
 * fails, of those that it makes for the process's calls of VFIO and iommufd.
 *
 *	FAIL_NTH=N	which one, counted over all calls in their order
 *	FAULTS=FILE	a line for each call that had any: its name, how many, and the
 *			number of the error that it ended with; "failed" behind it
 *			if the N-th was among them
 *
 * These calls are ioctls of both, PROCMAP_QUERY, and open() of their nodes. The library makes them
 * by ioctl() and open(), or by syscall().
 *
 * Linux: Documentation/fault-injection/fault-injection.rst
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "iommufd_uapi.h"

#define FAIL_NTH "/proc/thread-self/fail-nth"
#define NAME_LEN 32

/* What is left to count, over all threads; 0: no more. Guarded by the lock during a call. */
static unsigned int left;
static int faults = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* A call inside another one, as of a front, counts where it is made. */
static __thread bool counting;

static long (*next_syscall)(long number, ...);

static void
faulter_init(void)
{
	const char *nth = getenv("FAIL_NTH"), *path = getenv("FAULTS");

	*(void **)&next_syscall = dlsym(RTLD_NEXT, "syscall");
	if (nth == NULL || path == NULL)
		return;
	left = strtoul(nth, NULL, 10);
	faults = next_syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			      0600);
}

static void
name_get(unsigned long request, char name[NAME_LEN])
{
	static const struct {
		unsigned long request;
		const char *name;
	} names[] = {
		{ IFD_DESTROY, "DESTROY" },
		{ IFD_IOAS_ALLOC, "IOAS_ALLOC" },
		{ IFD_IOAS_COPY, "IOAS_COPY" },
		{ IFD_IOVA_RANGES, "IOVA_RANGES" },
		{ IFD_IOAS_MAP, "IOAS_MAP" },
		{ IFD_IOAS_UNMAP, "IOAS_UNMAP" },
		{ IFD_HWPT_ALLOC, "HWPT_ALLOC" },
		{ IFD_NOIOMMU_GET_PA, "GET_PA" },
		{ IFD_VFIO_GET_INFO, "GET_INFO" },
		{ IFD_VFIO_BIND, "BIND" },
		{ IFD_VFIO_ATTACH, "ATTACH" },
		{ IFD_VFIO_DETACH, "DETACH" },
		{ IFD_PROCMAP_QUERY, "PROCMAP_QUERY" },
	};

	/* The application's own calls of a device. */
	snprintf(name, NAME_LEN, "own-%lu", _IOC_NR(request));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].request == request)
			snprintf(name, NAME_LEN, "%s", names[i].name);
}

/* Whether a number was read or written. */
static bool
fail_nth(int fd, unsigned int *nth, bool set)
{
	char text[16] = "";
	ssize_t len;

	if (set) {
		len = snprintf(text, sizeof(text), "%u", *nth);
		return next_syscall(SYS_pwrite64, fd, text, len, (off_t)0) == len;
	}
	len = next_syscall(SYS_pread64, fd, text, sizeof(text) - 1, (off_t)0);
	*nth = strtoul(text, NULL, 10);
	return len > 0;
}

/* From here on the thread's allocations count. */
static int
count_begin(void)
{
	int fd;

	pthread_once(&once, faulter_init);
	if (counting || faults < 0)
		return -1;
	counting = true;
	pthread_mutex_lock(&lock);
	fd = left > 0 ? next_syscall(SYS_openat, AT_FDCWD, FAIL_NTH, O_RDWR | O_CLOEXEC) : -1;
	if (fd < 0 || !fail_nth(fd, &left, true)) {
		if (left > 0)
			abort(); /* a kernel without it: nothing would be tested */
		pthread_mutex_unlock(&lock);
		counting = false;
	}
	return fd;
}

/* Keeps errno, which is the call's. */
static void
count_end(int fd, const char *name, long ret)
{
	const int err = errno;
	unsigned int now, none = 0;
	char line[80];
	int len;

	if (fd < 0)
		return;
	if (!fail_nth(fd, &now, false) || !fail_nth(fd, &none, true))
		abort();
	next_syscall(SYS_close, fd);
	len = snprintf(line, sizeof(line), "%s %u %d%s\n", name, left - now, ret < 0 ? err : 0,
		       now == 0 ? " failed" : "");
	if (now != left && next_syscall(SYS_write, faults, line, (size_t)len) != len)
		abort();
	left = now;
	pthread_mutex_unlock(&lock);
	counting = false;
	errno = err;
}

/* NULL: none of ours. Containers and groups are opened by the application. */
static const char *
name_of_node(const char *path)
{
	if (strcmp(path, "/dev/iommu") == 0)
		return "open-iommu";
	if (strncmp(path, "/dev/vfio/devices/", 18) == 0)
		return "open-device";
	return strncmp(path, "/dev/vfio/", 10) == 0 ? "own-open" : NULL;
}

static bool
is_counted(unsigned long request)
{
	return _IOC_TYPE(request) == ';' || request == IFD_PROCMAP_QUERY;
}

static long
counted_ioctl(int fd, unsigned long request, void *arg)
{
	char name[NAME_LEN];
	int count;
	long ret;

	if (!is_counted(request)) {
		pthread_once(&once, faulter_init);
		return next_syscall(SYS_ioctl, fd, request, arg);
	}
	name_get(request, name);
	count = count_begin();
	ret = next_syscall(SYS_ioctl, fd, request, arg);
	count_end(count, name, ret);
	return ret;
}

static long
counted_open(int dir, const char *path, int flags, mode_t mode)
{
	const char *name = name_of_node(path);
	int count = -1;
	long ret;

	pthread_once(&once, faulter_init);
	if (name != NULL)
		count = count_begin();
	ret = next_syscall(SYS_openat, dir, path, flags, mode);
	count_end(count, name, ret);
	return ret;
}

int
ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	return counted_ioctl(fd, request, arg);
}

#define OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		mode_t mode = 0; \
		va_list args; \
\
		if ((flags & (O_CREAT | __O_TMPFILE)) != 0) { \
			va_start(args, flags); \
			mode = va_arg(args, mode_t); \
			va_end(args); \
		} \
		return counted_open(AT_FDCWD, path, flags, mode); \
	}

OPEN(open)
OPEN(open64)

/* Six words, whether the caller has given as many or not, as the C library takes them. */
long
syscall(long number, ...)
{
	long word[6];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < 6; i++)
		word[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_ioctl)
		return counted_ioctl(word[0], word[1], (void *)word[2]);
	if (number == SYS_openat)
		return counted_open(word[0], (const char *)word[1], word[2], word[3]);
	pthread_once(&once, faulter_init);
	return next_syscall(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}
