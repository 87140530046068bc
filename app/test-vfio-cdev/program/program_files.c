/* SPDX-License-Identifier: BSD-3-Clause */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
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

/* True if it is gone now. */
static bool
directory_remove(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (dir == NULL)
		return false;
	while ((entry = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return rmdir(path) == 0;
}

void
program_files_remove(const char *runtime, const char *prefix)
{
	char path[256];

	if (runtime[0] == '\0')
		return;
	snprintf(path, sizeof(path), "%s/dpdk/%s", runtime, prefix);
	directory_remove(path);
	/* Of one that has lost its environment. */
	snprintf(path, sizeof(path), PROGRAM_FILES_ROOT "/%s", prefix);
	if (directory_remove(path))
		rmdir(PROGRAM_FILES_ROOT); /* unless there is more in it */
	leftover_clear_mounts(prefix);
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
