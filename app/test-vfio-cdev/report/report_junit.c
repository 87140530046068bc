/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>

#include "report.h"

/* Text of a result is printable ASCII: what else XML forbids is not in it. */
static void
xml_text(FILE *out, const char *text)
{
	for (; *text != '\0'; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			fputc(*text, out);
		}
	}
}

static void
xml_element(FILE *out, const char *element, const char *text)
{
	fprintf(out, "    <%s message=\"", element);
	xml_text(out, text);
	fputs("\"/>\n", out);
}

static void
xml_case(FILE *out, const struct result *result)
{
	static const char *const elements[VERDICTS] = {
		[VERDICT_FAIL] = "failure",    [VERDICT_SKIP] = "skipped",
		[VERDICT_ERROR] = "error",     [VERDICT_STOPPED] = "error",
		[VERDICT_NOT_RUN] = "skipped",
	};
	const char *element = elements[result->verdict];

	fprintf(out, "  <testcase classname=\"dpdk-test-vfio-cdev\" name=\"%s\" time=\"%.3f\">\n",
		result->name, result->seconds);
	if (element != NULL)
		xml_element(out, element,
			    result->text[0] != '\0' ? result->text : verdict_name(result->verdict));
	if (result->figure[0] != '\0') {
		fputs("    <system-out>", out);
		xml_text(out, result->figure);
		fputs("</system-out>\n", out);
	}
	fputs("  </testcase>\n", out);
}

int
report_junit(const struct report *report, FILE *out)
{
	unsigned int of[VERDICTS] = { 0 };
	double seconds = 0;

	for (unsigned int i = 0; i < report->count; i++) {
		of[report->results[i].verdict]++;
		seconds += report->results[i].seconds;
	}
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
	fprintf(out,
		"<testsuite name=\"dpdk-test-vfio-cdev\" tests=\"%u\" failures=\"%u\" "
		"errors=\"%u\" skipped=\"%u\" time=\"%.3f\">\n",
		report->count, of[VERDICT_FAIL], of[VERDICT_ERROR] + of[VERDICT_STOPPED],
		of[VERDICT_SKIP] + of[VERDICT_NOT_RUN], seconds);
	for (unsigned int i = 0; i < report->count; i++)
		xml_case(out, &report->results[i]);
	fputs("</testsuite>\n", out);
	return fflush(out) != 0 || ferror(out) != 0 ? -EIO : 0;
}
