/* SPDX-License-Identifier: BSD-3-Clause */

/* Reading a machine's files, below its root. Whatever they hold is hostile. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host.h"
#include "vfio_cdev_private.h"

int
host_open(const char *root, struct host *host)
{
	int ret;

	*host = (struct host){ .root = root };
	ret = rte_vfio_cdev_ctx_create(NULL, NULL, &host->ctx);
	if (ret < 0 || root[0] == '\0')
		return ret;
	if (asprintf(&host->sysfs, "%s/sys", root) < 0)
		host->sysfs = NULL;
	if (asprintf(&host->proc, "%s/proc", root) < 0)
		host->proc = NULL;
	if (host->sysfs == NULL || host->proc == NULL) {
		host_close(host);
		return -ENOMEM;
	}
	host->ctx->sysfs = host->sysfs;
	host->ctx->proc = host->proc;
	return 0;
}

void
host_close(struct host *host)
{
	rte_vfio_cdev_ctx_free(host->ctx);
	free(host->sysfs);
	free(host->proc);
	*host = (struct host){ .root = host->root };
}

static int
path_make(const struct host *host, char path[PATH_MAX], const char *format, va_list ap)
{
	int root = snprintf(path, PATH_MAX, "%s", host->root);
	int len = root < PATH_MAX ? vsnprintf(path + root, PATH_MAX - root, format, ap) : root;

	return root + len < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* Into one line that is safe to print. */
static void
line_clean(char *line)
{
	line[strcspn(line, "\n")] = '\0';
	for (; *line != '\0'; line++)
		if (*line < ' ' || *line > '~')
			*line = '?';
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
	va_list ap;
	int ret;

	va_start(ap, format);
	ret = path_make(host, path, format, ap);
	va_end(ap);
	if (ret == 0)
		ret = file_line(path, line, size);
	if (ret < 0)
		line[0] = '\0';
	return ret;
}

int
host_link(const struct host *host, char *name, size_t size, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t len = -1;
	va_list ap;
	int ret;

	name[0] = '\0';
	va_start(ap, format);
	ret = path_make(host, path, format, ap);
	va_end(ap);
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
