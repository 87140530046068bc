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
 * are wanted, as is root's /dev/stdout: O_NOFOLLOW if it may not become one meanwhile.
 */
static int
link_flags(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? O_NOFOLLOW : -errno;
	if (!S_ISLNK(st.st_mode))
		return O_NOFOLLOW;
	return st.st_uid == 0 || st.st_uid == geteuid() ? 0 : -ELOOP;
}

int
report_file_open(const char *path, FILE **file)
{
	int ret = link_flags(path), fd;

	if (ret < 0)
		return ret;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | ret, 0666);
	if (fd < 0)
		return -errno;
	*file = fdopen(fd, "w");
	if (*file != NULL)
		return 0;
	ret = -errno;
	close(fd);
	return ret;
}
