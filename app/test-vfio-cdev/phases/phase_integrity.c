/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * dpdk-test-vfio-cdev-traffic on each two ports that are linked: it sends from and
 * into every hugepage of its own, and compares what comes back.
 */

#include "companion.h"
#include "damage.h"
#include "phase.h"

/* Of all pairs of ports. */
struct integrity {
	long long packets;
	long long smallest, largest;
	long long pages, full;
	long long foreign; /* packets of others */
	char limit[320];   /* where no larger ones, and why; or "" */
	json_t *pairs;
};

static void
integrity_add(const struct run *run, unsigned int first, struct integrity *integrity, json_t *found)
{
	long long value = json_integer_value(json_object_get(found, "smallest"));
	const char *limit = json_string_value(json_object_get(found, "why_not_larger"));

	integrity->packets += json_integer_value(json_object_get(found, "received"));
	integrity->foreign += json_integer_value(json_object_get(found, "foreign"));
	integrity->pages += json_integer_value(json_object_get(found, "covered"));
	integrity->full += json_integer_value(json_object_get(found, "full"));
	if (integrity->smallest == 0 || value < integrity->smallest)
		integrity->smallest = value;
	value = json_integer_value(json_object_get(found, "largest"));
	if (value > integrity->largest)
		integrity->largest = value;
	if (limit != NULL && limit[0] != '\0')
		snprintf(integrity->limit, sizeof(integrity->limit),
			 "no packets of more than "
			 "%lld bytes between %s and %s: %s",
			 value, run->devices[first].addr, run->devices[first + 1].addr, limit);
	json_object_del(found, "event");
	json_array_append(integrity->pairs, found);
}

/* Put the ports before the text of the result. */
static enum verdict
result_of_pair(const struct run *run, unsigned int first, struct result *result)
{
	char text[sizeof(result->text)];

	snprintf(text, sizeof(text), "%s", result->text);
	return result_fail(result, "%s and %s (ports 0 and 1): %s", run->devices[first].addr,
			   run->devices[first + 1].addr, text);
}

static enum verdict
integrity_pair(struct run *run, unsigned int first, struct integrity *integrity,
	       struct result *result)
{
	char seconds[16];
	const char *const args[] = { seconds, NULL };
	const struct program_spec spec = { .args = args, .first = first, .count = 2 };
	struct program *program;
	enum verdict verdict;
	json_t *found;

	snprintf(seconds, sizeof(seconds), "%u", run->options->duration);
	verdict = companion_start(run, &spec, result, &program);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = companion_result(run, program, result, &found);
	program_free(program);
	if (verdict == VERDICT_PASS) {
		verdict = damage_verdict(found, result);
		integrity_add(run, first, integrity, found);
	}
	json_decref(found);
	return verdict == VERDICT_FAIL ? result_of_pair(run, first, result) : verdict;
}

/* The most important of what the figure does not say. */
static void
integrity_remark(const struct integrity *integrity, struct result *result)
{
	char *const text = result->text;
	const size_t size = sizeof(result->text);

	if (integrity->limit[0] != '\0')
		snprintf(text, size, "%s", integrity->limit);
	else if (integrity->foreign != 0)
		snprintf(text, size,
			 "%lld packets came that were of another sender, and were left out",
			 integrity->foreign);
	else if (integrity->full != 0)
		snprintf(text, size,
			 "%lld more hugepages have no room for a packet beside other data of "
			 "this program, and were left out",
			 integrity->full);
}

enum verdict
phase_integrity(struct run *run, struct result *result)
{
	struct integrity integrity = { .pairs = json_array() };
	enum verdict verdict = VERDICT_PASS;

	for (unsigned int first = 0; verdict == VERDICT_PASS && first + 1 < run->count; first += 2)
		verdict = integrity_pair(run, first, &integrity, result);
	result_detail(result, "pairs", integrity.pairs);
	if (verdict != VERDICT_PASS)
		return verdict;
	result_pass(result, "%lld packets of %lld to %lld bytes, %lld hugepages", integrity.packets,
		    integrity.smallest, integrity.largest, integrity.pages);
	integrity_remark(&integrity, result);
	return result->verdict;
}
