/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev: whether the packets that were sent arrived, and those of others. */

#include <errno.h>
#include <string.h>

#include "asserts.h"
#include "flow.h"
#include "shared_result.h"

static void
packets_are_conserved(void **state)
{
	static const struct port_stats zero;
	const struct port_stats before = { .sent = 10, .received = 7, .missed = 1 };
	const struct port_stats from = { .sent = 110 };
	const struct port_stats to = { .received = 97, .missed = 9, .errors = 2, .no_mbuf = 50 };
	struct flow flow = flow_between(&before, &from, &before, &to, false);

	(void)state;
	assert_int_equal(flow.sent, 100);
	assert_int_equal(flow.received, 90);
	assert_int_equal(flow.dropped, 10);
	assert_true(flow_conserved(&flow));
	assert_int_equal(flow_verdict(&flow, "io", "a", "b", &result), VERDICT_PASS);
	flow = flow_between(&zero, &zero, &zero, &zero, false);
	assert_true(flow_conserved(&flow));
}

static void
flooded_links_may_drop(void **state)
{
	const struct flow lossy = { 100, 90, 3, 0, 1 }, strange = { 100, 200, 0, 0, 1 };
	const struct flow dead = { 100, 0, 0, 0, 1 }, arp = { 100, 3, 0, 3, 1 };

	(void)state;
	assert_int_equal(flow_verdict_flood(&lossy, "txonly", "a", "b", &result), VERDICT_PASS);
	assert_int_equal(flow_missing(&lossy), 10);
	assert_int_equal(flow_verdict_flood(&strange, "txonly", "a", "b", &result), VERDICT_FAIL);
	assert_int_equal(flow_verdict_flood(&dead, "txonly", "a", "b", &result), VERDICT_FAIL);
	/* Packets of others are none of its own. */
	assert_int_equal(flow_verdict_flood(&arp, "txonly", "a", "b", &result), VERDICT_FAIL);
}

static void
lost_packets_are_a_failure(void **state)
{
	(void)state;
	assert_int_equal(flow_verdict(&(struct flow){ 100, 90, 9, 0, 1 }, "io", "a", "b", &result),
			 VERDICT_FAIL);
	assert_string_equal(result.text,
			    "io: 10 of 100 packets from a to b are lost, and the "
			    "counters show 9 only");
	assert_int_equal(flow_verdict(&(struct flow){ 100, 0, 100, 0, 1 }, "io", "a", "b", &result),
			 VERDICT_FAIL);
	assert_non_null(strstr(result.text, "are they linked?"));
}

/* A switch sends some: LLDP, ARP, a spanning tree. */
static void
few_packets_of_others_are_no_failure(void **state)
{
	const struct flow unseen = { 100, 134, 0, 0, 1 }, seen = { 100, 110, 0, 10, 1 };
	struct flow many = { 100, 135, 0, 0, 1 };

	(void)state;
	assert_int_equal(flow_verdict(&unseen, "io", "a", "b", &result), VERDICT_PASS);
	assert_int_equal(flow_foreign(&unseen), 34);
	assert_int_equal(flow_verdict(&seen, "io", "a", "b", &result), VERDICT_PASS);
	assert_int_equal(flow_foreign(&seen), 10);
	assert_int_equal(flow_verdict(&many, "io", "a", "b", &result), VERDICT_FAIL);
	assert_string_equal(result.text,
			    "io: b has received 35 packets that a has not sent: what else sends on "
			    "that link?");
	many.seconds = 2;
	assert_int_equal(flow_verdict(&many, "io", "a", "b", &result), VERDICT_PASS);
}

static void
packets_of_others_hide_no_loss(void **state)
{
	const struct flow hidden = { 100, 100, 0, 1, 1 };

	(void)state;
	assert_int_equal(flow_verdict(&hidden, "io", "a", "b", &result), VERDICT_FAIL);
	assert_string_equal(result.text,
			    "io: 1 of 100 packets from a to b are lost, and the counters show 0 "
			    "only; 1 broadcasts and multicasts of others came");
}

