/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev: what comes from a peer, and what is concluded from it. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "addresses.h"
#include "asserts.h"
#include "flow.h"
#include "stop.h"

#define HELLO "{\"version\":\"DPDK 22.11.11\",\"pid\":7,\"max_output_len\":16384}"

static struct result result;

static int
result_clear(void **state)
{
	(void)state;
	json_decref(result.details);
	memset(&result, 0, sizeof(result));
	return 0;
}

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

#define SEGMENT ", socket_id:0, hugepage_sz:2097152, nchannel:4, nrank:0 fd:9\n"

static void
physmem_is_parsed(void **state)
{
	static const char text
		[] = "dump_physmem\n"
		     "Segment 0-0: IOVA:0x2000000, len:2097152, virt:0x100200000" SEGMENT
		     "Segment 4-12: IOVA:0x1c0000000, len:1073741824, virt:0x7f0000000000" SEGMENT;
	struct segments segments;

	(void)state;
	assert_int_equal(segments_parse(text, &segments), 0);
	assert_int_equal(segments.count, 2);
	assert_int_equal(segments.list[0].iova, 0x2000000);
	assert_int_equal(segments.list[1].va, 0x7f0000000000);
	assert_int_equal(segments.list[1].length, 1 << 30);
	segments_free(&segments);
}

static void
malformed_physmem_is_an_error(void **state)
{
	struct segments segments;

	(void)state;
	assert_int_equal(segments_parse("", &segments), -EBADMSG);
	assert_int_equal(segments_parse("Bad arguments\n", &segments), -EBADMSG);
	assert_int_equal(segments_parse("Segment 0-0: IOVA:0x2000000, len:2097152\n", &segments),
			 -EBADMSG);
	assert_int_equal(segments_parse("Segment 0-0: IOVA:0x2000000, len:0, virt:0x1000" SEGMENT,
					&segments),
			 -EBADMSG);
	assert_null(segments.list);
}

static int
mapping_of(const char *text, struct mapping *mapping)
{
	json_t *object = json_loads(text, 0, NULL);
	int ret;

	assert_non_null(object);
	ret = mapping_parse(object, mapping);
	json_decref(object);
	return ret;
}

#define PLACE "\"va\":\"0x1000\",\"iova\":\"0x9000\",\"state\":\"pinned\""
#define SIZE ",\"length\":8192,\"page_size\":4096"

static void
mapping_is_parsed(void **state)
{
	struct mapping mapping;

	(void)state;
	assert_int_equal(mapping_of("{" PLACE SIZE "}", &mapping), 0);
	assert_true(mapping.pinned);
	assert_false(mapping.has_kernel);
	assert_int_equal(mapping_of("{" PLACE SIZE ",\"kernel\":\"0x9000\",\"kernel_last\":"
				    "\"0xa000\"}",
				    &mapping),
			 0);
	assert_true(mapping.has_kernel);
	assert_int_equal(mapping.va, 0x1000);
	assert_int_equal(mapping.kernel_last, 0xa000);
	assert_int_equal(mapping_check(&mapping, &result), VERDICT_PASS);
}

static void
malformed_mapping_is_an_error(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"{" PLACE "}",
		"{" PLACE ",\"length\":8192,\"page_size\":0}",
		"{" PLACE ",\"length\":8191,\"page_size\":4096}",
		"{" PLACE ",\"length\":-8192,\"page_size\":4096}",
		"{" PLACE ",\"length\":0,\"page_size\":4096}",
		"{\"va\":4096,\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{\"va\":\"4096\",\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{\"va\":\"0x\",\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{\"va\":\"0x10g\",\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{\"va\":\"0x11112222333344445\",\"iova\":\"0x9000\",\"state\":\"pinned\"" SIZE "}",
		"{" PLACE SIZE ",\"kernel\":\"0x9000\"}",
	};
	struct mapping mapping;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(mapping_of(texts[i], &mapping), -EBADMSG);
}

static struct mapping list[] = {
	{ .va = 0x1000, .iova = 0x9000, .length = 0x2000, .page_size = 0x1000 },
	{ .va = 0x8000, .iova = 0x1000, .length = 0x1000, .page_size = 0x1000 },
};
static const struct mappings mappings = { .list = list, .count = 2 };

static void
segment_is_where_it_is_mapped(void **state)
{
	(void)state;
	assert_ptr_equal(mappings_find(&mappings, 0x2fff), &list[0]);
	assert_ptr_equal(mappings_find(&mappings, 0x8000), &list[1]);
	assert_null(mappings_find(&mappings, 0xfff));
	assert_null(mappings_find(&mappings, 0x3000));
	assert_null(mappings_find(&mappings, 0x9000));
	assert_int_equal(segment_check(&(struct segment){ 0x2000, 0xa000, 0x1000 }, &mappings,
				       &result),
			 VERDICT_PASS);
}

