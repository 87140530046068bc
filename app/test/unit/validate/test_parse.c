/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev: what comes from a peer. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "asserts.h"
#include "shared_result.h"
#include "stop.h"
#include "telemetry.h"

#define HELLO "{\"version\":\"DPDK 22.11.11\",\"pid\":7,\"max_output_len\":16384}"

static enum verdict
hello(struct telemetry *telemetry, const char *text)
{
	return telemetry_parse_hello(telemetry, text, strlen(text), &result);
}

static void
hello_has_release_pid_and_room(void **state)
{
	struct telemetry telemetry = { 0 };

	(void)state;
	assert_int_equal(hello(&telemetry, HELLO), VERDICT_PASS);
	assert_string_equal(telemetry.version, "DPDK 22.11.11");
	assert_int_equal(telemetry.pid, 7);
	assert_int_equal(telemetry.room, 16384);
}

static void
malformed_hello_is_an_error(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"\xff\xfe",
		"{\"version\":1,\"pid\":7,\"max_output_len\":16384}",
		"{\"version\":\"DPDK\",\"max_output_len\":16384}",
		"{\"version\":\"DPDK\",\"pid\":0,\"max_output_len\":16384}",
		"{\"version\":\"DPDK\",\"pid\":-7,\"max_output_len\":16384}",
		"{\"version\":\"DPDK\",\"pid\":4294967303,\"max_output_len\":16384}",
		"{\"version\":\"DPDK\",\"pid\":7,\"max_output_len\":0}",
		"{\"version\":\"DPDK\",\"pid\":7,\"max_output_len\":99999999999}",
		"{\"version\":\"DPDK\",\"pid\":\"7\",\"max_output_len\":16384}",
	};
	struct telemetry telemetry = { 0 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(hello(&telemetry, texts[i]), VERDICT_ERROR);
		assert_non_null(strstr(result.text, "malformed"));
		assert_null(strchr(result.text, '\n'));
	}
}

static enum verdict
answer(const char *command, const char *text, json_t **value)
{
	return telemetry_parse_answer(command, text, strlen(text), &result, value);
}

static void
answer_is_the_value_of_its_command(void **state)
{
	json_t *value;
	uint64_t number;

	(void)state;
	assert_int_equal(answer("/ethdev/stats,0", "{\"/ethdev/stats\":{\"ipackets\":5,\"x\":-1}}",
				&value),
			 VERDICT_PASS);
	assert_int_equal(telemetry_number(value, "ipackets", &number), 0);
	assert_int_equal(number, 5);
	assert_int_equal(telemetry_number(value, "x", &number), -EBADMSG);
	assert_int_equal(telemetry_number(value, "none", &number), -EBADMSG);
	json_decref(value);
	assert_int_equal(answer("/unknown", "{\"/unknown\":null}", &value), VERDICT_PASS);
	assert_true(json_is_null(value));
	json_decref(value);
}

static void
malformed_answer_is_an_error(void **state)
{
	static const char *const texts[] = {
		"",
		"{\"/ethdev/stats\":",
		"[1]",
		"3",
		"{\"/other\":{}}",
		"{\"/ethdev/stats,0\":{}}",
		"{\"/ethdev/stats\":{\"ipackets\":99999999999999999999}}",
	};
	unsigned int i;
	json_t *value;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(answer("/ethdev/stats,0", texts[i], &value), VERDICT_ERROR);
		assert_null(value);
		assert_non_null(strstr(result.text, "malformed answer to /ethdev/stats,0"));
	}
}

/* A peer that sends these messages, one when it is connected to, one after each command. */
static char peer_path[] = "/tmp/test-validate-XXXXXX/socket";
static const char *const *peer_says;

static void *
peer(void *arg)
{
	const char *const *says;
	char command[64];
	int listener = *(int *)arg, fd = accept(listener, NULL, NULL);

	for (says = peer_says; *says; says++) {
		if (says != peer_says && recv(fd, command, sizeof(command), 0) <= 0)
			break;
		if (send(fd, *says, strlen(*says), MSG_NOSIGNAL) < 0)
			break;
	}
	close(fd);
	return NULL;
}

static enum verdict
ask_peer(const char *const *says, unsigned int questions)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct telemetry telemetry;
	enum verdict verdict;
	pthread_t thread;
	json_t *value;
	int listener;

	strcpy(strrchr(peer_path, '/'), "");
	assert_non_null(mkdtemp(peer_path));
	peer_path[strlen(peer_path)] = '/';
	strcpy(address.sun_path, peer_path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_return_code(bind(listener, (struct sockaddr *)&address, sizeof(address)), errno);
	assert_return_code(listen(listener, 1), errno);
	peer_says = says;
	assert_int_equal(pthread_create(&thread, NULL, peer, &listener), 0);
	verdict = telemetry_open(&telemetry, peer_path, &result);
	while (!verdict && questions--) {
		verdict = telemetry_query(&telemetry, "/x", &result, &value);
		json_decref(value);
	}
	telemetry_close(&telemetry);
	pthread_join(thread, NULL);
	close(listener);
	unlink(peer_path);
	*strrchr(peer_path, '/') = '\0';
	rmdir(peer_path);
	strcpy(peer_path, "/tmp/test-validate-XXXXXX/socket");
	return verdict;
}

static void
peer_is_asked(void **state)
{
	static const char *const says[] = { HELLO, "{\"/x\":1}", "{\"/x\":[]}", NULL };

	(void)state;
	assert_int_equal(ask_peer(says, 2), VERDICT_PASS);
}

static void
peer_that_goes_away_is_a_failure(void **state)
{
	static const char *const says[] = { HELLO, "{\"/x\":1}", NULL };
	static const char *const nothing[] = { NULL };

	(void)state;
	assert_int_equal(ask_peer(says, 3), VERDICT_FAIL);
	assert_int_equal(ask_peer(nothing, 0), VERDICT_FAIL);
}

static void
peer_that_sends_nonsense_is_an_error(void **state)
{
	static const char *const first[] = { "hello", NULL };
	static const char *const second[] = { HELLO, "{\"/x\":", NULL };

	(void)state;
	assert_int_equal(ask_peer(first, 0), VERDICT_ERROR);
	assert_int_equal(ask_peer(second, 1), VERDICT_ERROR);
}

static void
absent_socket_is_an_error(void **state)
{
	struct telemetry telemetry;
	char path[256];

	(void)state;
	assert_int_equal(telemetry_open(&telemetry, "/nonesuch", &result), VERDICT_ERROR);
	assert_non_null(strstr(result.text, "No such file"));
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(telemetry_open(&telemetry, path, &result), VERDICT_ERROR);
}

#define TEST(name) cmocka_unit_test_teardown(name, result_clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hello_has_release_pid_and_room),
		TEST(malformed_hello_is_an_error),
		TEST(answer_is_the_value_of_its_command),
		TEST(malformed_answer_is_an_error),
		TEST(peer_is_asked),
		TEST(peer_that_goes_away_is_a_failure),
		TEST(peer_that_sends_nonsense_is_an_error),
		TEST(absent_socket_is_an_error),
	};

	assert_int_equal(stop_init(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
