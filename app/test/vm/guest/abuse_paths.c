/* SPDX-License-Identifier: BSD-3-Clause */

/* Other names of the nodes and of pagemap, and flags of open(): as on stock. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "abuse.h"

/* The compiler would not let these pass. */
static const char *volatile null_path;
static const char *volatile low_path = (const char *)8;

/* What opens is closed again, and named. */
static void
path_note(int dir, const char *path, int flags)
{
	char link[64], node[64] = "";
	const int fd = openat(dir, path, flags, 0600);

	if (fd < 0) {
		note("%.80s %#x: %s", path, flags, strerrorname_np(errno));
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, node, sizeof(node) - 1) < 0)
		note("%s is nowhere", link);
	/* The front's own, and a process's number. */
	note("%.80s %#x: opens %s", path, flags,
	     strncmp(node, "/proc/", 6) == 0 ? strrchr(node, '/') : node);
	close(fd);
}

static const char *
case_paths_of_nodes(void)
{
	static const char *const odd[] = {
		"/dev/vfio/../vfio/vfio",
		"/dev//vfio/vfio",
		"/dev/./vfio/vfio",
		"/dev/vfio/vfio/",
		"/dev/vfio/",
		"/dev/vfio/noiommu-",
		"/dev/vfio/noiommu-x",
		"/dev/vfio/noiommu-00",
		"/dev/vfio/noiommu-4294967296",
		"/dev/vfio/noiommu-99999999999999999999999",
		"/dev/vfio/noiommu--1",
		"/dev/vfio/noiommu- 0",
		"/dev/vfio/0",
		"/dev/vfio/devices/x",
		"/dev/vfio/noiommu-0/",
		"/dev/vfio/noiommu-0/x",
		"",
		"/",
		"/proc/self/pagemap/",
		"/proc/self/pagemaps",
		"/proc/self/pagema",
		"/proc/0/pagemap",
		"/proc/-1/pagemap",
		"/proc/99999999/pagemap",
		"/proc/self/../self/pagemap",
	};
	char long_path[5000];

	for (unsigned int i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		path_note(AT_FDCWD, odd[i], O_RDWR | O_CLOEXEC);
	for (unsigned int i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		path_note(AT_FDCWD, odd[i], O_RDONLY | O_CLOEXEC);
	memset(long_path, '/', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	NOTE(open(long_path, O_RDONLY));
	NOTE(open(null_path, O_RDONLY));
	NOTE(open(low_path, O_RDONLY));
	NOTE(openat(-1, "vfio", O_RDONLY));
	return NULL;
}

/* The kernel's group, or an error: never a cdev that somebody takes for something else. */
static const char *
case_paths_beside_the_node(void)
{
	const int dir = open("/dev/vfio", O_PATH | O_CLOEXEC);
	struct vfio_group found;
	const char *name;
	char path[128];

	CHECK(vfio_group_find(&found, abuse_bdf) == 0 && dir >= 0);
	name = strrchr(found.node, '/') + 1;
	path_note(dir, name, O_RDWR | O_CLOEXEC);
	path_note(dir, "vfio", O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof(path), "/dev/vfio/../vfio/%s", name);
	path_note(AT_FDCWD, path, O_RDWR | O_CLOEXEC);
	snprintf(path, sizeof(path), "/tmp/abuse-%d", getpid());
	CHECK(symlink(found.node, path) == 0);
	note("a link");
	errno = 0;
	NOTE(open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC));
	NOTE(open(path, O_RDWR | O_CLOEXEC));
	unlink(path);
	CHECK(chdir("/dev/vfio") == 0);
	path_note(AT_FDCWD, name, O_RDWR | O_CLOEXEC);
	return NULL;
}

static const char *
case_flags_of_open(void)
{
	static const int flags[] = { O_RDONLY, O_WRONLY, O_RDWR, O_ACCMODE };
	static const int more[] = { 0,		O_APPEND,   O_CREAT, O_CREAT | O_EXCL, O_DIRECTORY,
				    O_NOFOLLOW, O_NONBLOCK, O_PATH,  O_TRUNC,	       O_TMPFILE };

	for (unsigned int i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		for (unsigned int j = 0; j < sizeof(more) / sizeof(more[0]); j++) {
			path_note(AT_FDCWD, "/dev/vfio/vfio", flags[i] | more[j]);
			path_note(AT_FDCWD, PAGEMAP, flags[i] | more[j]);
		}
	return NULL;
}

/* open() is variadic: the mode has to arrive. */
static const char *
case_mode_of_new_files(void)
{
	struct stat status;
	char path[64];
	int fd;

	umask(0);
	snprintf(path, sizeof(path), "/tmp/abuse-%d", getpid());
	fd = open(path, O_CREAT | O_RDWR | O_EXCL, 0641);
	CHECK(fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & 07777) == 0641);
	close(fd);
	unlink(path);
	fd = openat(AT_FDCWD, path, O_CREAT | O_RDWR | O_EXCL, 0614);
	CHECK(fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & 07777) == 0614);
	close(fd);
	unlink(path);
	fd = open64("/tmp", O_TMPFILE | O_RDWR, 0622);
	CHECK(fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & 07777) == 0622);
	close(fd);
	CHECK(creat(path, 0600) >= 0);
	unlink(path);
	return NULL;
}

