/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>

#include "report.h"

static json_t *
json_result(const struct result *result)
{
	json_t *object;

	object = json_pack("{s:s, s:s, s:o, s:o, s:f}", "phase", result->name, "verdict",
			   verdict_name(result->verdict), "figure", report_text(result->figure),
			   "text", report_text(result->text), "seconds", result->seconds);
	if (object != NULL && result->stock[0] != '\0')
		json_object_set_new(object, "stock", report_text(result->stock));
	if (object != NULL && result->details != NULL)
		json_object_set(object, "details", result->details);
	return object;
}

int
report_json(const struct report *report, FILE *out)
{
	json_t *root, *results = json_array();
	int ret = 0;

	for (unsigned int i = 0; i < report->count; i++)
		ret |= json_array_append_new(results, json_result(&report->results[i]));
	root = json_pack("{s:i, s:i, s:O?, s:o}", "version", 1, "status", report_status(report),
			 "host", report->host, "phases", results);
	if (root == NULL || ret != 0)
		ret = -ENOMEM;
	else if (json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0 ||
		 fputc('\n', out) == EOF || fflush(out) != 0)
		ret = -errno;
	json_decref(root);
	return ret;
}
