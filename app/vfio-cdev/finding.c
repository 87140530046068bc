/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "finding.h"
#include "term.h"

static const char *const verdict_colours[] = {
	[CHECK_PASS] = TERM_GREEN,
	[CHECK_WARN] = TERM_YELLOW,
	[CHECK_FAIL] = TERM_RED,
};

/* Sentences have names in them that came from sysfs, or from whoever starts programs. */
static void
clean_print(FILE *out, const char *text)
{
	char *line = strdup(text);

	fputs(line != NULL ? term_clean(line) : strerror(ENOMEM), out);
	free(line);
}

void
finding_print(FILE *out, const struct check_finding *finding, bool colours)
{
	fprintf(out, "%s%s%s  %s", colours ? verdict_colours[finding->verdict] : "",
		check_verdict_name(finding->verdict), colours ? TERM_PLAIN : "", finding->check);
	if (finding->device != NULL) {
		fputc(' ', out);
		clean_print(out, finding->device);
	}
	fputs(": ", out);
	clean_print(out, finding->text);
	if (finding->cure != NULL) {
		fputs("\n      cure: ", out);
		clean_print(out, finding->cure);
	}
	fputc('\n', out);
}