static const char *
flags_note(const char *path, int flags)
{
	const int fd = open(path, flags);

	CHECK(fd >= 0);
	note("%s %#x: F_GETFD %#x, F_GETFL %#x", path, flags, fcntl(fd, F_GETFD),
	     fcntl(fd, F_GETFL));
	close(fd);
	return NULL;
}

static const char *
case_flags_that_a_file_keeps(void)
{
	struct vfio_group found;

	CHECK(vfio_group_find(&found, abuse_bdf) == 0);
	CHECK_CASE(flags_note("/dev/vfio/vfio", O_RDWR));
	CHECK_CASE(flags_note("/dev/vfio/vfio", O_RDWR | O_CLOEXEC));
	CHECK_CASE(flags_note(found.node, O_RDWR));
	CHECK_CASE(flags_note(found.node, O_RDWR | O_CLOEXEC));
	CHECK_CASE(flags_note(PAGEMAP, O_RDONLY));
	CHECK_CASE(flags_note(PAGEMAP, O_RDONLY | O_CLOEXEC));
	return NULL;
}

/* Other names of pagemap: no frame, or the kernel's. */
static const char *
case_paths_of_pagemap(void)
{
	uint8_t *va = huge_new(1);
	char paths[7][64] = { "/proc/self/../self/pagemap", "/proc//self/pagemap",
			      "/proc/thread-self/pagemap" };
	uint64_t entry;
	int fd;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	snprintf(paths[3], sizeof(paths[3]), "/proc/%d/pagemap", getpid());
	snprintf(paths[4], sizeof(paths[4]), "/proc/%d/task/%d/pagemap", getpid(), getpid());
	snprintf(paths[5], sizeof(paths[5]), "/proc/self/task/%d/pagemap", getpid());
	snprintf(paths[6], sizeof(paths[6]), "/proc/0%d/pagemap", getpid());
	for (int i = 0; i < 7; i++) {
		fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		CHECK(entry_pread(fd, va, &entry) == sizeof(entry));
		CHECK_CASE(entry_harmless(entry, va));
		close(fd);
	}
	CHECK(chdir("/proc/self") == 0);
	fd = open("pagemap", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && entry_pread(fd, va, &entry) == sizeof(entry));
	CHECK_CASE(entry_harmless(entry, va));
	return NULL;
}

/* Of the parent, which has other memory at these addresses. */
static const char *
case_pagemap_of_another_process(void)
{
	uint8_t *va = huge_new(1);
	char path[64];
	uint64_t entry = 0, raw = 0;
	int fd, raw_fd;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	snprintf(path, sizeof(path), "/proc/%d/pagemap", getppid());
	fd = open(path, O_RDONLY | O_CLOEXEC);
	raw_fd = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || raw_fd < 0)
		return (fd < 0) == (raw_fd < 0) ? NULL : "opens by one way only";
	CHECK(entry_pread(fd, va, &entry) == sizeof(entry));
	CHECK(syscall(SYS_pread64, raw_fd, &raw, sizeof(raw), entry_offset(va)) == sizeof(raw));
	CHECK(entry == raw && (entry & ENTRY_PRESENT) == 0);
	CHECK(entry_pread(fd, &abuse_bdf, &entry) == sizeof(entry));
	CHECK(syscall(SYS_pread64, raw_fd, &raw, sizeof(raw), entry_offset(&abuse_bdf)) ==
	      sizeof(raw));
	CHECK(entry == raw);
	return NULL;
}

const struct abuse_case path_cases[] = {
	CASE(paths_of_nodes),	 CASE(paths_beside_the_node),
	CASE(paths_of_pagemap),	 CASE(pagemap_of_another_process),
	CASE(flags_of_open),	 CASE(flags_that_a_file_keeps),
	CASE(mode_of_new_files), { NULL, NULL, false },
};
