/* SPDX-License-Identifier: BSD-3-Clause */

/* Packets that a testpmd is to send: first ones that get lost, and those of others. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asserts.h"
#include "clock.h"
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
	assert_string_equal(result.text, "no packets come to port 0: are the ports linked?");
	lost_bursts = 0;
	assert_int_equal(testpmd_do(program, &result, NULL, "start tx_first"), VERDICT_PASS);
	assert_int_equal(flow_await(program, 2, 60000, &result), VERDICT_PASS);
	program_free(program);
}

static char *
answer_slowly(const char *command)
{
	usleep(200000);
	return answer(command);
}

/* Looks take time, too. */
static void
packets_are_waited_for_by_the_clock(void **state)
{
	const struct program_spec spec = { 0 };
	struct program *program;
	long long start;

	(void)state;
	fake_answer = answer_slowly;
	lost_bursts = UINT32_MAX;
	assert_int_equal(testpmd_start(&fake_run, &spec, &result, &program), VERDICT_PASS);
	start = clock_ms();
	assert_int_equal(flow_await(program, 2, 1000, &result), VERDICT_FAIL);
	assert_in_range(clock_ms() - start, 1000, 8000);
	program_free(program);
}

static unsigned int polls, late_polls; /* of the receiver, and those until it counts */
static unsigned int foreign_packets;   /* which come with those of port 0 */

/*
 * 100 packets from port 0 to port 1, and one of others during the first look at the latter; those
 * of foreign_packets are in no other counter.
 */
static char *
answer_late(const char *command)
{
	const unsigned int count = polls > late_polls ? 100 : 0;
	char *text = NULL;

	if (strncmp(command, "/ethdev/stats,", 14) != 0)
		return answer(command);
	if (strcmp(command, "/ethdev/stats,1") == 0 && polls++ == 0)
		broadcasts++;
	if (asprintf(&text,
		     "{\"ipackets\":%" PRIu64 ",\"opackets\":%u,\"imissed\":0,\"ierrors\":0,"
		     "\"rx_nombuf\":0,\"oerrors\":0}",
		     broadcasts + count + (count != 0 ? foreign_packets : 0), count) < 0)
		return NULL;
	return text;
}

static void
flow_is_counted(unsigned int late, unsigned int foreign)
{
	const struct program_spec spec = { 0 };
	struct flow_ports ends = { .ports = { 0, 1 }, .names = { "a", "b" } };
	struct program *program;
	struct flow flow;

	polls = 0;
	late_polls = UINT32_MAX;
	foreign_packets = foreign;
	fake_answer = answer_late;
	assert_int_equal(testpmd_start(&fake_run, &spec, &result, &program), VERDICT_PASS);
	ends.programs[0] = ends.programs[1] = program;
	assert_int_equal(flow_begin(&ends, &result), VERDICT_PASS);
	late_polls = polls - 1 + late;
	assert_int_equal(flow_settle(&ends, &flow, &result), VERDICT_PASS);
	program_free(program);
	assert_int_equal(flow.sent, 100);
	assert_int_equal(flow.received, 100 + foreign);
	if (flow_verdict(&flow, "io", "a", "b", &result) != VERDICT_PASS)
		fail_msg("%s", result.text);
}

/* It comes when those of others have been read, and the others not yet. */
static void
packet_of_others_at_the_beginning_is_no_loss(void **state)
{
	(void)state;
	flow_is_counted(0, 0);
}

/* Some NICs count once a second. */
static void
flow_that_is_not_counted_yet_has_not_ended(void **state)
{
	(void)state;
	flow_is_counted(5, 0);
}

/* So many take seconds more of looking until no more come, in which others may send as well. */
static void
packets_of_others_are_tolerated_for_the_time_that_passed(void **state)
{
	(void)state;
	flow_is_counted(0, FLOW_FOREIGN(2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(restart_repeats_a_first_burst_that_is_lost),
		TEST(packets_of_others_are_not_waited_for),
		TEST(packets_are_waited_for_by_the_clock),
		TEST(packet_of_others_at_the_beginning_is_no_loss),
		TEST(flow_that_is_not_counted_yet_has_not_ended),
		TEST(packets_of_others_are_tolerated_for_the_time_that_passed),
	};

	assert_int_equal(stop_init(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
