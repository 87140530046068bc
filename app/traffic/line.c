/* SPDX-License-Identifier: BSD-3-Clause */

/* Lines of JSON on standard output: dpdk-test-vfio-cdev reads them. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "traffic.h"

void
line_write(json_t *line)
{
	if (line != NULL)
		json_dumpf(line, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}

int
complain(int err, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	line_write(json_pack("{ss ss ss}", "event", "error", "text", text, "errno", strerror(err)));
	return -err;
}
