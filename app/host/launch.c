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

int
launch_find_library(char path[PATH_MAX])
{
	static const char *const places[] = {
		"../drivers/" LAUNCH_LIBRARY,
		BIN_TO_LIB "/" LAUNCH_LIBRARY,
	};
	char place[PATH_MAX];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (launch_beside(places[i], place) == 0 && realpath(place, path) != NULL)
			return 0;
	return realpath(LIB_DIR "/" LAUNCH_LIBRARY, path) != NULL ? 0 : -ENOENT;
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
