/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opener.h"

/* The name of a mapped file is the last of a line, and the only one with slashes. */
enum front
opener_front(const struct host *host, int pid)
{
	enum front front = FRONT_AUTO;
	char path[PATH_MAX], *line = NULL;
	size_t size = 0;
	FILE *file;

	if (host_path(host, path, "/proc/%d/maps", pid) < 0)
		return FRONT_AUTO;
	file = fopen(path, "re");
	while (file != NULL && front == FRONT_AUTO && getline(&line, &size, file) > 0)
		if (strchr(line, '/') != NULL)
			front = front_by_name(line);
	free(line);
	if (file != NULL)
		fclose(file);
	return front;
}

long
opener_pinned(const struct host *host, int pid)
{
	char line[64];
	long kilobytes;

	if (host_find(host, line, sizeof(line), "VmPin:*", "/proc/%d/status", pid) < 0 ||
	    sscanf(line, "VmPin: %ld kB", &kilobytes) != 1)
		return -1;
	return kilobytes;
}