static void
segment_elsewhere_is_a_failure(void **state)
{
	(void)state;
	assert_int_equal(segment_check(&(struct segment){ 0x2000, 0x9000, 0x1000 }, &mappings,
				       &result),
			 VERDICT_FAIL);
	assert_string_equal(result.text,
			    "page 0x2000: the IOAS has it at 0xa000, the EAL at 0x9000");
	assert_int_equal(segment_check(&(struct segment){ 0x4000, 0x9000, 0x1000 }, &mappings,
				       &result),
			 VERDICT_FAIL);
	assert_non_null(strstr(result.text, "not mapped in the IOAS"));
	/* Its end is not. */
	assert_int_equal(segment_check(&(struct segment){ 0x2000, 0xa000, 0x2000 }, &mappings,
				       &result),
			 VERDICT_FAIL);
}

static void
page_that_moved_is_a_failure(void **state)
{
	struct mapping mapping = list[0];

	(void)state;
	mapping.has_kernel = true;
	mapping.kernel = 0x9000;
	mapping.kernel_last = 0xb000;
	assert_int_equal(mapping_check(&mapping, &result), VERDICT_FAIL);
	assert_string_equal(result.text,
			    "page 0x2000: the IOAS has it at 0xa000, the kernel at 0xb000");
	mapping.kernel = 0x8000;
	assert_int_equal(mapping_check(&mapping, &result), VERDICT_FAIL);
	mapping.has_kernel = false;
	assert_int_equal(mapping_check(&mapping, &result), VERDICT_PASS);
}

static void
pagemap_has_an_address_or_not(void **state)
{
	(void)state;
	assert_int_equal(pagemap_address(UINT64_C(0x8180000000000012), 0x5234), 0x12234);
	assert_int_equal(pagemap_address(UINT64_C(0x8000000000000000), 0x5234), 0);
	assert_int_equal(pagemap_address(0x12, 0x5234), 0);
}

static void
packets_are_conserved(void **state)
{
	static const struct port_stats zero;
	const struct port_stats before = { .sent = 10, .received = 7, .missed = 1 };
	const struct port_stats from = { .sent = 110 };
	const struct port_stats to = { .received = 97, .missed = 9, .errors = 2, .no_mbuf = 50 };
	struct flow flow = flow_between(&before, &from, &before, &to);

	(void)state;
	assert_int_equal(flow.sent, 100);
	assert_int_equal(flow.received, 90);
	assert_int_equal(flow.dropped, 10);
	assert_true(flow_conserved(&flow));
	assert_int_equal(flow_verdict(&flow, "io", "a", "b", &result), VERDICT_PASS);
	flow = flow_between(&zero, &zero, &zero, &zero);
	assert_true(flow_conserved(&flow));
}

static void
flooded_links_may_drop(void **state)
{
	struct flow lossy = { 100, 90, 3 }, strange = { 100, 101, 0 }, dead = { 100, 0, 0 };

	(void)state;
	flow_flooded(&lossy);
	assert_int_equal(lossy.dropped, 10);
	assert_int_equal(flow_verdict(&lossy, "txonly", "a", "b", &result), VERDICT_PASS);
	flow_flooded(&strange);
	assert_int_equal(flow_verdict(&strange, "txonly", "a", "b", &result), VERDICT_FAIL);
	flow_flooded(&dead);
	assert_int_equal(flow_verdict(&dead, "txonly", "a", "b", &result), VERDICT_FAIL);
}

static void
lost_packets_are_a_failure(void **state)
{
	(void)state;
	assert_int_equal(flow_verdict(&(struct flow){ 100, 90, 9 }, "io", "a", "b", &result),
			 VERDICT_FAIL);
	assert_string_equal(result.text,
			    "io: 10 of 100 packets from a to b are lost, and the "
			    "counters show 9 only");
	assert_int_equal(flow_verdict(&(struct flow){ 100, 0, 100 }, "io", "a", "b", &result),
			 VERDICT_FAIL);
	assert_non_null(strstr(result.text, "are they linked?"));
	assert_int_equal(flow_verdict(&(struct flow){ 100, 101, 5 }, "io", "a", "b", &result),
			 VERDICT_FAIL);
	assert_non_null(strstr(result.text, "1 packets more"));
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
		TEST(physmem_is_parsed),
		TEST(malformed_physmem_is_an_error),
		TEST(mapping_is_parsed),
		TEST(malformed_mapping_is_an_error),
		TEST(segment_is_where_it_is_mapped),
		TEST(segment_elsewhere_is_a_failure),
		TEST(page_that_moved_is_a_failure),
		TEST(pagemap_has_an_address_or_not),
		TEST(packets_are_conserved),
		TEST(flooded_links_may_drop),
		TEST(lost_packets_are_a_failure),
	};

	assert_int_equal(stop_init(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
