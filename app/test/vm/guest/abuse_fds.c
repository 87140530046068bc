/* SPDX-License-Identifier: BSD-3-Clause */

/* Numbers of files that come to stand for something else, and copies of them. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "abuse.h"
#include "proc.h"

#define MANY 100000
#define AT_ONCE 1000

/* Ways to close a file that a library can overlook. */

static int
end_close(int fd)
{
	return close(fd);
}

static int
end_raw(int fd)
{
	return syscall(SYS_close, fd);
}

static int
end_range(int fd)
{
	return close_range(fd, fd, 0);
}

static int
end_range_raw(int fd)
{
	return syscall(SYS_close_range, fd, fd, 0);
}

/* fclose() calls the C library's own close. */
static int
end_fclose(int fd)
{
	FILE *file = fdopen(fd, "r");

	return file == NULL ? -1 : fclose(file);
}

static int
end_none(int fd)
{
	(void)fd;
	return 0;
}

/* Ways to give a file a number. */

static int
place_dup2(int from, int to)
{
	return dup2(from, to);
}

static int
place_dup3(int from, int to)
{
	return dup3(from, to, O_CLOEXEC);
}

static int
place_fcntl(int from, int to)
{
	return fcntl(from, F_DUPFD, to);
}

static int
place_raw(int from, int to)
{
	return syscall(SYS_dup3, from, to, O_CLOEXEC);
}

static const struct replacement {
	const char *name;
	int (*end)(int fd);
	int (*place)(int from, int to);
} replacements[] = {
	{ "close, F_DUPFD", end_close, place_fcntl },
	{ "raw close, F_DUPFD", end_raw, place_fcntl },
	{ "raw close, dup2", end_raw, place_dup2 },
	{ "close_range, F_DUPFD", end_range, place_fcntl },
	{ "raw close_range, F_DUPFD", end_range_raw, place_fcntl },
	{ "fclose, F_DUPFD", end_fclose, place_fcntl },
	{ "dup2", end_none, place_dup2 },
	{ "dup3", end_none, place_dup3 },
	{ "raw dup3", end_none, place_raw },
};

#define REPLACEMENTS (sizeof(replacements) / sizeof(replacements[0]))

/* A file of known bytes where another one was, and that it is read then. */
static const char *
replace(int fd, const struct replacement *way)
{
	const int file = file_new();
	const char *wrong;

	CHECK(way->end(fd) == 0);
	if (way->place(file, fd) != fd)
		return why("%s: %d did not become the file", way->name, fd);
	wrong = file_check(fd);
	if (wrong == NULL && (ioctl(fd, VFIO_GROUP_GET_STATUS, NULL) != -1 || errno != ENOTTY))
		wrong = why("%s: is a group still: %s", way->name, strerrorname_np(errno));
	close(file);
	close(fd);
	return wrong;
}

static const char *
case_pagemap_is_replaced(void)
{
	uint8_t *va = huge_new(1);
	int fd;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	for (unsigned int i = 0; i < REPLACEMENTS; i++) {
		fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
		CHECK(fd >= 0);
		CHECK_CASE(entry_check(fd, va));
		CHECK_CASE(replace(fd, &replacements[i]));
	}
	CHECK_CASE(page_check(va));
	return NULL;
}

static const char *
case_container_and_group_are_replaced(void)
{
	for (unsigned int i = 0; i < REPLACEMENTS; i++) {
		CHECK_CASE(device_open());
		CHECK_CASE(replace(abuse_vfio.group, &replacements[i]));
		CHECK_CASE(replace(abuse_vfio.container, &replacements[i]));
		CHECK_CASE(replace(abuse_vfio.device, &replacements[i]));
	}
	CHECK_CASE(device_open());
	return NULL;
}

