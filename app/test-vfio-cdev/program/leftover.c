/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leftover.h"

#define BUSY_TRIES 20
#define BUSY_US 100000
#define DEPTH 3 /* dpdk, the prefix, a file */

static bool
is_ours(const char *name)
{
	return strncmp(name, LEFTOVER_PREFIX, strlen(LEFTOVER_PREFIX)) == 0;
}

/*
 * <prefix>map_<number>, lib/eal/common/eal_filesystem.h. The prefix is that of one program
 * (program_prefix()), or NULL for all programs of all runs; older ones have a process id in it.
 */
static bool
is_hugepage(const char *name, const char *prefix)
{
	const char *map = strstr(name, "map_");
	int length = 0;

	if (map == NULL || map[strlen("map_")] == '\0' ||
	    map[strlen("map_") + strspn(map + strlen("map_"), "0123456789")] != '\0' ||
	    !is_ours(name))
		return false;
	if (prefix != NULL)
		return strlen(prefix) == (size_t)(map - name) &&
			strncmp(name, prefix, strlen(prefix)) == 0;
	name += strlen(LEFTOVER_PREFIX);
	sscanf(name, "%*[0-9A-Za-z]-%*[0-9]%n", &length);
	return length != 0 && name + length == map;
}

/* An EAL that starts has a directory locked for a moment, and one that is ending its files. */
static bool
lock_wait(int fd)
{
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
		if (i == BUSY_TRIES)
			return false;
		usleep(BUSY_US);
	}
	return true;
}

/* Waits for one that is in use, but not for a second one. */
static bool
hugepage_remove(int dir, const char *name, bool *waits)
{
	/* hugetlbfs has pipes as well, and one would be waited for. */
	const int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	bool removed;

	if (fd < 0)
		return false;
	removed = *waits ? lock_wait(fd) : flock(fd, LOCK_EX | LOCK_NB) == 0;
	*waits = *waits && removed;
	removed = removed && unlinkat(dir, name, 0) == 0;
	close(fd);
	return removed;
}

unsigned int
leftover_clear_hugepages(const char *mount, const char *prefix)
{
	const struct dirent *entry;
	bool waits = prefix != NULL;
	unsigned int count = 0;
	DIR *dir = opendir(mount);

	if (dir == NULL)
		return 0;
	if (lock_wait(dirfd(dir)))
		while ((entry = readdir(dir)) != NULL)
			if (is_hugepage(entry->d_name, prefix))
				count += hugepage_remove(dirfd(dir), entry->d_name, &waits);
	closedir(dir);
	return count;
}

/* All that is in it; nothing outside of it. Takes the fd over. */
static void
tree_clear(int fd, unsigned int depth)
{
	const struct dirent *entry;
	DIR *dir = fdopendir(fd);
	int below;

	if (dir == NULL) {
		close(fd);
		return;
	}
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) == 0 || depth == 0)
			continue;
		below = openat(dirfd(dir), entry->d_name,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (below >= 0)
			tree_clear(below, depth - 1);
		unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	closedir(dir);
}

/* /tmp is everybody's: only what is ours, and not a link to somewhere. */
static bool
directory_remove(int parent, const char *name)
{
	const int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	int copy = -1;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && flock(fd, LOCK_EX | LOCK_NB) == 0)
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy >= 0)
		tree_clear(copy, DEPTH);
	close(fd);
	return copy >= 0 && unlinkat(parent, name, AT_REMOVEDIR) == 0;
}

unsigned int
leftover_clear_directories(const char *parent)
{
	const size_t length = strlen(LEFTOVER_PREFIX "XXXXXX"); /* mkdtemp() */
	const struct dirent *entry;
	unsigned int count = 0;
	DIR *dir = opendir(parent);

	if (dir == NULL)
		return 0;
	while ((entry = readdir(dir)) != NULL)
		if (is_ours(entry->d_name) && strlen(entry->d_name) == length)
			count += directory_remove(dirfd(dir), entry->d_name);
	closedir(dir);
	return count;
}

unsigned int
leftover_clear_mounts(const char *prefix)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	const struct mntent *mount;
	unsigned int count = 0;

	if (mounts == NULL)
		return 0;
	while ((mount = getmntent(mounts)) != NULL)
		if (strcmp(mount->mnt_type, "hugetlbfs") == 0)
			count += leftover_clear_hugepages(mount->mnt_dir, prefix);
	endmntent(mounts);
	return count;
}

unsigned int
leftover_clear(void)
{
	return leftover_clear_directories("/run") + leftover_clear_directories("/tmp") +
		leftover_clear_mounts(NULL);
}
