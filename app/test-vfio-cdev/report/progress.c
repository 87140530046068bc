/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdarg.h>

#include "progress.h"

#define ERASE "\r\033[K"

void
progress_init(struct progress *progress, FILE *out, bool terminal)
{
	*progress = (struct progress){ .out = out, .terminal = terminal };
}

void
progress_begin(struct progress *progress, const char *phase)
{
	progress->phase = phase;
	fprintf(progress->out, progress->terminal ? ERASE "%s ..." : "%s ...\n", phase);
	fflush(progress->out);
}

void
progress_step(struct progress *progress, const char *format, ...)
{
	va_list args;

	if (!progress->terminal)
		return;
	va_start(args, format);
	fprintf(progress->out, ERASE "%s: ", progress->phase);
	vfprintf(progress->out, format, args);
	fflush(progress->out);
	va_end(args);
}

void
progress_end(struct progress *progress, const char *verdict, double seconds)
{
	fprintf(progress->out, "%s%s: %s (%.1f s)\n", progress->terminal ? ERASE : "",
		progress->phase, verdict, seconds);
	fflush(progress->out);
}