/* Pagemap where an ordinary file was, by ways that a library can overlook. */
static const char *
case_pagemap_replaces_a_file(void)
{
	uint8_t *va = huge_new(1);
	uint64_t entry;
	int fd, pagemap;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	for (unsigned int i = 0; i < REPLACEMENTS; i++) {
		fd = file_new();
		CHECK_CASE(file_check(fd));
		pagemap = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
		CHECK(replacements[i].end(fd) == 0);
		CHECK(replacements[i].place(pagemap, fd) == fd);
		CHECK(entry_pread(fd, va, &entry) == sizeof(entry));
		CHECK_CASE(entry_harmless(entry, va));
		close(fd);
		CHECK_CASE(entry_check(pagemap, va));
		close(pagemap);
	}
	return NULL;
}

static const char *
copy_check(int fd, int copy, uint8_t *va, bool cloexec)
{
	uint64_t entry = 0;

	CHECK(copy >= 0 && copy != fd);
	CHECK(((fcntl(copy, F_GETFD) & FD_CLOEXEC) != 0) == cloexec);
	CHECK_CASE(entry_check(copy, va));
	/* The position is that of the file, which both have. */
	CHECK(lseek(fd, entry_offset(va), SEEK_SET) == entry_offset(va));
	CHECK(lseek(copy, 0, SEEK_CUR) == entry_offset(va));
	CHECK(read(copy, &entry, sizeof(entry)) == sizeof(entry));
	CHECK_CASE(entry_harmless(entry, va));
	CHECK(lseek(fd, 0, SEEK_CUR) == entry_offset(va) + (off_t)sizeof(entry));
	CHECK(close(copy) == 0);
	CHECK_CASE(entry_check(fd, va));
	return NULL;
}

static const char *
case_copies_of_pagemap(void)
{
	uint8_t *va = huge_new(1);
	int fd, copy;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_CASE(copy_check(fd, dup(fd), va, false));
	CHECK_CASE(copy_check(fd, dup2(fd, 200), va, false));
	CHECK_CASE(copy_check(fd, dup3(fd, 201, O_CLOEXEC), va, true));
	CHECK_CASE(copy_check(fd, fcntl(fd, F_DUPFD, 100), va, false));
	CHECK_CASE(copy_check(fd, fcntl(fd, F_DUPFD_CLOEXEC, 100), va, true));
	CHECK(dup2(fd, fd) == fd && dup3(fd, fd, 0) == -1 && errno == EINVAL);
	CHECK_CASE(entry_check(fd, va));
	/* The copy outlives the first. */
	copy = dup(fd);
	close(fd);
	CHECK_CASE(entry_check(copy, va));
	CHECK(dup(fd) == -1 && errno == EBADF);
	CHECK(dup2(fd, copy) == -1 && errno == EBADF);
	CHECK_CASE(entry_check(copy, va));
	return NULL;
}

static const char *
case_copies_of_group_and_container(void)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int group, container, device;

	CHECK_CASE(device_open());
	group = dup(abuse_vfio.group);
	container = fcntl(abuse_vfio.container, F_DUPFD_CLOEXEC, 50);
	close(abuse_vfio.group);
	close(abuse_vfio.container);
	NOTE(ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	note("flags %#x", status.flags);
	NOTE_VALUE(ioctl(container, VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU));
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, abuse_bdf);
	CHECK(device >= 0);
	return NULL;
}

static const char *
case_numbers_that_are_high(void)
{
	const struct rlimit limit = { .rlim_cur = 70000, .rlim_max = 70000 };
	uint8_t *va = huge_new(1);
	int fd, copy;

	CHECK(va != NULL);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK_CASE(device_open());
	fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	copy = fcntl(fd, F_DUPFD, 65536);
	CHECK(copy >= 65536);
	CHECK_CASE(entry_check(copy, va));
	CHECK_CASE(replace(copy, &replacements[1]));
	return NULL;
}

