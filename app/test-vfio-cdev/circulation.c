/* SPDX-License-Identifier: BSD-3-Clause */

#include "circulation.h"

#define TRIES 3
#define STEP 100	/* ms */
#define STEPS 50

static enum verdict
port_receives(struct program *program, unsigned int port, const char *moment,
	      struct result *result)
{
	struct port_stats first, now;
	enum verdict verdict;
	unsigned int i;

	verdict = testpmd_stats(program, port, &first, result);
	for (i = 0; i < STEPS && !verdict; i++) {
		verdict = program_sleep(program, STEP, result);
		if (!verdict)
			verdict = testpmd_stats(program, port, &now, result);
		if (!verdict && now.received > first.received)
			return VERDICT_PASS;
	}
	return verdict ? verdict :
		result_fail(result, "port %u receives no packets%s", port, moment);
}

enum verdict
circulation_check(struct program *program, unsigned int ports, const char *moment,
		  struct result *result)
{
	enum verdict verdict = VERDICT_PASS;
	unsigned int port;

	for (port = 0; port < ports && !verdict; port++)
		verdict = port_receives(program, port, moment, result);
	return verdict;
}

enum verdict
circulation_start(struct program *program, unsigned int ports, struct result *result)
{
	enum verdict verdict;
	unsigned int tries;

	verdict = testpmd_links_up(program, ports, result);
	/* What is sent right after the start of a NIC may get lost. */
	for (tries = 0; tries < TRIES && !verdict; tries++) {
		verdict = testpmd_do(program, result, NULL, "start tx_first");
		if (!verdict)
			verdict = circulation_check(program, ports, ": are the first and the "
						    "second cabled to each other, the third and "
						    "the fourth?", result);
		if (verdict != VERDICT_FAIL || tries + 1 == TRIES)
			return verdict;
		verdict = testpmd_do(program, result, NULL, "stop");
	}
	return verdict;
}
