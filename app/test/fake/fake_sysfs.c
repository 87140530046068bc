/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_sysfs.h"

#define BASE "bus/pci/devices"

static char root[64]; /* in $TMPDIR: one in memory is much faster */
static char base[sizeof(root) + sizeof(BASE)];

static void
check(int ret, const char *what)
{
	if (ret >= 0)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

/* Make the directories that come before the last name of a path. */
static void
parents_make(char *path)
{
	for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		check(mkdir(path, 0755) < 0 && errno != EEXIST ? -1 : 0, path);
		*slash = '/';
	}
}

static void
path_make(char path[PATH_MAX], const char *format, va_list ap)
{
	int len = snprintf(path, PATH_MAX, "%s/", root);

	vsnprintf(path + len, PATH_MAX - len, format, ap);
	parents_make(path);
}

static int
entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	return ftw->level > 0 ? remove(path) : 0;
}

static void
root_remove(void)
{
	nftw(root, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
	rmdir(root);
}

void
fake_sysfs_reset(void)
{
	const char *dir = getenv("TMPDIR");

	if (root[0] != '\0') {
		check(nftw(root, entry_remove, 8, FTW_DEPTH | FTW_PHYS), root);
		return;
	}
	snprintf(root, sizeof(root), "%.40s/fake-sysfs-XXXXXX", dir != NULL ? dir : "/tmp");
	check(mkdtemp(root) != NULL ? 0 : -1, root);
	snprintf(base, sizeof(base), "%s/" BASE, root);
	atexit(root_remove);
}

const char *
fake_sysfs_root(void)
{
	return root;
}

const char *
fake_sysfs_base(void)
{
	return base;
}

void
fake_sysfs_add(const char *addr, const char *name, const char *dev)
{
	fake_sysfs_add_below(BASE, addr, name, dev);
}

void
fake_sysfs_add_below(const char *dir, const char *addr, const char *name, const char *dev)
{
	fake_sysfs_mkdir("%s/%s/vfio-dev/%s", dir, addr, name);
	fake_sysfs_mkdir("class/vfio-dev/%s", name);
	if (dev == NULL)
		return;
	fake_sysfs_write(dev, "%s/%s/vfio-dev/%s/dev", dir, addr, name);
	fake_sysfs_write(dev, "class/vfio-dev/%s/dev", name);
}

void
fake_sysfs_write(const char *text, const char *format, ...)
{
	char path[PATH_MAX];
	va_list ap;
	FILE *file;

	va_start(ap, format);
	path_make(path, format, ap);
	va_end(ap);
	file = fopen(path, "w");
	check(file != NULL ? 0 : -1, path);
	fputs(text, file);
	check(fclose(file), path);
}

void
fake_sysfs_link(const char *target, const char *format, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, format);
	path_make(path, format, ap);
	va_end(ap);
	check(symlink(target, path), path);
}

void
fake_sysfs_mkdir(const char *format, ...)
{
	char path[PATH_MAX];
	va_list ap;

	va_start(ap, format);
	path_make(path, format, ap);
	va_end(ap);
	check(mkdir(path, 0755), path);
}
