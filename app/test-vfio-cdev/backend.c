/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "test_config.h"

void
backend_path(char *path, size_t size)
{
	static const char *const places[] = { "../drivers", TEST_BIN_TO_LIB };
	char program[PATH_MAX / 2] = "", *slash;
	unsigned int i;

	if (readlink("/proc/self/exe", program, sizeof(program) - 1) < 0)
		program[0] = '\0';
	slash = strrchr(program, '/');
	for (i = 0; slash && i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, size, "%.*s/%s/" TEST_LIBRARY, (int)(slash - program), program,
			 places[i]);
		if (access(path, R_OK) == 0)
			return;
	}
	snprintf(path, size, TEST_LIBDIR "/" TEST_LIBRARY);
}
