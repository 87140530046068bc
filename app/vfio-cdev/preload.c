/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "launch.h"
#include "preload.h"

#define PCI_DEVICES "/sys/bus/pci/devices"

static int
library_find(enum front front, char path[PATH_MAX])
{
	const char *name = front == FRONT_LIBC ? LAUNCH_COMPAT : LAUNCH_LIBRARY;

	return launch_find_library(name, path) == 0 ?
		0 :
		cmd_fail("cannot find %s: give its path with --library", name);
}

/* A name that was given stays what it is, for it may be a link that avoids a blank. */
static int
library_take(const char *name, char path[PATH_MAX])
{
	int len = 0;

	if (name[0] != '/') {
		if (getcwd(path, PATH_MAX) == NULL)
			return cmd_fail("cannot get the working directory: %s", strerror(errno));
		len = strlen(path);
	}
	if (snprintf(path + len, PATH_MAX - len, "%s%s", len > 0 ? "/" : "", name) >=
	    PATH_MAX - len)
		return cmd_fail("--library %.64s...: %s", name, strerror(ENAMETOOLONG));
	return 0;
}

int
preload_choose(const char *name, enum front front, char path[PATH_MAX])
{
	int ret = name != NULL ? library_take(name, path) : library_find(front, path);

	if (ret != 0)
		return ret;
	if (access(path, R_OK) < 0)
		return cmd_fail("cannot read %s: %s", path, strerror(errno));
	if (strpbrk(path, " :") != NULL)
		return cmd_fail("%s: the dynamic linker takes no blank and no colon in a path to "
				"preload: link to it from elsewhere, and give that with --library",
				path);
	return 0;
}

char *
preload_list(const char *library, const char *before)
{
	const size_t size = strlen(library) + strlen(before) + 2;
	char *list = malloc(size), *name;
	size_t used, len;

	if (list == NULL)
		return NULL;
	used = snprintf(list, size, "%s", library);
	for (; *before != '\0'; before += len + (before[len] != '\0')) {
		len = strcspn(before, " :");
		name = list + used + 1;
		if (len == 0)
			continue;
		snprintf(name, size - used - 1, "%.*s", (int)len, before);
		if (front_by_name(name) == FRONT_AUTO) {
			list[used] = ':';
			used += 1 + len;
		}
		list[used] = '\0';
	}
	return list;
}

int
preload_set(const char *library, bool require)
{
	const char *before = getenv("LD_PRELOAD"), *policy = getenv(POLICY);
	char *preload = preload_list(library, before != NULL ? before : "");

	if (preload == NULL)
		return cmd_fail("%s", strerror(ENOMEM));
	if (setenv("LD_PRELOAD", preload, 1) < 0 ||
	    setenv(POLICY, require ? "require" : "prefer", require) < 0) {
		free(preload);
		return cmd_fail("cannot set the environment: %s", strerror(errno));
	}
	free(preload);
	if (!require && policy != NULL && strcasecmp(policy, "off") == 0)
		cmd_fail(POLICY "=off is set: the library leaves all devices to stock DPDK");
	return 0;
}
