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

/* The first of these places that is there. A relative one is beside this program. */
static int
find_in(const char *const *places, size_t count, char path[PATH_MAX])
{
	char place[PATH_MAX];

	for (size_t i = 0; i < count; i++) {
		if (places[i][0] == '/')
			snprintf(place, sizeof(place), "%s", places[i]);
		else if (launch_beside(places[i], place) != 0)
			continue;
		if (realpath(place, path) != NULL)
			return 0;
	}
	return -ENOENT;
}

int
launch_find_library(char path[PATH_MAX])
{
	static const char *const places[] = {
		"../drivers/" LAUNCH_LIBRARY,
		BIN_TO_LIB "/" LAUNCH_LIBRARY,
		LIB_DIR "/" LAUNCH_LIBRARY,
	};

	return find_in(places, sizeof(places) / sizeof(places[0]), path);
}

int
launch_find_traffic(char path[PATH_MAX])
{
	static const char *const places[] = {
		LAUNCH_TRAFFIC,
		BIN_TO_LIBEXEC "/" LAUNCH_TRAFFIC,
		LIBEXEC_DIR "/" LAUNCH_TRAFFIC,
	};
	int ret = find_in(places, sizeof(places) / sizeof(places[0]), path);

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
