/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "test_config.h"

void
backend_path(char *path, size_t size)
{
	char program[PATH_MAX - 64] = "", *slash;
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	slash = length > 0 ? strrchr(program, '/') : NULL;
	if (slash) {
		*slash = '\0';
		snprintf(path, size, "%s/../drivers/" TEST_LIBRARY, program);
		if (access(path, R_OK) == 0)
			return;
	}
	snprintf(path, size, TEST_LIBDIR "/" TEST_LIBRARY);
}
