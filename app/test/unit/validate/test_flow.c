/* SPDX-License-Identifier: BSD-3-Clause */

/* Packets that a testpmd is to send: first ones that get lost, and those of others. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "asserts.h"
#include "fake_testpmd.h"
#include "flow.h"
#include "phase.h"
#include "stop.h"

static struct result result;
static unsigned int lost_bursts; /* of "start tx_first", before packets flow */
static uint64_t received;	 /* by a port, since packets flow */
static uint64_t broadcasts;	 /* of these */

static int
begin(void **state)
{
	lost_bursts = 0;
	received = 0;
	broadcasts = 0;
	return fake_testpmd_open(state);
}

static int
end(void **state)
{
	json_decref(result.details);
	memset(&result, 0, sizeof(result));
	return fake_testpmd_close(state);
}

static char *
stats_answer(void)
{
	char *text = NULL;

	if (fake_testpmd_told("start tx_first") > lost_bursts)
		received += 500;
	if (asprintf(&text,
		     "{\"ipackets\":%" PRIu64 ",\"opackets\":0,\"imissed\":0,\"ierrors\":0,"
		     "\"rx_nombuf\":0,\"oerrors\":0}",
		     received + broadcasts) < 0)
		return NULL;
	return text;
}

/* A testpmd of two ports with links. */
static char *
answer(const char *command)
{
	char *text = NULL;

	if (strcmp(command, "/ethdev/list") == 0)
		return strdup("[0,1]");
	if (strncmp(command, "/ethdev/link_status,", 20) == 0)
		return strdup("{\"status\":\"UP\"}");
	if (strncmp(command, "/ethdev/stats,", 14) == 0)
		return stats_answer();
	if (strncmp(command, "/ethdev/xstats,", 15) == 0 &&
	    asprintf(&text,
		     "{\"rx_broadcast_packets\":%" PRIu64 ",\"tx_broadcast_packets\":0,"
		     "\"rx_multicast_packets\":0,\"tx_multicast_packets\":0}",
		     broadcasts) < 0)
		return NULL;
	return text;
}

/* What is sent right after the start of a NIC may get lost. */
static void
restart_repeats_a_first_burst_that_is_lost(void **state)
{
	(void)state;
	fake_answer = answer;
	lost_bursts = 1;
	assert_int_equal(phase_restart(&fake_run, &result), VERDICT_PASS);
	assert_string_equal(result.figure, "1 starts after SIGKILL, packets after each");
	/* The first of the first start, and one more of each start. */
	assert_int_equal(fake_testpmd_told("start tx_first"), 3);
}

/* An ARP that comes in goes round and round where ports forward. */
static char *
answer_arp(const char *command)
{
	if (strncmp(command, "/ethdev/stats,", 14) == 0)
		broadcasts += 100;
	return answer(command);
}

static void
packets_of_others_are_not_waited_for(void **state)
{
	const struct program_spec spec = { 0 };
	struct program *program;

	(void)state;
	fake_answer = answer_arp;
	lost_bursts = UINT32_MAX;
	assert_int_equal(testpmd_start(&fake_run, &spec, &result, &program), VERDICT_PASS);
	assert_int_equal(flow_await(program, 2, 1000, &result), VERDICT_FAIL);
	assert_string_equal(result.text, "no packets come to port 0");
	lost_bursts = 0;
	assert_int_equal(testpmd_do(program, &result, NULL, "start tx_first"), VERDICT_PASS);
	assert_int_equal(flow_await(program, 2, 60000, &result), VERDICT_PASS);
	program_free(program);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(restart_repeats_a_first_burst_that_is_lost),
		TEST(packets_of_others_are_not_waited_for),
	};

	assert_int_equal(stop_init(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
