/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Files that the library opens without fake_sys, and memory of mmap(2): points of fake_faults.h.
 * The names are those of objects with _FILE_OFFSET_BITS=64.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "fake_faults.h"

typedef int (*entry_filter_t)(const struct dirent *entry);
typedef int (*entry_compare_t)(const struct dirent **left, const struct dirent **right);

DIR *
__real_opendir(const char *path);
int
__real_scandir64(const char *path, struct dirent ***entries, entry_filter_t filter,
		 entry_compare_t compare);
FILE *
__real_fopen64(const char *path, const char *mode);
void *
__real_mmap64(void *va, size_t len, int prot, int flags, int fd, off_t offset);
DIR *
__wrap_opendir(const char *path);
int
__wrap_scandir64(const char *path, struct dirent ***entries, entry_filter_t filter,
		 entry_compare_t compare);
FILE *
__wrap_fopen64(const char *path, const char *mode);
void *
__wrap_mmap64(void *va, size_t len, int prot, int flags, int fd, off_t offset);
int
__real_eventfd(unsigned int value, int flags);
int
__wrap_eventfd(unsigned int value, int flags);

static bool
fails(enum fake_point point)
{
	const int err = fake_fault(point);

	if (err != 0)
		errno = err;
	return err != 0;
}

DIR *
__wrap_opendir(const char *path)
{
	return fails(POINT_OPENDIR) ? NULL : __real_opendir(path);
}

int
__wrap_scandir64(const char *path, struct dirent ***entries, entry_filter_t filter,
		 entry_compare_t compare)
{
	return fails(POINT_SCANDIR) ? -1 : __real_scandir64(path, entries, filter, compare);
}

FILE *
__wrap_fopen64(const char *path, const char *mode)
{
	return fails(POINT_FOPEN) ? NULL : __real_fopen64(path, mode);
}

void *
__wrap_mmap64(void *va, size_t len, int prot, int flags, int fd, off_t offset)
{
	return fails(POINT_MMAP) ? MAP_FAILED : __real_mmap64(va, len, prot, flags, fd, offset);
}

int
__wrap_eventfd(unsigned int value, int flags)
{
	return fails(POINT_EVENTFD) ? -1 : __real_eventfd(value, flags);
}
