/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Functions of the C library by which a program gives up memory: provisional pins of it
 * end then (vfio_cdev_monitor.h). The memory hooks of libfabric and UCX work like this;
 * the alternative, userfaultfd, needs a privilege, and a thread that answers while the
 * program waits. Calls inside the C library bypass them: a sweep finds that memory.
 *
 * They run in every program that is started with the library preloaded, and an allocator
 * calls them with its lock held: until an address was given they only forward, and they
 * never look up a symbol, which takes the loader's lock. Before the constructor has run
 * they make the system call, and may call nothing of a sanitizer's.
 */

/* Or mmap() would be renamed to mmap64(). */
#undef _FILE_OFFSET_BITS

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vfio_cdev_monitor.h"

#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

_Static_assert(sizeof(off_t) == sizeof(off64_t), "functions for large files are others");

#define HOOK __attribute__((no_sanitize("thread")))

/* Constant after hooks_start(). */
static size_t page_size;
static __typeof__(munmap) *next_munmap;
static __typeof__(mmap) *next_mmap;
static __typeof__(mremap) *next_mremap;
static __typeof__(madvise) *next_madvise;
static __typeof__(shmat) *next_shmat;
static __typeof__(shmdt) *next_shmdt;
static __typeof__(fallocate) *next_fallocate;

__attribute__((constructor)) static void
hooks_start(void)
{
	page_size = (size_t)sysconf(_SC_PAGESIZE);
	*(void **)&next_munmap = dlsym(RTLD_NEXT, "munmap");
	*(void **)&next_mmap = dlsym(RTLD_NEXT, "mmap");
	*(void **)&next_mremap = dlsym(RTLD_NEXT, "mremap");
	*(void **)&next_madvise = dlsym(RTLD_NEXT, "madvise");
	*(void **)&next_shmat = dlsym(RTLD_NEXT, "shmat");
	*(void **)&next_shmdt = dlsym(RTLD_NEXT, "shmdt");
	*(void **)&next_fallocate = dlsym(RTLD_NEXT, "fallocate");
}

static enum vfio_cdev_fate
fate_of(bool success)
{
	return success ? VFIO_CDEV_GONE : VFIO_CDEV_KEPT;
}

HOOK int
munmap(void *va, size_t len)
{
	bool busy;
	int ret;

	if (next_munmap == NULL)
		return syscall(SYS_munmap, va, len);
	busy = vfio_cdev_monitor_begin(va, len);
	ret = next_munmap(va, len);
	if (busy)
		vfio_cdev_monitor_end(va, len, fate_of(ret == 0));
	return ret;
}

/* How much the call has changed is not known: check. A length of 0 would be all memory. */
static void
span_recheck(const void *va, size_t len)
{
	if (len != 0)
		vfio_cdev_monitor_recheck(va, len);
}

/* Only with MAP_FIXED does it replace memory. A call that fails may have unmapped it. */
HOOK void *
mmap(void *va, size_t len, int prot, int flags, int fd, off_t offset)
{
	void *ret;
	bool busy;

	if (next_mmap == NULL)
		return (void *)syscall(SYS_mmap, va, len, prot, flags, fd, offset);
	busy = (flags & MAP_FIXED) != 0 && vfio_cdev_monitor_begin(va, len);
	ret = next_mmap(va, len, prot, flags, fd, offset);
	if (busy)
		vfio_cdev_monitor_end(va, len, fate_of(ret != MAP_FAILED));
	if (busy && ret == MAP_FAILED)
		span_recheck(va, len);
	if ((flags & MAP_SHARED) != 0 && fd >= 0 && ret != MAP_FAILED)
		vfio_cdev_monitor_shared();
	return ret;
}

__typeof__(mmap) mmap64 __attribute__((alias("mmap")));

struct move {
	char *from;
	size_t len;
	char *to; /* NULL: wherever the kernel likes */
	size_t new_len;
};

/*
 * With MREMAP_FIXED the new place loses all that it had. Of a tail that was cut off
 * hugepages may stay: it is checked in units of their size.
 */
