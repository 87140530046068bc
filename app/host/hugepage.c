/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "hugepage.h"

#define POOL "/sys/kernel/mm/hugepages/hugepages-%lukB/"
#define NEED_KB (1UL << 20)
#define LEAST_KB 2048
#define LOCK_TRIES 20
#define LOCK_PAUSE_NS 50000000

static long
count_read(const struct host *host, const char *name, unsigned long size)
{
	long count = host_number(host, 10, POOL "%s", size, name);

	return count > 0 ? count : 0;
}

/* As get_num_hugepages() of the EAL; Documentation/admin-guide/mm/hugetlbpage.rst. */
static void
pool_read(const struct host *host, unsigned long size, struct hugepage_pool *pool)
{
	long reserved = count_read(host, "resv_hugepages", size);
	long surplus = count_read(host, "surplus_hugepages", size);
	long over = count_read(host, "nr_overcommit_hugepages", size);
	long free = count_read(host, "free_hugepages", size);

	*pool = (struct hugepage_pool){ .size = size };
	pool->total = count_read(host, "nr_hugepages", size);
	pool->total = pool->total > free ? pool->total : free; /* read at different times */
	pool->persistent = pool->total > surplus ? pool->total - surplus : 0;
	over = over > surplus ? over - surplus : 0;
	pool->unused = free > reserved ? free - reserved : 0;
	pool->unused += over < LONG_MAX - pool->unused ? over : LONG_MAX - pool->unused;
	pool->most = pool->total + (over < LONG_MAX - pool->total ? over : LONG_MAX - pool->total);
}

/* The kB of "2M", "1024M", "1G" or "2097152"; 0 if it is no size. */
static unsigned long
size_parse(const char *text)
{
	unsigned long long size;
	char *end;

	errno = 0;
	size = strtoull(text, &end, 10);
	if (errno != 0 || end == text || size > ULONG_MAX >> 30)
		return 0;
	switch (*end) {
	case 'k':
	case 'K':
		return size;
	case 'm':
	case 'M':
		return size << 10;
	case 'g':
	case 'G':
		return size << 20;
	default:
		return size >> 10;
	}
}

/* What a mount has that names no size; 0: not known, and then any. */
static unsigned long
default_size(const struct host *host)
{
	unsigned long size;
	char line[64];

	return host_find(host, line, sizeof(line), "Hugepagesize:*", "/proc/meminfo") > 0 &&
			sscanf(line, "Hugepagesize: %lu", &size) == 1 ?
		size :
		0;
}

/* The EAL takes the first mount of a size (get_hugepage_dir()). */
static void
mount_take(struct hugepage_pool *pools, unsigned int count, const char *dir, unsigned long size)
{
	for (unsigned int i = 0; i < count; i++)
		if ((size == 0 || pools[i].size == size) && pools[i].mount[0] == '\0' &&
		    strlen(dir) < sizeof(pools[i].mount))
			strcpy(pools[i].mount, dir);
}

static void
mounts_read(const struct host *host, struct hugepage_pool *pools, unsigned int count)
{
	const unsigned long fallback = default_size(host);
	char path[PATH_MAX], buf[4096];
	const char *option;
	struct mntent mnt;
	FILE *file;

	if (host_path(host, path, "/proc/mounts") < 0)
		return;
	file = setmntent(path, "re");
	if (file == NULL)
		return;
	while (getmntent_r(file, &mnt, buf, sizeof(buf)) != NULL) {
		if (strcmp(mnt.mnt_type, "hugetlbfs") != 0)
			continue;
		option = hasmntopt(&mnt, "pagesize");
		if (option != NULL && option[strlen("pagesize")] != '=')
			continue;
		mount_take(pools, count, mnt.mnt_dir,
			   option != NULL ? size_parse(option + strlen("pagesize=")) : fallback);
	}
	endmntent(file);
}

static int
size_compare(const void *a, const void *b)
{
	const unsigned long *first = a, *second = b;

	return (*first > *second) - (*first < *second);
}

unsigned int
hugepage_pools(const struct host *host, struct hugepage_pool pools[HUGEPAGE_SIZES])
{
	unsigned long sizes[HUGEPAGE_SIZES];
	unsigned int count = hugepage_sizes(host, sizes);

	qsort(sizes, count, sizeof(sizes[0]), size_compare);
	for (unsigned int i = 0; i < count; i++)
		pool_read(host, sizes[i], &pools[i]);
	mounts_read(host, pools, count);
	return count;
}

bool
hugepage_matters(const struct hugepage_pool *pools, unsigned int count, unsigned int which)
{
	bool unused = false;

	for (unsigned int i = 0; i < count; i++)
		unused |= pools[i].unused > 0;
	return (unused ? pools[which].unused : pools[which].most) > 0;
}

/*
 * An EAL has the directory locked while it makes files and has not locked them yet
 * (eal_hugepage_info.c, eal_memalloc.c): it must not meet the locks below.
 */
static int
directory_lock(int fd)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -EWOULDBLOCK;
}

/* Bytes of a file that no program has locked; the lock goes with the descriptor. */
static long long
file_leftover(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	long long bytes = 0;
	struct stat st;

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0)
		bytes = (long long)st.st_blocks * 512;
	close(fd);
	return bytes;
}

long
hugepage_leftover(const struct host *host, const struct hugepage_pool *pool)
{
	long long bytes = 0;
	struct dirent *entry;
	char path[PATH_MAX];
	DIR *dir;

	if (pool->mount[0] == '\0' || host_path(host, path, "%s", pool->mount) < 0)
		return 0;
	dir = opendir(path);
	if (dir == NULL)
		return 0;
	if (directory_lock(dirfd(dir)) < 0) {
		closedir(dir);
		return -EWOULDBLOCK;
	}
	while ((entry = readdir(dir)) != NULL)
		if (fnmatch("*map_*", entry->d_name, 0) == 0)
			bytes += file_leftover(dirfd(dir), entry->d_name);
	closedir(dir);
	return bytes >> 10 > LONG_MAX ? LONG_MAX : (long)((bytes >> 10) / (long long)pool->size);
}

long
hugepage_need(unsigned long size)
{
	return size < NEED_KB ? (NEED_KB + size - 1) / size : 1;
}

/* What is mounted before what is not, then what is not too small before what is. */
static int
pool_rank(const struct hugepage_pool *pool)
{
	if (hugepage_need(pool->size) == 1)
		return 0;
	return 1 + 2 * (pool->mount[0] != '\0') + (pool->size >= LEAST_KB);
}

const struct hugepage_pool *
hugepage_choose(const struct hugepage_pool *pools, unsigned int count)
{
	const struct hugepage_pool *best = NULL;

	for (unsigned int i = 0; i < count; i++)
		if (best == NULL || pool_rank(&pools[i]) > pool_rank(best))
			best = &pools[i];
	return best;
}
