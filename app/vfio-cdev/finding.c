/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdlib.h>

#include "finding.h"
#include "term.h"

static const char *const verdict_colours[] = {
	[CHECK_PASS] = TERM_GREEN,
	[CHECK_WARN] = TERM_YELLOW,
	[CHECK_FAIL] = TERM_RED,
};

/* Sentences have names in them that came from sysfs, or from whoever starts programs. */
static void
line_print(FILE *out, const char *before, const char *device, const char *text)
{
	char *line;

	if (asprintf(&line, "%s%s%s", device != NULL ? device : "", device != NULL ? ": " : "",
		     text) < 0)
		return;
	fprintf(out, "%s%s\n", before, term_clean(line));
	free(line);
}

void
finding_print(FILE *out, const struct check_finding *finding, bool colours)
{
	fprintf(out, "%s%s%s", colours ? verdict_colours[finding->verdict] : "",
		check_verdict_name(finding->verdict), colours ? TERM_PLAIN : "");
	line_print(out, "  ", finding->device, finding->text);
	if (finding->cure != NULL)
		line_print(out, "      cure: ", NULL, finding->cure);
}