static struct port_stats
others_of(const char *text)
{
	struct port_stats stats = { 0 };
	json_t *xstats = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(xstats);
	testpmd_others(xstats, &stats);
	json_decref(xstats);
	return stats;
}

static void
others_are_counted_by_port_or_queue(void **state)
{
	struct port_stats stats;

	(void)state;
	stats = others_of("{\"rx_broadcast_packets\":3,\"rx_multicast_packets\":4,"
			  "\"tx_broadcast_packets\":1,\"tx_multicast_packets\":1,"
			  "\"rx_q0_broadcast_packets\":9}");
	assert_true(stats.has_others);
	assert_int_equal(stats.others_received, 7);
	stats = others_of("{\"rx_q0_broadcast_packets\":3,\"rx_q1_broadcast_packets\":4,"
			  "\"rx_q0_multicast_packets\":5,\"tx_q0_broadcast_packets\":1,"
			  "\"tx_q0_multicast_packets\":1,\"rx_qx_multicast_packets\":7}");
	assert_true(stats.has_others);
	assert_int_equal(stats.others_received, 12);
	stats = others_of("{\"rx_broadcast_packets\":3,\"rx_good_packets\":4}");
	assert_false(stats.has_others);
	assert_int_equal(stats.others_received, 0);
	assert_false(others_of("null").has_others);
}

/* i40e, ice: a port has more of them than reach the VSI, whose packets are those received. */
static void
multicasts_that_end_at_the_port_are_no_loss(void **state)
{
	const struct port_stats zero = { .has_others = true }, from = { .sent = 100 };
	struct port_stats to = others_of("{\"rx_unicast_packets\":100,\"rx_multicast_packets\":3,"
					 "\"rx_broadcast_packets\":1}");
	struct flow flow;

	(void)state;
	to.received = 100;
	flow = flow_between(&zero, &from, &zero, &to, false);
	assert_int_equal(flow_foreign(&flow), 0);
	assert_true(flow_conserved(&flow));
	to.received = 102;
	flow = flow_between(&zero, &from, &zero, &to, false);
	assert_int_equal(flow_foreign(&flow), 2);
	assert_true(flow_conserved(&flow));
	/* One that has not come to the port is missed among them. */
	to.received = 103;
	to.unicast_received = 99;
	flow = flow_between(&zero, &from, &zero, &to, false);
	assert_int_equal(flow_missing(&flow), 1);
	assert_false(flow_conserved(&flow));
}

/* A port that forwards sends on what others have sent: it comes back, and is not new. */
static void
packets_of_others_that_go_round_count_once(void **state)
{
	const struct port_stats zero = { .has_others = true };
	struct port_stats from = { .sent = 109, .has_others = true };
	struct port_stats to = { .received = 110, .others_received = 10, .has_others = true };
	struct flow flow = flow_between(&zero, &from, &zero, &to, true);

	(void)state;
	assert_int_equal(flow_foreign(&flow), 1);
	assert_true(flow_conserved(&flow));
	from.sent = 100;
	flow = flow_between(&zero, &from, &zero, &to, false);
	assert_int_equal(flow_foreign(&flow), 10);
	assert_true(flow_conserved(&flow));
	/* One that is lost is not hidden by them. */
	from.sent = 101;
	flow = flow_between(&zero, &from, &zero, &to, false);
	assert_int_equal(flow_missing(&flow), 1);
	assert_false(flow_conserved(&flow));
	to.has_others = false;
	flow = flow_between(&zero, &from, &zero, &to, false);
	assert_int_equal(flow_foreign(&flow), 9);
}

#define TEST(name) cmocka_unit_test_teardown(name, result_clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(packets_are_conserved),
		TEST(flooded_links_may_drop),
		TEST(lost_packets_are_a_failure),
		TEST(few_packets_of_others_are_no_failure),
		TEST(packets_of_others_hide_no_loss),
		TEST(others_are_counted_by_port_or_queue),
		TEST(multicasts_that_end_at_the_port_are_no_loss),
		TEST(packets_of_others_that_go_round_count_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
