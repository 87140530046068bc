/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * dpdk-test-vfio-cdev-traffic on each two ports that are linked: it sends from and
 * into every hugepage of its own, and compares what comes back.
 */

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "damage.h"
#include "launch.h"
#include "phase.h"
#include "testpmd.h"

#define PROGRAM "dpdk-test-vfio-cdev-traffic"
#define READY "{\"event\":\"ready\"}"
#define LINE_PATIENCE 60000	/* ms: links come up, and large packets are tried */

/* Of all pairs of ports. */
struct integrity {
	long long packets;
	long long smallest, largest;
	long long pages;
	char limit[320];	/* where no larger ones, and why; or "" */
	json_t *pairs;
};

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

	if (!run->dpdk[0]) {
		progress_step(&run->progress, "asking testpmd for its release");
		verdict = testpmd_start(run, &spec, result, &program);
		program_free(program);
	}
	snprintf(release, size, "%s", run->dpdk);
	return verdict;
}

static void
integrity_add(const struct run *run, unsigned int first, struct integrity *integrity,
	      json_t *found)
{
	long long value = json_integer_value(json_object_get(found, "smallest"));
	const char *limit = json_string_value(json_object_get(found, "why_not_larger"));

	integrity->packets += json_integer_value(json_object_get(found, "received"));
	integrity->pages += json_integer_value(json_object_get(found, "covered"));
	if (integrity->smallest == 0 || value < integrity->smallest)
		integrity->smallest = value;
	value = json_integer_value(json_object_get(found, "largest"));
	if (value > integrity->largest)
		integrity->largest = value;
	if (limit && limit[0])
		snprintf(integrity->limit, sizeof(integrity->limit), "no packets of more than "
			 "%lld bytes between %s and %s: %s", value, run->devices[first].addr,
			 run->devices[first + 1].addr, limit);
	json_object_del(found, "event");
	json_array_append(integrity->pairs, found);
}

/* The result itself says of which ports; the text that is there follows. */
static enum verdict
result_of_pair(const struct run *run, unsigned int first, struct result *result)
{
	char text[sizeof(result->text)];

	snprintf(text, sizeof(text), "%s", result->text);
	return result_fail(result, "%s and %s (ports 0 and 1): %s", run->devices[first].addr,
			   run->devices[first + 1].addr, text);
}

/* One of its lines. *over: it was the last one. */
static enum verdict
line_take(struct run *run, unsigned int first, const char *text, struct integrity *integrity,
	  bool *over, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	json_t *line = text[0] == '{' ? json_loads(text, 0, NULL) : NULL;
	const char *event = json_string_value(json_object_get(line, "event"));

	if (!event)
		event = "";	/* a line of DPDK */
	*over = true;
	if (strcmp(event, "result") == 0) {
		verdict = damage_verdict(line, result);
		integrity_add(run, first, integrity, line);
	} else if (strcmp(event, "error") == 0) {
		verdict = result_fail(result, "%s: %s",
				      json_string_value(json_object_get(line, "text")),
				      json_string_value(json_object_get(line, "errno")));
	} else {
		*over = false;
	}
	if (strcmp(event, "progress") == 0)
		progress_step(&run->progress, "%lld packets", (long long)
			      json_integer_value(json_object_get(line, "received")));
	json_decref(line);
	return verdict;
}

static enum verdict
lines_read(struct run *run, unsigned int first, struct program *program,
	   struct integrity *integrity, struct result *result)
{
	enum verdict verdict;
	bool over = false;
	char *text;

	do {
		verdict = program_expect(program, "\n", LINE_PATIENCE, result, &text);
		if (verdict)
			return verdict;
		verdict = line_take(run, first, text, integrity, &over, result);
		free(text);
	} while (!verdict && !over);
	return verdict;
}

/* That this program is of another release than testpmd is nobody's fault. */
static enum verdict
traffic_start(struct run *run, const struct program_spec *spec, const char *release,
	      struct result *result, struct program **program)
{
	enum verdict verdict = program_start(run, spec, result, program);
	char own[sizeof(run->dpdk)];

	if (verdict == VERDICT_FAIL && strstr(result->text, "error while loading shared"))
		return result_skip(result, PROGRAM " was built with another release of DPDK than "
				   "this testpmd, which is %s: build it with that one", release);
	snprintf(own, sizeof(own), "%s", run->dpdk);
	snprintf(run->dpdk, sizeof(run->dpdk), "%s", release);
	if (verdict || release_is_same(own, release))
		return verdict;
	program_free(*program);
	*program = NULL;
	return result_skip(result, PROGRAM " runs with DPDK %s, and this testpmd is %s: build it "
			   "with that one", own, release);
}

static enum verdict
integrity_pair(struct run *run, unsigned int first, const char *release,
	       struct integrity *integrity, struct result *result)
{
	char path[PATH_MAX], seconds[16];
	const char *const args[] = { seconds, NULL };
	const struct program_spec spec = {
		.path = path,
		.ready = READY,
		.args = args,
		.first = first,
		.count = 2,
	};
	struct program *program;
	enum verdict verdict;

	/* It is installed beside this program. */
	if (launch_beside(PROGRAM, path) || access(path, X_OK))
		return result_skip(result, "%s is not installed", path);
	snprintf(seconds, sizeof(seconds), "%u", run->options->duration);
	verdict = traffic_start(run, &spec, release, result, &program);
	if (verdict)
		return verdict;
	verdict = lines_read(run, first, program, integrity, result);
	program_free(program);
	return verdict == VERDICT_FAIL ? result_of_pair(run, first, result) : verdict;
}

enum verdict
phase_integrity(struct run *run, struct result *result)
{
	struct integrity integrity = { .pairs = json_array() };
	char release[sizeof(run->dpdk)];
	enum verdict verdict;
	unsigned int first;

	verdict = release_find(run, release, sizeof(release), result);
	for (first = 0; !verdict && first + 1 < run->count; first += 2)
		verdict = integrity_pair(run, first, release, &integrity, result);
	result_detail(result, "pairs", integrity.pairs);
	if (verdict)
		return verdict;
	result_pass(result, "%lld packets of %lld to %lld bytes, %lld hugepages",
		    integrity.packets, integrity.smallest, integrity.largest, integrity.pages);
	snprintf(result->text, sizeof(result->text), "%s", integrity.limit);
	return result->verdict;
}