static void
move_end(const struct move *move, char *to)
{
	const size_t stays = move->len < move->new_len ? move->len : move->new_len;

	if (to != move->from)
		vfio_cdev_monitor_moved(move->from, to, stays);
	vfio_cdev_monitor_end(to + stays, move->new_len - stays, VFIO_CDEV_GONE);
	span_recheck(move->from + stays, move->len - stays);
}

/* A call that fails may have unmapped memory before (mm/mremap.c). */
static void
move_fail(const struct move *move)
{
	vfio_cdev_monitor_end(move->from, move->len, VFIO_CDEV_KEPT);
	span_recheck(move->from, move->len);
	if (move->to != NULL)
		span_recheck(move->to, move->new_len);
}

/* The kernel takes whole pages. */
static size_t
pages_of(size_t len)
{
	return (len + page_size - 1) / page_size * page_size;
}

HOOK void *
mremap(void *va, size_t len, size_t new_len, int flags, ...)
{
	const bool fixed = (flags & MREMAP_FIXED) != 0;
	struct move move = { .from = va };
	void *to = NULL, *ret;
	va_list ap;
	bool busy;

	va_start(ap, flags);
	if (fixed || (flags & MREMAP_DONTUNMAP) != 0)
		to = va_arg(ap, void *);
	va_end(ap);
	if (next_mremap == NULL)
		return (void *)syscall(SYS_mremap, va, len, new_len, flags, to);
	move.len = pages_of(len);
	move.new_len = pages_of(new_len);
	busy = vfio_cdev_monitor_begin(va, fixed ? 0 : move.len);
	if (busy && fixed)
		vfio_cdev_monitor_replaced(to, move.new_len);
	ret = next_mremap(va, len, new_len, flags, to);
	move.to = fixed ? to : NULL;
	if (busy && ret == MAP_FAILED)
		move_fail(&move);
	else if (busy)
		move_end(&move, ret);
	vfio_cdev_monitor_shared();
	return ret;
}

HOOK int
madvise(void *va, size_t len, int advice)
{
	int ret;

	if (next_madvise == NULL)
		return syscall(SYS_madvise, va, len, advice);
	ret = next_madvise(va, len, advice);
	if (ret == 0 && len != 0 &&
	    (advice == MADV_DONTNEED || advice == MADV_REMOVE || advice == MADV_FREE ||
	     advice == MADV_DONTNEED_LOCKED || advice == MADV_GUARD_INSTALL))
		vfio_cdev_monitor_recheck(va, len);
	return ret;
}

HOOK void *
shmat(int id, const void *va, int flags)
{
	void *ret;

	if (next_shmat == NULL)
		return (void *)syscall(SYS_shmat, id, va, flags);
	ret = next_shmat(id, va, flags);
	vfio_cdev_monitor_shared();
	return ret;
}

/* Its length is the kernel's. Linux < 6.11 does not report it: check all. */
HOOK int
shmdt(const void *va)
{
	bool busy = false;
	size_t len;
	int ret;

	if (next_shmdt == NULL)
		return syscall(SYS_shmdt, va);
	len = vfio_cdev_monitor_segment(va);
	if (len != 0)
		busy = vfio_cdev_monitor_begin(va, len);
	ret = next_shmdt(va);
	if (busy)
		vfio_cdev_monitor_end(va, len, fate_of(ret == 0));
	else if (ret == 0 && len == 0)
		vfio_cdev_monitor_recheck(NULL, 0);
	return ret;
}

/* Where the file is mapped is the kernel's: check all. */
HOOK int
fallocate(int fd, int mode, off_t offset, off_t len)
{
	int ret;

	if (next_fallocate == NULL)
		return syscall(SYS_fallocate, fd, mode, offset, len);
	ret = next_fallocate(fd, mode, offset, len);
	if (ret == 0 && (mode & FALLOC_FL_PUNCH_HOLE) != 0)
		vfio_cdev_monitor_recheck(NULL, 0);
	return ret;
}

__typeof__(fallocate) fallocate64 __attribute__((alias("fallocate")));
