/* SPDX-License-Identifier: BSD-3-Clause */

/* The primary queries its secondaries for their devices: both sides. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "fake_telemetry.h"
#include "test_bus_mp.h"

#define STATE 2
#define DEVICES 3
#define MOST 40 /* secondaries */

/* What a secondary answers, byte for byte. */
struct wire_list {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t id;
	uint32_t count;
	int32_t pid;
	char addrs[236];
};

/* How the secondaries answer. */
static struct {
	size_t size; /* of a message of this release */
	int count;
	int err;
	struct wire_list lists[MOST]; /* id: more than that of the request */
	int fd;			      /* that the first one sends, or -1 */
	struct wire asked;
	unsigned int late; /* requests that the first one answers an older one to */
	unsigned int requests;
} others;

static void
other_add(int pid, const char *addrs, unsigned int count)
{
	struct wire_list *list = &others.lists[others.count++];

	*list = (struct wire_list){
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.kind = DEVICES,
		.count = count,
		.pid = pid,
	};
	strcpy(list->addrs, addrs);
}

static int
others_answer(const struct rte_mp_msg *request, struct rte_mp_reply *reply)
{
	struct wire_list list;
	struct rte_mp_msg *msg;

	assert_int_equal(pthread_mutex_trylock(&backend_lock), 0);
	pthread_mutex_unlock(&backend_lock);
	memcpy(&others.asked, request->param, sizeof(others.asked));
	others.requests++;
	if (others.err != 0)
		return others.err;
	reply->nb_sent = reply->nb_received = others.count;
	reply->msgs = calloc(others.count, others.size);
	for (int i = 0; i < others.count; i++) {
		msg = (struct rte_mp_msg *)(void *)((char *)reply->msgs + i * others.size);
		strcpy(msg->name, "vfio_cdev");
		list = others.lists[i];
		list.id += others.asked.id - (i == 0 && others.requests <= others.late);
		memcpy(msg->param, &list, sizeof(list));
		msg->len_param = sizeof(others.lists[i]);
		if (i == 0 && others.fd >= 0)
			msg->fds[msg->num_fds++] = others.fd;
	}
	return 0;
}

static int
peers_begin(void **state)
{
	bus_begin(state);
	memset(&others, 0, sizeof(others));
	others.size = sizeof(struct rte_mp_msg);
	others.fd = -1;
	fake_eal()->mp_primary = others_answer;
	return rte_vfio_enable("vfio");
}

static int
peers_end(void **state)
{
	assert_int_equal(fake_telemetry_leaks(), 0);
	if (fake_telemetry_misuse() != NULL)
		fail_msg("%s", fake_telemetry_misuse());
	return bus_end(state);
}

static void
assert_answer(const char *expected)
{
	char *reply = fake_telemetry_ask("/vfio_cdev/secondaries");

	assert_string_equal(reply, expected);
	free(reply);
}

static void
primary_reports_its_secondaries(void **state)
{
	/* Up to 24.07; from 24.11 on; and from 25.11 on, if they are aligned. */
	static const size_t sizes[] = { 360, 1340, 1344 };

	(void)state;
	for (size_t i = 0; i < RTE_DIM(sizes); i++) {
		others.count = 0;
		others.size = sizes[i];
		other_add(7, "", 0);
		assert_answer("{\"process\":\"primary\",\"count\":1,\"secondaries\":{"
			      "\"7\":{\"count\":0,\"devices\":[]}}}");
		other_add(9, "0000:00:03.0 0000:00:04.0 ", 2);
		other_add(8, "0000:00:03.0 ", 50);
		assert_answer("{\"process\":\"primary\",\"count\":3,\"secondaries\":{"
			      "\"7\":{\"count\":0,\"devices\":[]},"
			      "\"9\":{\"count\":2,\"devices\":[\"0000:00:03.0\",\"0000:00:04.0\"]},"
			      "\"8\":{\"count\":50,\"devices\":[\"0000:00:03.0\"]}}}");
	}
	assert_int_equal(others.asked.magic, WIRE_MAGIC);
	assert_int_equal(others.asked.kind, STATE);
}

static void
no_secondaries_are_no_error(void **state)
{
	(void)state;
	assert_answer("{\"process\":\"primary\",\"count\":0}");
	others.err = ENOTSUP;
	assert_answer("{\"process\":\"primary\",\"count\":0}");
	others.err = ETIMEDOUT;
	assert_answer("{\"error\":\"a secondary process does not answer: preload "
		      "librte_bus_vfio_cdev.so there as well, or try again\"}");
}

/* The longest answer that all of them can give; more are counted. */
static void
many_secondaries_fit(void **state)
{
	char addrs[236] = "";
	char *reply;

	(void)state;
	for (size_t i = 0; i < sizeof(addrs) - 1; i++)
		addrs[i] = i % 13 == 12 ? ' ' : '9';
	for (int i = 0; i < MOST; i++)
		other_add(0x7fffffff - i, addrs, UINT32_MAX);
	reply = fake_telemetry_ask("/vfio_cdev/secondaries");
	assert_non_null(strstr(reply, "\"count\":40,"));
	assert_null(strstr(reply, "\"2147483615\""));
	assert_non_null(strstr(reply, "\"2147483616\""));
	free(reply);
}

