/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Packets in all the ways that testpmd has: from port to port and back (io, mac), made
 * and received at the same time (flowgen), and from one process to another (txonly,
 * rxonly). After each of them the receivers go on until the links are empty; then
 * what was sent must have arrived. Only txonly may flood a link that is made of software,
 * which drops without a counter: so after it single bursts have to arrive, all of them.
 */

#include <stdlib.h>
#include <string.h>

#include "flow.h"
#include "phase.h"
#include "stock.h"

#define MODES 4
#define DRAIN 1000	/* ms until nothing is on its way */
#define BURSTS 10	/* from one process to another, that must arrive */
#define FIRST_BURSTS 20 /* that may get lost, right after the start of a NIC */

struct mode {
	const char *name;
	const char *start;
	bool forwards; /* it sends what it receives */
};

/* Of one process; txonly, which comes last, is of two. */
static const struct mode modes[] = {
	{ "io", "start tx_first", true },
	{ "mac", "start tx_first", true },
	{ "flowgen", "start", false },
};

/* What was seen of each mode, in millions of packets a second. */
struct forwarded {
	const char *names[MODES];
	double rates[MODES];
	unsigned int count;
	uint64_t packets;
	uint64_t dropped;
	uint64_t foreign;
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
	forwarded->dropped += flow_missing(flow);
	forwarded->foreign += flow_foreign(flow);
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

/*
 * Send nothing more, and receive what is on its way. The last burst of a mode stays in the ring if
 * its doorbell is lost, as QEMU's tcg,thread=single may do, which has no memory barrier against the
 * device's thread: one burst more brings it along.
 */
static enum verdict
forward_drain(struct program *program, struct result *result)
{
	enum verdict verdict = testpmd_do(program, result, NULL, "stop");

	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(program, result, NULL, "set fwd rxonly");
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(program, result, NULL, "start tx_first");
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
		verdict = forward_drain(program, result);
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
			.forwards = mode->forwards,
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

/* Packets flow, and none is on its way any more: what is counted from now on gets through. */
static enum verdict
forward_first(struct program *program, unsigned int ports, struct result *result)
{
	enum verdict verdict = flow_start(program, ports, result);

	if (verdict == VERDICT_PASS)
		verdict = forward_drain(program, result);
	if (verdict == VERDICT_PASS)
		verdict = program_sleep(program, DRAIN, result);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(program, result, NULL, "stop");
	return verdict;
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
	verdict = forward_first(program, ports, result);
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

/* One burst from the sender, which only receives apart from that. */
static enum verdict
forward_burst(struct flow_ports *ends, struct flow *flow, struct result *result)
{
	struct program *sender = ends->programs[0];
	enum verdict verdict = flow_begin(ends, result);

	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(sender, result, NULL, "start tx_first");
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(sender, result, NULL, "stop");
	return verdict != VERDICT_PASS ? verdict : flow_settle(ends, flow, result);
}

/* Until one gets through. */
static enum verdict
forward_first_burst(struct flow_ports *ends, struct result *result)
{
	struct flow flow = { 0 };
	enum verdict verdict;

	verdict = testpmd_do(ends->programs[0], result, NULL, "set fwd rxonly");
	for (unsigned int i = 0; verdict == VERDICT_PASS; i++) {
		verdict = forward_burst(ends, &flow, result);
		if (flow_missing(&flow) == 0 || i == FIRST_BURSTS)
			break;
	}
	return verdict;
}

/* What is on its way is little, so that nothing may be lost. */
static enum verdict
forward_bursts(struct flow_ports *ends, struct result *result)
{
	enum verdict verdict;
	struct flow flow;

	verdict = testpmd_do(ends->programs[0], result, NULL, "set fwd rxonly");
	for (unsigned int i = 0; i < BURSTS && verdict == VERDICT_PASS; i++) {
		verdict = forward_burst(ends, &flow, result);
		if (verdict != VERDICT_PASS)
			return verdict;
		verdict = flow_verdict(&flow, "txonly, one burst", ends->names[0], ends->names[1],
				       result);
	}
	return verdict;
}

static enum verdict
forward_flood(struct run *run, struct flow_ports *ends, struct flow *flow, struct result *result)
{
	struct program *sender = ends->programs[0];
	enum verdict verdict;

	progress_step(&run->progress, "txonly, rxonly");
	verdict = testpmd_do(sender, result, NULL, "set fwd txonly");
	if (verdict == VERDICT_PASS)
		verdict = flow_begin(ends, result);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(sender, result, NULL, "start");
	if (verdict == VERDICT_PASS)
		verdict = program_sleep(sender, (int)run->options->duration * 1000, result);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_do(sender, result, NULL, "stop");
	if (verdict == VERDICT_PASS)
		verdict = flow_settle(ends, flow, result);
	if (verdict != VERDICT_PASS)
		return verdict;
	return flow_verdict_flood(flow, "txonly", ends->names[0], ends->names[1], result);
}

static enum verdict
forward_one_way(struct run *run, struct flow_ports *ends, struct flow *flow, struct result *result)
{
	enum verdict verdict;

	verdict = testpmd_do(ends->programs[1], result, NULL, "start");
	if (verdict == VERDICT_PASS)
		verdict = forward_first_burst(ends, result);
	if (verdict == VERDICT_PASS)
		verdict = forward_flood(run, ends, flow, result);
	if (verdict == VERDICT_PASS)
		verdict = forward_bursts(ends, result);
	return verdict;
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
	result_detail(result, "foreign", json_integer((json_int_t)forwarded.foreign));
	return verdict;
}

/* Told, and no failure: FLOW_FOREIGN(). */
static void
forward_note(struct result *result)
{
	const json_int_t foreign = json_integer_value(json_object_get(result->details, "foreign"));

	if (foreign != 0)
		snprintf(result->text, sizeof(result->text),
			 "%lld packets came that no port of these has sent: something else, such "
			 "as a switch, sends on a link",
			 (long long)foreign);
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
	forward_note(result);
	return stock_compare(run, result, forward_all);
}
