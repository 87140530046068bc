/* SPDX-License-Identifier: BSD-3-Clause */

#include "finding.h"
#include "term.h"

static const char *const verdict_colours[] = {
	[CHECK_PASS] = TERM_GREEN,
	[CHECK_WARN] = TERM_YELLOW,
	[CHECK_FAIL] = TERM_RED,
};

void
finding_print(FILE *out, const struct check_finding *finding, bool colours)
{
	fprintf(out, "%s%s%s  %s", colours ? verdict_colours[finding->verdict] : "",
		check_verdict_name(finding->verdict), colours ? TERM_PLAIN : "", finding->check);
	if (finding->device != NULL)
		fprintf(out, " %s", finding->device);
	fprintf(out, ": %s\n", finding->text);
	if (finding->cure != NULL)
		fprintf(out, "      cure: %s\n", finding->cure);
}
