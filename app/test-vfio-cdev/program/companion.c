/* SPDX-License-Identifier: BSD-3-Clause */

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "companion.h"
#include "launch.h"
#include "testpmd.h"

#define READY "{\"event\":\"ready\"}"
#define LINE_PATIENCE 150000 /* ms: links come up in 60 s, and large packets are tried */

/* "25.11.0" and "25.11.4" are of one release. */
static bool
release_is_same(const char *left, const char *right)
{
	return strncmp(left, right, strlen("22.11")) == 0;
}

/* Of testpmd, as another phase has found, or this one now. */
static enum verdict
release_find(struct run *run, char *release, size_t size, struct result *result)
{
	const struct program_spec spec = { .count = 2 };
	enum verdict verdict = VERDICT_PASS;
	struct program *program;

	if (run->dpdk[0] == '\0') {
		progress_step(&run->progress, "getting the release of testpmd");
		verdict = testpmd_start(run, &spec, result, &program);
		program_free(program);
	}
	snprintf(release, size, "%s", run->dpdk);
	return verdict;
}

/* A build with another release than testpmd's is skipped. */
static enum verdict
release_start(struct run *run, const struct program_spec *spec, const char *release,
	      struct result *result, struct program **program)
{
	enum verdict verdict = program_start(run, spec, result, program);
	char own[sizeof(run->dpdk)];

	if (verdict == VERDICT_FAIL && strstr(result->text, "error while loading shared") != NULL)
		return result_skip(result,
				   LAUNCH_TRAFFIC
				   " was built with another release of DPDK than "
				   "this testpmd, which is %s: build it with that one",
				   release);
	snprintf(own, sizeof(own), "%s", run->dpdk);
	snprintf(run->dpdk, sizeof(run->dpdk), "%s", release);
	if (verdict != VERDICT_PASS || release_is_same(own, release))
		return verdict;
	program_free(*program);
	*program = NULL;
	return result_skip(result,
			   LAUNCH_TRAFFIC " runs with DPDK %s, and this testpmd is %s: build it "
					  "with that one",
			   own, release);
}

enum verdict
companion_start(struct run *run, const struct program_spec *spec, struct result *result,
		struct program **program)
{
	char path[PATH_MAX], release[sizeof(run->dpdk)];
	struct program_spec own = *spec;
	enum verdict verdict;

	*program = NULL;
	if (launch_find_traffic(path) != 0 || access(path, X_OK) != 0)
		return result_skip(result, "%s is not installed", path);
	verdict = release_find(run, release, sizeof(release), result);
	if (verdict != VERDICT_PASS)
		return verdict;
	own.path = path;
	own.ready = READY;
	return release_start(run, &own, release, result, program);
}

/* One of its lines. *over: it was the last one. */
static enum verdict
line_take(struct run *run, const char *text, struct result *result, json_t **found, bool *over)
{
	json_t *line = text[0] == '{' ? json_loads(text, 0, NULL) : NULL;
	const char *event = json_string_value(json_object_get(line, "event"));
	enum verdict verdict = VERDICT_PASS;

	if (event == NULL)
		event = ""; /* a line of DPDK */
	*over = true;
	if (strcmp(event, "result") == 0)
		*found = json_incref(line);
	else if (strcmp(event, "error") == 0)
		verdict = result_fail(result, "%s: %s",
				      json_string_value(json_object_get(line, "text")),
				      json_string_value(json_object_get(line, "errno")));
	else
		*over = false;
	if (strcmp(event, "progress") == 0)
		progress_step(&run->progress, "%lld packets",
			      (long long)json_integer_value(json_object_get(line, "received")));
	json_decref(line);
	return verdict;
}

enum verdict
companion_result(struct run *run, struct program *program, struct result *result, json_t **found)
{
	enum verdict verdict;
	bool over = false;
	char *text;

	*found = NULL;
	do {
		verdict = program_expect(program, "\n", LINE_PATIENCE, result, &text);
		if (verdict != VERDICT_PASS)
			return verdict;
		verdict = line_take(run, text, result, found, &over);
		free(text);
	} while (verdict == VERDICT_PASS && !over);
	return verdict;
}
