/* SPDX-License-Identifier: BSD-3-Clause */

#include <inttypes.h>

#include "flow.h"

#define AWAIT (TESTPMD_PATIENCE / POLL)
#define POLL 50		    /* ms */
#define QUIET (3000 / POLL) /* polls without a packet: some NICs count once a second */

struct flow
flow_between(const struct port_stats *from_before, const struct port_stats *from,
	     const struct port_stats *to_before, const struct port_stats *to)
{
	return (struct flow){
		.sent = from->sent - from_before->sent,
		.received = to->received - to_before->received,
		.dropped = to->missed - to_before->missed + to->errors - to_before->errors,
	};
}

bool
flow_conserved(const struct flow *flow)
{
	return flow->received <= flow->sent && flow->sent - flow->received <= flow->dropped;
}

void
flow_flooded(struct flow *flow)
{
	if (!flow_conserved(flow) && flow->received < flow->sent)
		flow->dropped = flow->sent - flow->received;
}

enum verdict
flow_verdict(const struct flow *flow, const char *mode, const char *from, const char *to,
	     struct result *result)
{
	if (flow->received == 0)
		return result_fail(result,
				   "%s: of %" PRIu64 " packets that %s has sent none came "
				   "to %s: are they linked?",
				   mode, flow->sent, from, to);
	if (flow_conserved(flow))
		return VERDICT_PASS;
	if (flow->received > flow->sent)
		return result_fail(result,
				   "%s: %s has received %" PRIu64 " packets more than %s "
				   "has sent: does something else send on that link?",
				   mode, to, flow->received - flow->sent, from);
	return result_fail(result,
			   "%s: %" PRIu64 " of %" PRIu64 " packets from %s to %s are lost, "
			   "and the counters show %" PRIu64 " only",
			   mode, flow->sent - flow->received, flow->sent, from, to, flow->dropped);
}

static enum verdict
flow_look(struct flow_ports *ends, struct port_stats *stats, struct result *result)
{
	enum verdict verdict;

	/* The sender first: what it sends meanwhile is not missed at the receiver. */
	verdict = testpmd_stats(ends->programs[0], ends->ports[0], &stats[0], result);
	if (verdict != VERDICT_PASS)
		return verdict;
	return testpmd_stats(ends->programs[1], ends->ports[1], &stats[1], result);
}

enum verdict
flow_begin(struct flow_ports *ends, struct result *result)
{
	return flow_look(ends, ends->before, result);
}

enum verdict
flow_settle(struct flow_ports *ends, struct flow *flow, struct result *result)
{
	struct port_stats now[2];
	uint64_t last = 0;
	unsigned int quiet = 0;
	enum verdict verdict;

	for (;;) {
		verdict = flow_look(ends, now, result);
		if (verdict != VERDICT_PASS)
			return verdict;
		*flow = flow_between(&ends->before[0], &now[0], &ends->before[1], &now[1]);
		quiet = flow->received == last ? quiet + 1 : 0;
		last = flow->received;
		if ((quiet != 0 && flow_conserved(flow)) || quiet == QUIET)
			return VERDICT_PASS;
		verdict = program_sleep(ends->programs[1], POLL, result);
		if (verdict != VERDICT_PASS)
			return verdict;
	}
}

/* Has it received anything since? */
static enum verdict
flow_await_port(struct program *program, unsigned int port, struct result *result)
{
	struct port_stats before, now;
	unsigned int left = AWAIT;
	enum verdict verdict;

	verdict = testpmd_stats(program, port, &before, result);
	for (now = before; verdict == VERDICT_PASS && now.received == before.received; left--) {
		if (left == 0)
			return result_fail(result, "no packets come to port %u", port);
		verdict = program_sleep(program, POLL, result);
		if (verdict == VERDICT_PASS)
			verdict = testpmd_stats(program, port, &now, result);
	}
	return verdict;
}

enum verdict
flow_await(struct program *program, unsigned int ports, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;

	for (unsigned int port = 0; port < ports && verdict == VERDICT_PASS; port++)
		verdict = flow_await_port(program, port, result);
	return verdict;
}

enum verdict
flow_start(struct program *program, unsigned int ports, struct result *result)
{
	enum verdict verdict = testpmd_links_up(program, ports, result);
	unsigned int again = 1;

	while (verdict == VERDICT_PASS) {
		verdict = testpmd_do(program, result, NULL, "start tx_first");
		if (verdict == VERDICT_PASS)
			verdict = flow_await(program, ports, result);
		/* What is sent right after the start of a NIC may get lost. */
		if (verdict != VERDICT_FAIL || again-- == 0)
			break;
		verdict = testpmd_do(program, result, NULL, "stop");
	}
	return verdict;
}
