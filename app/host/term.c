/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "term.h"

/* See no-color.org for what NO_COLOR has to be. */
bool
term_colours(FILE *out)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(out)) != 0 && (no == NULL || no[0] == '\0') && term != NULL &&
		strcmp(term, "dumb") != 0;
}
