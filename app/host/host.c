/* SPDX-License-Identifier: BSD-3-Clause */

/* Reading a machine's files, below its root. Their content is hostile. */

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "host.h"

int
host_open(const char *root, struct host *host)
{
	char sysfs[PATH_MAX], proc[PATH_MAX], dev[PATH_MAX];

	*host = (struct host){ .root = root };
	snprintf(sysfs, sizeof(sysfs), "%s/sys", root);
	snprintf(proc, sizeof(proc), "%s/proc", root);
	snprintf(dev, sizeof(dev), "%s/dev", root);
	return rte_vfio_cdev_ctx_create_at(sysfs, proc, dev, NULL, NULL, &host->ctx);
}

void
host_close(struct host *host)
{
	rte_vfio_cdev_ctx_free(host->ctx);
	*host = (struct host){ .root = host->root };
}

static int
path_make(const struct host *host, char path[PATH_MAX], const char *format, va_list ap)
{
	int root = snprintf(path, PATH_MAX, "%s", host->root), len;

	if (root >= PATH_MAX)
		return -ENAMETOOLONG;
	len = vsnprintf(path + root, PATH_MAX - root, format, ap);
	if (path[root] != '/') /* relative to the working directory, not to the root */
		memmove(path, path + root, strlen(path + root) + 1);
	return len < PATH_MAX - root ? 0 : -ENAMETOOLONG;
}

/* For a function whose last arguments are a format of printf() and what it takes. */
#define PATH_MAKE(ret, host, path, format) \
	do { \
		va_list ap; \
\
		va_start(ap, format); \
		(ret) = path_make(host, path, format, ap); \
		va_end(ap); \
	} while (0)

int
host_path(const struct host *host, char path[PATH_MAX], const char *format, ...)
{
	int ret;

	PATH_MAKE(ret, host, path, format);
	return ret;
}

/* Into one line that is safe to print. */
static void
line_clean(char *line)
{
	line[strcspn(line, "\n")] = '\0';
	for (char *tab = line; (tab = strchr(tab, '\t')) != NULL;)
		*tab = ' ';
	rte_vfio_cdev_text_clean(line);
}

/* A file that is a pipe would keep its reader waiting. */
static int
file_line(const char *path, char *line, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t len;
	int ret;

	if (fd < 0)
		return -errno;
	len = read(fd, line, size);
	ret = len < 0 ? -errno : 0;
	close(fd);
	if (ret < 0)
		return ret;
	if ((size_t)len == size && memchr(line, '\n', len) == NULL)
		return -EMSGSIZE;
	line[len - ((size_t)len == size)] = '\0';
	line_clean(line);
	return strlen(line);
}

int
host_line(const struct host *host, char *line, size_t size, const char *format, ...)
{
	char path[PATH_MAX];
	int ret;

	PATH_MAKE(ret, host, path, format);
	if (ret == 0)
		ret = file_line(path, line, size);
	if (ret < 0)
		line[0] = '\0';
	return ret;
}

long
host_number(const struct host *host, int base, const char *format, ...)
{
	char path[PATH_MAX], line[32], *end;
	long value;
	int ret;

	PATH_MAKE(ret, host, path, format);
	if (ret < 0 || file_line(path, line, sizeof(line)) <= 0)
		return -1;
	errno = 0;
	value = strtol(line, &end, base);
	return errno == 0 && *end == '\0' && value >= 0 ? value : -1;
}

int
host_link(const struct host *host, char *name, size_t size, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t len = -1;
	int ret;

	name[0] = '\0';
	PATH_MAKE(ret, host, path, format);
	if (ret == 0 && (len = readlink(path, target, sizeof(target) - 1)) < 0)
		ret = -errno;
	if (ret < 0)
		return ret;
	target[len] = '\0';
	last = strrchr(target, '/');
	last = last != NULL ? last + 1 : target;
	if (strlen(last) >= size)
		return -EMSGSIZE;
	strcpy(name, last);
	line_clean(name);
	return strlen(name);
}

/* Lines of any length are read in pieces; only the first one of a line is looked at. */
static int
file_find(const char *path, char *line, size_t size, const char *pattern)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool begins = true, ends, found = false;
	char piece[1024];
	gzFile file;

	if (fd < 0)
		return -errno;
	file = gzdopen(fd, "r");
	if (file == NULL) {
		close(fd);
		return -ENOMEM;
	}
	while (!found && gzgets(file, piece, sizeof(piece)) != NULL) {
		ends = strchr(piece, '\n') != NULL;
		line_clean(piece);
		found = begins && fnmatch(pattern, piece, 0) == 0;
		begins = ends;
	}
	gzclose(file);
	if (!found)
		return -ENODATA;
	snprintf(line, size, "%s", piece);
	return strlen(line);
}

int
host_find(const struct host *host, char *line, size_t size, const char *pattern, const char *format,
	  ...)
{
	char path[PATH_MAX];
	int ret;

	PATH_MAKE(ret, host, path, format);
	if (ret == 0)
		ret = file_find(path, line, size, pattern);
	if (ret < 0)
		line[0] = '\0';
	return ret;
}

static int
name_is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int
host_names(const struct host *host, struct dirent ***names, const char *format, ...)
{
	char path[PATH_MAX];
	int ret;

	*names = NULL;
	PATH_MAKE(ret, host, path, format);
	if (ret < 0)
		return ret;
	ret = scandir(path, names, name_is_visible, alphasort);
	return ret < 0 ? -errno : ret;
}

void
host_names_free(struct dirent **names, int count)
{
	for (int i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

int
host_access(const struct host *host, int mode, const char *format, ...)
{
	char path[PATH_MAX];
	int ret;

	PATH_MAKE(ret, host, path, format);
	if (ret == 0 && faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0)
		ret = -errno;
	return ret;
}

int
host_stat(const struct host *host, struct stat *st, const char *format, ...)
{
	char path[PATH_MAX];
	int ret;

	PATH_MAKE(ret, host, path, format);
	if (ret == 0 && stat(path, st) < 0)
		ret = -errno;
	return ret;
}
