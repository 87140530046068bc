/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-testpmd in particular: its console, and its ports' counters by telemetry. */

#ifndef APP_TEST_TESTPMD_H
#define APP_TEST_TESTPMD_H

#include "program.h"

#define TESTPMD_PROMPT "testpmd> "
#define TESTPMD_PATIENCE 60000 /* ms: an emulated machine is slow */

struct port_stats {
	uint64_t received;
	uint64_t sent;
	uint64_t missed;	   /* arrived, but no descriptor was free */
	uint64_t errors;	   /* arrived, but broken */
	uint64_t no_mbuf;	   /* arrived, but no mbuf was free */
	uint64_t unsent;	   /* could not be sent */
	uint64_t others_received;  /* broadcasts and multicasts: 0 without has_others */
	uint64_t unicast_received; /* the others, counted where those are: 0 without has_unicast */
	bool has_others;
	bool has_unicast;
};

/*
 * Start testpmd at its prompt, not forwarding. path, ready of the spec are set here; so
 * are arguments that all phases want: args come after them. The ports must be
 * as many as devices.
 */
enum verdict
testpmd_start(struct run *run, const struct program_spec *spec, struct result *result,
	      struct program **program);

/*
 * Give a command and wait for the prompt. *output is what was printed, the command
 * itself included; free() it; may be NULL. VERDICT_ERROR: this testpmd has no such
 * command.
 */
enum verdict
testpmd_do(struct program *program, struct result *result, char **output, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/*
 * The counters of a port. testpmd sends to addresses of single ports only, so broadcasts and
 * multicasts come from others (ARP, LLDP); not all drivers count them.
 */
enum verdict
testpmd_stats(struct program *program, unsigned int port, struct port_stats *stats,
	      struct result *result);

/* Take the packets of others out of an answer to /ethdev/xstats. */
void
testpmd_others(const json_t *xstats, struct port_stats *stats);

/* How many ports it has. */
enum verdict
testpmd_ports(struct program *program, unsigned int *count, struct result *result);

/* Wait until the links of the first so many ports are up. */
enum verdict
testpmd_links_up(struct program *program, unsigned int ports, struct result *result);

#endif /* APP_TEST_TESTPMD_H */
