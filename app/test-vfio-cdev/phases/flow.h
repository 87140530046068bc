/* SPDX-License-Identifier: BSD-3-Clause */

/* Packets between linked ports: none may be lost, and none may come from nowhere. */

#ifndef APP_TEST_FLOW_H
#define APP_TEST_FLOW_H

#include "testpmd.h"

/* So many packets of others (ARP, LLDP) are nothing to wonder at in so many seconds, as passed. */
#define FLOW_FOREIGN(seconds) (32 + 2 * (uint64_t)(seconds))

/* What one port has sent and the port at the other end has received. */
struct flow {
	uint64_t sent;
	uint64_t received;
	uint64_t dropped; /* by the receiver's own counters */
	uint64_t foreign; /* received, but not sent: as far as the counters show */
	uint64_t seconds; /* that passed between the looks, rounded up */
};

/*
 * What went from a port to the other between two looks at their counters. Hardware
 * counts a packet as missed, or broken, or both: dropped is the most there can be. Where
 * ports forward, a broadcast of others goes round and round, and only what was received
 * beyond what was sent is known to be foreign. The time is flow_settle()'s to fill in.
 */
struct flow
flow_between(const struct port_stats *from_before, const struct port_stats *from,
	     const struct port_stats *to_before, const struct port_stats *to, bool forwards);

/* Has all that was sent arrived, or been accounted for? Foreign packets make up for none. */
bool
flow_conserved(const struct flow *flow);

/* How many of those sent have not arrived. */
uint64_t
flow_missing(const struct flow *flow);

/* Packets of others: those that the counters show, and what was received beyond what was sent. */
uint64_t
flow_foreign(const struct flow *flow);

/*
 * VERDICT_FAIL, in words, if it is not conserved, nothing has arrived, or more packets of
 * others came than FLOW_FOREIGN().
 */
enum verdict
flow_verdict(const struct flow *flow, const char *mode, const char *from, const char *to,
	     struct result *result);

/* The same, but what is lost is no failure: of a sender that does not wait. */
enum verdict
flow_verdict_flood(const struct flow *flow, const char *mode, const char *from, const char *to,
		   struct result *result);

/* Links of a program: port 0 to port 1, port 2 to port 3, and back. */
struct flow_ports {
	struct program *programs[2]; /* of the sender and of the receiver: may be one */
	unsigned int ports[2];
	const char *names[2]; /* addresses of their devices */
	struct port_stats before[2];
	long long begun; /* clock_ms() */
	bool forwards;	 /* the sender sends what it receives */
};

/* Look at the counters of both: this is where the flow begins. */
enum verdict
flow_begin(struct flow_ports *ends, struct result *result);

/*
 * Look at them until all has arrived, or for long enough nothing more does, with
 * the receiver at work. Not without end: others may send all the time.
 */
enum verdict
flow_settle(struct flow_ports *ends, struct flow *flow, struct result *result);

/*
 * Wait for links, and set packets going that come round again and again. Each phase starts
 * them this way: a burst that is lost is sent again.
 */
enum verdict
flow_start(struct program *program, unsigned int ports, struct result *result);

/*
 * Wait until each of the first so many ports of a forwarding program receives packets, and
 * not only those of others, as far as these are counted: one that is not, as of drivers without
 * such counters, goes round as well. VERDICT_FAIL after so many ms for each port.
 */
enum verdict
flow_await(struct program *program, unsigned int ports, int ms, struct result *result);

#endif /* APP_TEST_FLOW_H */
