/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Packets in all the ways that testpmd has: from port to port and back (io, mac), made
 * and received at the same time (flowgen), and from one process to another (txonly,
 * rxonly). After each of them the receivers go on until the links are empty; then
 * what was sent must have arrived.
 */

#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "phase.h"
#include "stock.h"

#define MODES 4

struct mode {
	const char *name;
	const char *start;
};

/* Of one process; txonly, which comes last, is of two. */
static const struct mode modes[] = {
	{ "io", "start tx_first" },
	{ "mac", "start tx_first" },
	{ "flowgen", "start" },
};

/* What was seen of each mode, in millions of packets a second. */
struct forwarded {
	const char *names[MODES];
	double rates[MODES];
	unsigned int count;
	uint64_t packets;
	uint64_t dropped;
};

static void
forwarded_add(struct forwarded *forwarded, const char *mode, const struct flow *flow,
	      unsigned int seconds)
{
	unsigned int i = forwarded->count;

	if (i == 0 || strcmp(forwarded->names[i - 1], mode) != 0) {
		forwarded->names[i] = mode;
		forwarded->count++;
	} else {
		i--;
	}
	forwarded->rates[i] += (double)flow->received / seconds / 1e6;
	forwarded->packets += flow->received;
	forwarded->dropped += flow->sent - flow->received;
}

static void
forwarded_text(const struct forwarded *forwarded, char *text, size_t size)
{
	int length;

	length = snprintf(text, size, "%.1f M packets, %llu dropped; Mpps",
			  (double)forwarded->packets / 1e6, (unsigned long long)forwarded->dropped);
	for (unsigned int i = 0; i < forwarded->count; i++)
		length += snprintf(text + length, size - (size_t)length, " %s %.2f",
				   forwarded->names[i], forwarded->rates[i]);
}

/* Each port has its packets sent to the one that it is linked to. */
static enum verdict
forward_peers(struct program *program, unsigned int ports, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	const char *mac;
	json_t *info;

	for (unsigned int port = 0; port < ports && verdict == VERDICT_PASS; port++) {
		verdict = program_query(program, result, &info, "/ethdev/info,%u", port);
		if (verdict != VERDICT_PASS)
			return verdict;
		mac = json_string_value(json_object_get(info, "mac_addr"));
		if (mac != NULL)
			verdict = testpmd_do(program, result, NULL, "set eth-peer %u %s", port ^ 1,
					     mac);
		json_decref(info);
	}
	return verdict;
}

/* Forward in a mode for a while, then only receive. */
static enum verdict
forward_flow(struct run *run, struct program *program, const struct mode *mode,
	     struct result *result)
{
	enum verdict verdict;

	progress_step(&run->progress, "%s", mode->name);
	verdict = testpmd_do(program, result, NULL, "set fwd %s", mode->name);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(program, result, NULL, "%s", mode->start);
	if (verdict == VERDICT_PASS)
		verdict = program_sleep(program, (int)run->options->duration * 1000, result);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(program, result, NULL, "stop");
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(program, result, NULL, "set fwd rxonly");
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(program, result, NULL, "start");
	return verdict;
}

/* Both directions of all links. */
static enum verdict
forward_mode(struct run *run, struct program *program, unsigned int ports, const struct mode *mode,
	     struct forwarded *forwarded, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	struct flow_ports *ends;
	struct flow flow;

	ends = calloc(ports, sizeof(*ends));
	if (ends == NULL)
		return result_error(result, "no memory");
	for (unsigned int i = 0; i < ports && verdict == VERDICT_PASS; i++) {
		ends[i] = (struct flow_ports){
			.programs = { program, program },
			.ports = { i, i ^ 1 },
			.names = { run->devices[i].addr, run->devices[i ^ 1].addr },
		};
		verdict = flow_begin(&ends[i], result);
	}
	if (verdict == VERDICT_PASS)
		verdict = forward_flow(run, program, mode, result);
	for (unsigned int i = 0; i < ports && verdict == VERDICT_PASS; i++) {
		verdict = flow_settle(&ends[i], &flow, result);
		if (verdict != VERDICT_PASS)
			break;
		verdict = flow_verdict(&flow, mode->name, ends[i].names[0], ends[i].names[1],
				       result);
		forwarded_add(forwarded, mode->name, &flow, run->options->duration);
	}
	free(ends);
	if (verdict != VERDICT_PASS)
		return verdict;
	return testpmd_do(program, result, NULL, "stop");
}

