/* SPDX-License-Identifier: BSD-3-Clause */

#include <inttypes.h>

#include "clock.h"
#include "flow.h"

#define POLL 50		    /* ms */
#define QUIET (3000 / POLL) /* polls without a packet: some NICs count once a second */
#define SETTLE_MOST 30000   /* ms, for others may send without end */
#define BURST_PATIENCE 5000 /* ms until a burst that goes round is seen, or sent again */
#define BURSTS (TESTPMD_PATIENCE / BURST_PATIENCE)
#define AWAIT_PACKETS 64 /* more than a burst */

/*
 * Some drivers count packets by VSI, and unicasts, multicasts and broadcasts by port
 * (drivers/net/intel/i40e/i40e_ethdev.c, i40e_dev_stats_get() and i40e_dev_xstats_get(); ice has
 * the same). Of a port's multicasts not all reach the VSI: the firmware takes LLDP. Those that
 * do are received beyond the unicasts.
 */
static uint64_t
others_received(const struct port_stats *before, const struct port_stats *now)
{
	uint64_t others, received, unicast;

	if (!now->has_others || now->others_received <= before->others_received)
		return 0;
	others = now->others_received - before->others_received;
	if (!now->has_unicast)
		return others;
	received = now->received - before->received;
	unicast = now->unicast_received - before->unicast_received;
	if (received <= unicast)
		return 0;
	return received - unicast < others ? received - unicast : others;
}

struct flow
flow_between(const struct port_stats *from_before, const struct port_stats *from,
	     const struct port_stats *to_before, const struct port_stats *to, bool forwards)
{
	return (struct flow){
		.sent = from->sent - from_before->sent,
		.received = to->received - to_before->received,
		.dropped = to->missed - to_before->missed + to->errors - to_before->errors,
		.foreign = forwards ? 0 : others_received(to_before, to),
	};
}

/* Of those that were sent. */
static uint64_t
flow_arrived(const struct flow *flow)
{
	return flow->received > flow->foreign ? flow->received - flow->foreign : 0;
}

uint64_t
flow_missing(const struct flow *flow)
{
	const uint64_t arrived = flow_arrived(flow);

	return flow->sent > arrived ? flow->sent - arrived : 0;
}

bool
flow_conserved(const struct flow *flow)
{
	return flow_missing(flow) <= flow->dropped;
}

uint64_t
flow_foreign(const struct flow *flow)
{
	const uint64_t arrived = flow_arrived(flow);

	return flow->foreign + (arrived > flow->sent ? arrived - flow->sent : 0);
}

enum verdict
flow_verdict_flood(const struct flow *flow, const char *mode, const char *from, const char *to,
		   struct result *result)
{
	if (flow_arrived(flow) == 0)
		return result_fail(result,
				   "%s: of %" PRIu64 " packets that %s has sent none came "
				   "to %s: are they linked?",
				   mode, flow->sent, from, to);
	if (flow_foreign(flow) <= FLOW_FOREIGN(flow->seconds))
		return VERDICT_PASS;
	return result_fail(result,
			   "%s: %s has received %" PRIu64 " packets that %s "
			   "has not sent: what else sends on that link?",
			   mode, to, flow_foreign(flow), from);
}

enum verdict
flow_verdict(const struct flow *flow, const char *mode, const char *from, const char *to,
	     struct result *result)
{
	enum verdict verdict = flow_verdict_flood(flow, mode, from, to, result);
	char others[80] = "";

	if (verdict != VERDICT_PASS || flow_conserved(flow))
		return verdict;
	if (flow->foreign != 0)
		snprintf(others, sizeof(others),
			 "; %" PRIu64 " broadcasts and multicasts of others came", flow->foreign);
	return result_fail(result,
			   "%s: %" PRIu64 " of %" PRIu64 " packets from %s to %s are lost, "
			   "and the counters show %" PRIu64 " only%s",
			   mode, flow_missing(flow), flow->sent, from, to, flow->dropped, others);
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

/*
 * The packets of others are read first (testpmd_stats()), but here they have to be last: one that
 * comes between would be missing from those that arrive.
 */
enum verdict
flow_begin(struct flow_ports *ends, struct result *result)
{
	struct port_stats later;
	enum verdict verdict;

	ends->begun = clock_ms();
	verdict = flow_look(ends, ends->before, result);
	if (verdict == VERDICT_PASS)
		verdict = testpmd_stats(ends->programs[1], ends->ports[1], &later, result);
	if (verdict == VERDICT_PASS)
		ends->before[1].others_received = later.others_received;
	return verdict;
}

/* Some NICs count once a second, the sender not at the same time as the receiver. */
static bool
flow_is_complete(const struct flow *flow)
{
	return flow->sent != 0 && flow_conserved(flow) && flow_foreign(flow) <= FLOW_FOREIGN(0);
}

enum verdict
flow_settle(struct flow_ports *ends, struct flow *flow, struct result *result)
{
	const long long end = clock_ms() + SETTLE_MOST;
	struct port_stats now[2];
	uint64_t last = 0;
	unsigned int quiet = 0;
	enum verdict verdict;

	for (;;) {
		verdict = flow_look(ends, now, result);
		if (verdict != VERDICT_PASS)
			return verdict;
		*flow = flow_between(&ends->before[0], &now[0], &ends->before[1], &now[1],
				     ends->forwards);
		flow->seconds = (uint64_t)(clock_ms() - ends->begun + 999) / 1000;
		quiet = flow->received == last ? quiet + 1 : 0;
		last = flow->received;
		if ((quiet != 0 && flow_is_complete(flow)) || quiet == QUIET || clock_ms() > end)
			return VERDICT_PASS;
		verdict = program_sleep(ends->programs[1], POLL, result);
		if (verdict != VERDICT_PASS)
			return verdict;
	}
}

/*
 * Has it received packets since that are not of others? A single one of others goes round as
 * well, so that their number means nothing.
 */
static enum verdict
flow_await_port(struct program *program, unsigned int port, int ms, struct result *result)
{
	const long long end = clock_ms() + ms;
	struct port_stats before, now;
	enum verdict verdict;

	verdict = testpmd_stats(program, port, &before, result);
	while (verdict == VERDICT_PASS) {
		verdict = testpmd_stats(program, port, &now, result);
		if (verdict != VERDICT_PASS ||
		    now.received - before.received >=
			    AWAIT_PACKETS + others_received(&before, &now))
			return verdict;
		if (clock_ms() >= end)
			return result_fail(result,
					   "no packets come to port %u: are the ports linked?",
					   port);
		verdict = program_sleep(program, POLL, result);
	}
	return verdict;
}

enum verdict
flow_await(struct program *program, unsigned int ports, int ms, struct result *result)
{
	enum verdict verdict = VERDICT_PASS;

	for (unsigned int port = 0; port < ports && verdict == VERDICT_PASS; port++)
		verdict = flow_await_port(program, port, ms, result);
	return verdict;
}

/* What is sent right after the start of a NIC may get lost. */
enum verdict
flow_start(struct program *program, unsigned int ports, struct result *result)
{
	enum verdict verdict = testpmd_links_up(program, ports, result);

	for (unsigned int left = BURSTS; verdict == VERDICT_PASS; left--) {
		verdict = testpmd_do(program, result, NULL, "start tx_first");
		if (verdict == VERDICT_PASS)
			verdict = flow_await(program, ports, BURST_PATIENCE, result);
		if (verdict != VERDICT_FAIL || left == 1)
			break;
		verdict = testpmd_do(program, result, NULL, "stop");
	}
	return verdict;
}
