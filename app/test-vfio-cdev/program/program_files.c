/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "leftover.h"
#include "program_files.h"

/* Another run may have taken it for a leftover before it was locked: then it is gone. */
static bool
directory_lock(const char *path, int *lock)
{
	struct stat opened, now;

	*lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) == 0 && fstat(*lock, &opened) == 0 &&
	    stat(path, &now) == 0 && opened.st_ino == now.st_ino && opened.st_dev == now.st_dev)
		return true;
	if (*lock >= 0)
		close(*lock);
	*lock = -1;
	return false;
}

int
program_files_make(char *runtime, size_t size, int *lock)
{
	for (int tries = 0; tries < 10; tries++) {
		/* Short: the path of a socket in it has room for 107 characters. */
		snprintf(runtime, size, "%s/" LEFTOVER_PREFIX "XXXXXX",
			 access("/run", W_OK) != 0 ? "/tmp" : "/run");
		if (mkdtemp(runtime) == NULL)
			break;
		if (directory_lock(runtime, lock))
			return 0;
		rmdir(runtime);
		errno = EBUSY;
	}
	runtime[0] = '\0';
	*lock = -1;
	return -errno;
}

/* Remove the files whose names begin like this. */
static void
directory_clear(const char *path, const char *beginning)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (strncmp(entry->d_name, beginning, strlen(beginning)) == 0)
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

void
program_files_remove(const char *runtime, const char *prefix)
{
	char path[256], map[128];
	struct mntent *mount;
	FILE *mounts;

	if (runtime[0] == '\0')
		return;
	snprintf(path, sizeof(path), "%s/dpdk/%s", runtime, prefix);
	directory_clear(path, "");
	rmdir(path);
	/* Of one that has lost its environment. */
	snprintf(path, sizeof(path), PROGRAM_FILES_ROOT "/%s", prefix);
	directory_clear(path, "");
	if (rmdir(path) == 0)
		rmdir(PROGRAM_FILES_ROOT); /* unless there is more in it */
	mounts = setmntent("/proc/self/mounts", "re");
	if (mounts == NULL)
		return;
	/* <mount>/<prefix>map_<n>, lib/eal/common/eal_filesystem.h */
	snprintf(map, sizeof(map), "%smap_", prefix);
	while ((mount = getmntent(mounts)) != NULL)
		if (strcmp(mount->mnt_type, "hugetlbfs") == 0)
			directory_clear(mount->mnt_dir, map);
	endmntent(mounts);
}

void
program_files_end(const char *runtime)
{
	char path[256];

	if (runtime[0] == '\0')
		return;
	snprintf(path, sizeof(path), "%s/dpdk", runtime);
	rmdir(path);
	rmdir(runtime);
}