static enum verdict
forward_alone(struct run *run, bool stock, struct forwarded *forwarded, struct result *result)
{
	unsigned int ports = run->count / 2 * 2;
	const struct program_spec spec = { .count = ports, .stock = stock };
	struct program *program;
	enum verdict verdict;

	verdict = testpmd_start(run, &spec, result, &program);
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = testpmd_links_up(program, ports, result);
	if (verdict == VERDICT_PASS)
		verdict = forward_peers(program, ports, result);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]) && verdict == VERDICT_PASS; i++)
		verdict = forward_mode(run, program, ports, &modes[i], forwarded, result);
	program_free(program);
	return verdict;
}

/* One process with one port that sends, another that receives. */
static enum verdict
forward_start_half(struct run *run, unsigned int port, bool stock, const char *mode,
		   struct result *result, struct program **program)
{
	const char *const args[] = { "--forward-mode", mode, NULL };
	const struct program_spec spec = {
		.args = args,
		.first = port,
		.count = 1,
		.share = port & 1,
		.stock = stock,
	};
	enum verdict verdict;

	progress_step(&run->progress, "starting %s", mode);
	verdict = testpmd_start(run, &spec, result, program);
	return verdict != VERDICT_PASS ? verdict : testpmd_links_up(*program, 1, result);
}

static enum verdict
forward_one_way(struct run *run, struct flow_ports *ends, struct flow *flow, struct result *result)
{
	struct program *sender = ends->programs[0], *receiver = ends->programs[1];
	enum verdict verdict;

	verdict = flow_begin(ends, result);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(receiver, result, NULL, "start");
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(sender, result, NULL, "start");
	progress_step(&run->progress, "txonly, rxonly");
	if (verdict == VERDICT_PASS)
		verdict = program_sleep(sender, (int)run->options->duration * 1000, result);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(sender, result, NULL, "stop");
	if (verdict == VERDICT_PASS)
		verdict = flow_settle(ends, flow, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	flow_flooded(flow);
	return flow_verdict(flow, "txonly", ends->names[0], ends->names[1], result);
}

static enum verdict
forward_halves(struct run *run, unsigned int port, bool stock, struct forwarded *forwarded,
	       struct result *result)
{
	struct flow_ports ends = {
		.names = { run->devices[port].addr, run->devices[port + 1].addr },
	};
	enum verdict verdict;
	struct flow flow;

	verdict = forward_start_half(run, port + 1, stock, "rxonly", result, &ends.programs[1]);
	if (verdict == VERDICT_PASS)
		verdict = forward_start_half(run, port, stock, "txonly", result, &ends.programs[0]);
	if (verdict == VERDICT_PASS)
		verdict = forward_one_way(run, &ends, &flow, result);
	if (verdict == VERDICT_PASS)
		forwarded_add(forwarded, "txonly", &flow, run->options->duration);
	program_free(ends.programs[0]);
	program_free(ends.programs[1]);
	return verdict;
}

static enum verdict
forward_all(struct run *run, bool stock, char *text, size_t size, struct result *result)
{
	struct forwarded forwarded = { 0 };
	enum verdict verdict;

	verdict = forward_alone(run, stock, &forwarded, result);
	for (unsigned int port = 0; port + 1 < run->count && verdict == VERDICT_PASS; port += 2)
		verdict = forward_halves(run, port, stock, &forwarded, result);
	forwarded_text(&forwarded, text, size);
	return verdict;
}

enum verdict
phase_forward(struct run *run, struct result *result)
{
	char text[sizeof(result->figure)];
	enum verdict verdict;

	verdict = forward_all(run, false, text, sizeof(text), result);
	if (verdict != VERDICT_PASS)
		return verdict;
	result_pass(result, "%s", text);
	return stock_compare(run, result, forward_all);
}