static const char *
case_numbers_that_are_none(void)
{
	uint64_t entry;

	CHECK_CASE(device_open());
	NOTE(read(-1, &entry, sizeof(entry)));
	NOTE(pread(-1, &entry, sizeof(entry), 0));
	NOTE(read(INT32_MAX, &entry, sizeof(entry)));
	NOTE(pread(1 << 20, &entry, sizeof(entry), 0));
	NOTE(ioctl(-1, VFIO_GET_API_VERSION));
	NOTE(ioctl(INT32_MAX, VFIO_GROUP_GET_STATUS, &entry));
	NOTE(close(-1));
	NOTE(close(INT32_MAX));
	NOTE(close_range(5, 4, 0));
	NOTE(dup(-1));
	NOTE(dup2(-1, 5));
	NOTE(dup2(1, -1));
	NOTE(fcntl(-1, F_GETFL));
	NOTE(fcntl(-1, F_DUPFD, 0));
	return NULL;
}

static const char *
case_many_at_once(void)
{
	const struct rlimit limit = { .rlim_cur = 2 * AT_ONCE, .rlim_max = 2 * AT_ONCE };
	uint8_t *va = huge_new(1);
	int fds[AT_ONCE];
	uint64_t entry;

	CHECK(va != NULL);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	CHECK_CASE(device_open());
	for (int i = 0; i < AT_ONCE; i++) {
		fds[i] = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
		CHECK(fds[i] >= 0);
	}
	for (int i = 0; i < AT_ONCE; i++) {
		CHECK(entry_pread(fds[i], va, &entry) == sizeof(entry));
		CHECK((entry & ENTRY_PFN) != 0);
		CHECK_CASE(entry_harmless(entry, va));
	}
	for (int i = 0; i < AT_ONCE; i += 2)
		close(fds[i]);
	for (int i = 1; i < AT_ONCE; i += 100)
		CHECK_CASE(entry_check(fds[i], va));
	return NULL;
}

static const char *
case_no_number_left(void)
{
	struct rlimit limit = { .rlim_cur = 8, .rlim_max = 2000 };
	const int spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct vfio_group found;
	int last = spare, opened = 0;

	CHECK(vfio_group_find(&found, abuse_bdf) == 0);
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	while (last >= 0)
		last = dup(spare);
	NOTE(open("/dev/vfio/vfio", O_RDWR));
	NOTE(open(found.node, O_RDWR));
	NOTE(open(PAGEMAP, O_RDONLY));
	NOTE(dup(spare));
	/* One after the other becomes possible: with an error or with a device, never half. */
	for (limit.rlim_cur = 8; limit.rlim_cur < 32 && opened == 0; limit.rlim_cur++) {
		CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		opened = vfio_group_open(&abuse_vfio, abuse_bdf) == 0;
		if (opened == 0)
			vfio_group_close(&abuse_vfio);
	}
	CHECK(opened == 1);
	return NULL;
}

static const char *
case_opens_by_the_hundred_thousand(void)
{
	uint8_t *va = huge_new(1);
	unsigned int files = 0;
	unsigned long rss = 0;
	int fd;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	for (int i = 0; i < (abuse_front ? MANY : MANY / 10); i++) {
		fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
		CHECK(fd >= 0);
		if (i % 1000 == 0)
			CHECK_CASE(entry_check(fd, va));
		CHECK(close(fd) == 0);
		if (i == 1000) {
			files = files_open();
			rss = proc_number("/proc/self/status", "RssAnon:");
		}
	}
	CHECK(files_open() == files);
	CHECK(proc_number("/proc/self/status", "RssAnon:") <= rss + 64);
	return NULL;
}

const struct abuse_case fd_cases[] = {
	CASE(pagemap_is_replaced),
	CASE(container_and_group_are_replaced),
	CASE(pagemap_replaces_a_file),
	CASE(copies_of_pagemap),
	CASE(copies_of_group_and_container),
	CASE(numbers_that_are_high),
	CASE(numbers_that_are_none),
	CASE(many_at_once),
	CASE(no_number_left),
	CASE(opens_by_the_hundred_thousand),
	{ NULL, NULL, false },
};
