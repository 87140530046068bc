/* SPDX-License-Identifier: BSD-3-Clause */

/* The file of a report: root writes it, and /tmp is anybody's. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report.h"

/*
 * A link of another user leads root to a file of root's. The kernel refuses to follow it
 * only in directories such as /tmp, and only if fs.protected_symlinks is on. One's own
 * are wanted, as is root's /dev/stdout.
 */
static int
link_check(const char *path, struct stat *st)
{
	if (lstat(path, st) < 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISLNK(st->st_mode) && st->st_uid != 0 && st->st_uid != geteuid() ? -ELOOP : 0;
}

/* Nothing is cut before it is known that the path is still what was looked at. */
int
report_file_open(const char *path, FILE **file)
{
	struct stat before = { 0 }, after = { 0 };
	int ret = link_check(path, &before), fd;

	if (ret < 0)
		return ret;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	ret = link_check(path, &after);
	if (ret == 0 && before.st_nlink != 0 &&
	    (before.st_ino != after.st_ino || before.st_dev != after.st_dev))
		ret = -EAGAIN;
	/* A pipe, or a terminal, has no length. */
	if (ret == 0 && ftruncate(fd, 0) < 0 && errno != EINVAL)
		ret = -errno;
	*file = ret == 0 ? fdopen(fd, "w") : NULL;
	if (*file != NULL)
		return 0;
	ret = ret < 0 ? ret : -errno;
	close(fd);
	return ret;
}
