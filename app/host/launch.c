/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "launch.h"

int
launch_beside(const char *name, char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int ret;

	self[len > 0 ? len : 0] = '\0';
	slash = strrchr(self, '/');
	ret = slash == NULL ? -ENOENT :
			      snprintf(path, PATH_MAX, "%.*s/%s", (int)(slash - self), self, name);
	if (ret >= 0 && ret < PATH_MAX)
		return 0;
	snprintf(path, PATH_MAX, "%s", name);
	return ret < 0 ? ret : -ENAMETOOLONG;
}

/* In the first of these directories that has it. A relative one is beside this program. */
static int
find_in(const char *const *dirs, size_t count, const char *name, char path[PATH_MAX])
{
	char file[PATH_MAX], place[PATH_MAX];

	for (size_t i = 0; i < count; i++) {
		snprintf(file, sizeof(file), "%s%s", dirs[i], name);
		if (file[0] == '/')
			strcpy(place, file);
		else if (launch_beside(file, place) != 0)
			continue;
		if (realpath(place, path) != NULL)
			return 0;
	}
	return -ENOENT;
}

int
launch_find_library(const char *name, char path[PATH_MAX])
{
	static const char *const dirs[] = { "../drivers/", BIN_TO_LIB "/", LIB_DIR "/" };

	return find_in(dirs, sizeof(dirs) / sizeof(dirs[0]), name, path);
}

int
launch_find_traffic(char path[PATH_MAX])
{
	static const char *const dirs[] = { "", BIN_TO_LIBEXEC "/", LIBEXEC_DIR "/" };
	int ret = find_in(dirs, sizeof(dirs) / sizeof(dirs[0]), LAUNCH_TRAFFIC, path);

	if (ret != 0)
		snprintf(path, PATH_MAX, "%s", LIBEXEC_DIR "/" LAUNCH_TRAFFIC);
	return ret;
}

static int
program_try(const struct host *host, const char *path)
{
	struct stat st;
	int ret = host_stat(host, &st, "%s", path);

	if (ret < 0)
		return ret == -ENOTDIR ? -ENOENT : ret;
	return S_ISREG(st.st_mode) && host_access(host, X_OK, "%s", path) == 0 ? 0 : -EACCES;
}

int
launch_find_program(const struct host *host, const char *name, char *path, size_t size)
{
	const char *dirs = getenv("PATH");
	int ret = -ENOENT, found, len;

	if (strchr(name, '/') != NULL) {
		snprintf(path, size, "%s", name);
		return name[0] != '\0' ? program_try(host, path) : -ENOENT;
	}
	for (dirs = dirs != NULL ? dirs : "/bin:/usr/bin"; dirs != NULL && name[0] != '\0';
	     dirs = dirs[len] != '\0' ? dirs + len + 1 : NULL) {
		len = strcspn(dirs, ":");
		snprintf(path, size, "%.*s%s%s", len, dirs, len > 0 ? "/" : "./", name);
		found = program_try(host, path);
		if (found == 0)
			return 0;
		ret = found == -ENOENT ? ret : found;
	}
	return ret;
}
