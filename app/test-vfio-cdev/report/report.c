/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdarg.h>
#include <string.h>

#include "report.h"
#include "rte_vfio_cdev.h"

static const char *const verdict_names[VERDICTS] = {
	[VERDICT_PASS] = "passed", [VERDICT_FAIL] = "failed",	  [VERDICT_SKIP] = "skipped",
	[VERDICT_ERROR] = "error", [VERDICT_STOPPED] = "stopped", [VERDICT_NOT_RUN] = "not run",
};

const char *
verdict_name(enum verdict verdict)
{
	return verdict_names[verdict];
}

/* What is quoted may come from anywhere, and goes to terminals and into XML. */
static void
text_set(char *text, size_t size, const char *format, va_list args)
{
	vsnprintf(text, size, format, args);
	for (char *blank = text; (blank = strpbrk(blank, "\n\r\t")) != NULL;)
		*blank = ' ';
	rte_vfio_cdev_text_clean(text);
}

#define RESULT_SET(function, value) \
	enum verdict function(struct result *result, const char *format, ...) \
	{ \
		va_list args; \
		va_start(args, format); \
		text_set(result->text, sizeof(result->text), format, args); \
		va_end(args); \
		return result->verdict = (value); \
	}

RESULT_SET(result_fail, VERDICT_FAIL)
RESULT_SET(result_skip, VERDICT_SKIP)
RESULT_SET(result_error, VERDICT_ERROR)

enum verdict
result_stopped(struct result *result)
{
	snprintf(result->text, sizeof(result->text), "stopped by a signal");
	return result->verdict = VERDICT_STOPPED;
}

enum verdict
result_pass(struct result *result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_set(result->figure, sizeof(result->figure), format, args);
	va_end(args);
	/* Of what was tried on the way. */
	result->text[0] = '\0';
	return result->verdict = VERDICT_PASS;
}

void
result_stock(struct result *result, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	text_set(result->stock, sizeof(result->stock), format, args);
	va_end(args);
}

void
result_detail(struct result *result, const char *key, json_t *value)
{
	if (result->details == NULL)
		result->details = json_object();
	json_object_set_new(result->details, key, value);
}

int
report_status(const struct report *report)
{
	unsigned int of[VERDICTS] = { 0 };

	for (unsigned int i = 0; i < report->count; i++)
		of[report->results[i].verdict]++;
	if (of[VERDICT_ERROR] != 0 || of[VERDICT_STOPPED] != 0)
		return 2;
	if (of[VERDICT_FAIL] != 0)
		return 1;
	/* What was only skipped has shown nothing. */
	return of[VERDICT_PASS] != 0 ? 0 : 2;
}

void
report_table(const struct report *report, FILE *out)
{
	const struct result *result;
	int length, width = (int)strlen("figure");

	for (unsigned int i = 0; i < report->count; i++) {
		length = (int)strlen(report->results[i].figure);
		width = length > width ? length : width;
	}
	fprintf(out, "%-10s  %-7s  %-*s  %7s\n", "phase", "verdict", width, "figure", "time");
	for (unsigned int i = 0; i < report->count; i++) {
		result = &report->results[i];
		fprintf(out, "%-10s  %-7s  %-*s  %6.1fs\n", result->name,
			verdict_name(result->verdict), width,
			result->figure[0] != '\0' ? result->figure : "-", result->seconds);
		if (report->compared && result->stock[0] != '\0')
			fprintf(out, "%-10s  %-7s  %s\n", "", "stock", result->stock);
	}
	for (unsigned int i = 0; i < report->count; i++) {
		result = &report->results[i];
		if (result->text[0] != '\0')
			fprintf(out, "%s: %s\n", result->name, result->text);
	}
}

void
report_free(struct report *report)
{
	for (unsigned int i = 0; i < report->count; i++)
		json_decref(report->results[i].details);
	json_decref(report->host);
}
