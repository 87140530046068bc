/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "testpmd.h"

#define ARGUMENTS 32

/* A pool that suits little memory; a link may change without being waited for. */
static const char *const testpmd_args[] = { "--interactive", "--total-num-mbufs=8192" };

static enum verdict
testpmd_check_ports(struct program *program, const struct run *run, const struct program_spec *spec,
		    struct result *result)
{
	enum verdict verdict;
	unsigned int count, wanted = program_devices(run, spec);
	char what[64];

	verdict = testpmd_ports(program, &count, result);
	if (verdict != VERDICT_PASS || count == wanted)
		return verdict;
	snprintf(what, sizeof(what), "has %u ports of %u devices", count, wanted);
	return program_complain(program, what, result);
}

enum verdict
testpmd_start(struct run *run, const struct program_spec *spec, struct result *result,
	      struct program **program)
{
	const char *args[ARGUMENTS] = { testpmd_args[0], testpmd_args[1] };
	struct program_spec own = *spec;
	enum verdict verdict;

	for (unsigned int i = 0; spec->args != NULL && spec->args[i] != NULL && i + 3 < ARGUMENTS;
	     i++)
		args[i + 2] = spec->args[i];
	own.path = run->options->testpmd;
	own.ready = TESTPMD_PROMPT;
	own.args = args;
	verdict = program_start(run, &own, result, program);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = testpmd_check_ports(*program, run, spec, result);
	if (verdict != VERDICT_PASS) {
		program_free(*program);
		*program = NULL;
	}
	return verdict;
}

/* Commands change from release to release. lib/cmdline/cmdline.c, cmdline_valid_buffer() */
static bool
testpmd_has_done(const char *output)
{
	return strstr(output, "Command not found") == NULL &&
		strstr(output, "Bad arguments") == NULL &&
		strstr(output, "Ambiguous command") == NULL;
}

enum verdict
testpmd_do(struct program *program, struct result *result, char **output, const char *format, ...)
{
	enum verdict verdict;
	char command[256], *text = NULL;
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command) - 1, format, args);
	va_end(args);
	strcat(command, "\n");
	verdict = program_write(program, command, result);
	if (verdict == VERDICT_PASS)
		verdict = program_expect(program, TESTPMD_PROMPT, TESTPMD_PATIENCE, result, &text);
	if (verdict == VERDICT_PASS && !testpmd_has_done(text))
		verdict = result_error(result, "this testpmd has no command '%.*s'",
				       (int)strlen(command) - 1, command);
	if (verdict != VERDICT_PASS || output == NULL)
		free(text);
	else
		*output = text;
	return verdict;
}

/* Is it "rx_broadcast_packets" of a port, or of one of its queues, "rx_q0_broadcast_packets"? */
static bool
xstat_is(const char *key, const char *kind, bool of_queue)
{
	unsigned int queue;
	int length = 0;

	if (strncmp(key, "rx_", 3) != 0)
		return false;
	key += 3;
	if (of_queue && (sscanf(key, "q%u_%n", &queue, &length) != 1 || length == 0))
		return false;
	return strcmp(key + length, kind) == 0;
}

/* False if the driver has no such counter. Those of queues are for drivers without the sum. */
static bool
xstats_sum(const json_t *xstats, const char *kind, uint64_t *sum)
{
	const char *key;
	json_t *value;
	bool found = false;

	for (int of_queue = 0; of_queue < 2 && !found; of_queue++) {
		json_object_foreach((json_t *)(uintptr_t)xstats, key, value) {
			if (!xstat_is(key, kind, of_queue != 0))
				continue;
			*sum += (uint64_t)json_integer_value(value);
			found = true;
		}
	}
	return found;
}

void
testpmd_others(const json_t *xstats, struct port_stats *stats)
{
	uint64_t sum = 0;

	stats->has_others = xstats_sum(xstats, "broadcast_packets", &sum) &&
		xstats_sum(xstats, "multicast_packets", &sum);
	stats->others_received = stats->has_others ? sum : 0;
	sum = 0;
	stats->has_unicast = xstats_sum(xstats, "unicast_packets", &sum);
	stats->unicast_received = sum;
}

/* Before the other counters: a packet that comes between shall not be missing from them. */
static enum verdict
testpmd_xstats(struct program *program, unsigned int port, struct port_stats *stats,
	       struct result *result)
{
	enum verdict verdict;
	json_t *value;

	verdict = program_query(program, result, &value, "/ethdev/xstats,%u", port);
	if (verdict == VERDICT_PASS)
		testpmd_others(value, stats);
	json_decref(value);
	return verdict;
}

enum verdict
testpmd_stats(struct program *program, unsigned int port, struct port_stats *stats,
	      struct result *result)
{
	const struct {
		const char *key;
		uint64_t *number;
	} members[] = {
		{ "ipackets", &stats->received }, { "opackets", &stats->sent },
		{ "imissed", &stats->missed },	  { "ierrors", &stats->errors },
		{ "rx_nombuf", &stats->no_mbuf }, { "oerrors", &stats->unsent },
	};
	enum verdict verdict;
	json_t *value = NULL;

	verdict = testpmd_xstats(program, port, stats, result);
	if (verdict == VERDICT_PASS)
		verdict = program_query(program, result, &value, "/ethdev/stats,%u", port);
	for (unsigned int i = 0;
	     verdict == VERDICT_PASS && i < sizeof(members) / sizeof(members[0]); i++)
		if (telemetry_number(value, members[i].key, members[i].number) != 0)
			verdict = result_error(result, "telemetry: /ethdev/stats,%u has no %s",
					       port, members[i].key);
	json_decref(value);
	return verdict;
}

enum verdict
testpmd_ports(struct program *program, unsigned int *count, struct result *result)
{
	enum verdict verdict;
	json_t *value;

	verdict = program_query(program, result, &value, "/ethdev/list");
	if (verdict != VERDICT_PASS)
		return verdict;
	*count = (unsigned int)json_array_size(value);
	json_decref(value);
	return VERDICT_PASS;
}

static enum verdict
testpmd_link(struct program *program, unsigned int port, bool *up, struct result *result)
{
	enum verdict verdict;
	const char *status;
	json_t *value;

	verdict = program_query(program, result, &value, "/ethdev/link_status,%u", port);
	if (verdict != VERDICT_PASS)
		return verdict;
	status = json_string_value(json_object_get(value, "status"));
	*up = status != NULL && strcmp(status, "UP") == 0;
	json_decref(value);
	return VERDICT_PASS;
}

enum verdict
testpmd_links_up(struct program *program, unsigned int ports, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	const long long end = clock_ms() + TESTPMD_PATIENCE;
	unsigned int port = 0;
	bool up;

	while (port < ports) {
		verdict = testpmd_link(program, port, &up, result);
		if (verdict != VERDICT_PASS)
			return verdict;
		if (up) {
			port++;
			continue;
		}
		if (clock_ms() >= end)
			return result_fail(result, "the link of port %u is down", port);
		verdict = program_sleep(program, 100, result);
		if (verdict != VERDICT_PASS)
			return verdict;
	}
	return VERDICT_PASS;
}