static void
false_answers_of_secondaries_are_left_out(void **state)
{
	(void)state;
	others.fd = pipe_end(false);
	other_add(1, "0000:00:03.0 ", 1);
	others.lists[0].magic = 1;
	other_add(2, "0000:00:03.0 ", 1);
	others.lists[1].version = 1;
	other_add(3, "0000:00:03.0 ", 1);
	others.lists[2].kind = ANSWER;
	other_add(0, "0000:00:03.0 ", 1);
	other_add(-5, "0000:00:03.0 ", 1);
	other_add(6, "0000:\n0:03.0 ", 1);
	other_add(7, "0000:\3770:03.0 ", 1);
	other_add(8, "", 1);
	memset(others.lists[7].addrs, 'x', sizeof(others.lists[7].addrs));
	other_add(9, "  0000:00:04.0", 1);
	assert_answer("{\"process\":\"primary\",\"count\":1,\"secondaries\":{"
		      "\"9\":{\"count\":1,\"devices\":[\"0000:00:04.0\"]}}}");
	assert_false(fd_is_open(others.fd));
}

/* Its answer is to an earlier request; the one to this request is on the way. */
static void
secondary_that_is_late_is_asked_again(void **state)
{
	(void)state;
	other_add(7, "", 0);
	other_add(9, "0000:00:03.0 ", 1);
	others.late = 2;
	assert_answer("{\"process\":\"primary\",\"count\":2,\"secondaries\":{"
		      "\"7\":{\"count\":0,\"devices\":[]},"
		      "\"9\":{\"count\":1,\"devices\":[\"0000:00:03.0\"]}}}");
	assert_int_equal(others.requests, 3);
	others.late = UINT32_MAX;
	assert_answer("{\"error\":\"a secondary process does not answer: preload "
		      "librte_bus_vfio_cdev.so there as well, or try again\"}");
	assert_int_equal(others.requests, 6);
}

static void
short_of_memory_there_is_an_error(void **state)
{
	(void)state;
	other_add(9, "0000:00:03.0 ", 1);
	for (unsigned int nth = 1; nth <= 3; nth++) {
		fake_telemetry_fail(nth);
		assert_answer("{\"error\":\"memory is short: try again\"}");
		assert_int_equal(fake_telemetry_leaks(), 0);
	}
}

/* As on the EAL's mp thread of a secondary; was there an answer? */
static bool
state_ask(const struct wire *wire, int fd)
{
	struct rte_mp_msg *msg = calloc(1, sizeof(*msg));

	memcpy(msg->param, wire, sizeof(*wire));
	msg->len_param = WIRE_LEN;
	if (fd >= 0)
		msg->fds[msg->num_fds++] = fd;
	memset(fake_eal_replied(), 0, sizeof(struct fake_mp_msg));
	assert_int_equal(fake_eal()->mp_action(msg, "peer"), 0);
	free(msg);
	return fake_eal_replied()->name[0] != '\0';
}

static void
secondary_answers_its_primary(void **state)
{
	struct wire wire = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .kind = STATE, .id = 5 };
	const int fd = pipe_end(false);
	struct wire_list list;

	bus_begin(state);
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_non_null(fake_eal()->mp_action);
	assert_true(state_ask(&wire, fd));
	assert_false(fd_is_open(fd));
	assert_string_equal(fake_eal_replied()->name, "vfio_cdev");
	assert_int_equal(fake_eal_replied()->num_fds, 0);
	assert_int_equal(fake_eal_replied()->len_param, sizeof(list));
	memcpy(&list, fake_eal_replied()->param, sizeof(list));
	assert_int_equal(list.magic, WIRE_MAGIC);
	assert_int_equal(list.version, WIRE_VERSION);
	assert_int_equal(list.kind, DEVICES);
	assert_int_equal(list.id, wire.id);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.pid, getpid());
	assert_string_equal(list.addrs, "");
	/* It has nothing to hand out. */
	wire.kind = REQUEST;
	assert_false(state_ask(&wire, -1));
	wire.magic = 0;
	assert_false(state_ask(&wire, -1));
	assert_answer("{\"error\":\"this is a secondary process: query the primary\"}");
}

/* The devices of this one are its own, and reported in the same way. */
static void
devices_of_a_secondary_are_listed(void **state)
{
	struct wire wire = { .magic = WIRE_MAGIC, .version = WIRE_VERSION, .kind = STATE };
	struct wire_list list;
	int fd, fd2;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(bus_setup(BUS_ADDR2, &fd2), 0);
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	fake_eal()->mp_action = NULL;
	backend.serving = false;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(state_ask(&wire, -1));
	memcpy(&list, fake_eal_replied()->param, sizeof(list));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.addrs, BUS_ADDR2 " " BUS_ADDR " ");
	fake_eal()->process_type = RTE_PROC_PRIMARY;
}

#define PEERS_TEST(name) cmocka_unit_test_setup_teardown(name, peers_begin, peers_end)

int
bus_peers_tests(void)
{
	const struct CMUnitTest tests[] = {
		PEERS_TEST(primary_reports_its_secondaries),
		PEERS_TEST(no_secondaries_are_no_error),
		PEERS_TEST(many_secondaries_fit),
		PEERS_TEST(false_answers_of_secondaries_are_left_out),
		PEERS_TEST(secondary_that_is_late_is_asked_again),
		PEERS_TEST(short_of_memory_there_is_an_error),
		PEERS_TEST(secondary_answers_its_primary),
		PEERS_TEST(devices_of_a_secondary_are_listed),
	};

	return cmocka_run_group_tests_name("bus: telemetry of secondaries", tests, NULL, NULL);
}
