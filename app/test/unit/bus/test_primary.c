/* SPDX-License-Identifier: BSD-3-Clause */

/* This process as the primary, which gives its devices to secondaries. */

#include <errno.h>
#include <stdlib.h>

#include "fake_heap.h"
#include "test_bus_mp.h"

static struct wire
request_new(const char *addr)
{
	struct wire wire = {
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.kind = REQUEST,
		.id = 0xabcd1234,
		.policy = policy_get(),
	};

	memcpy(wire.addr, addr, strlen(addr));
	return wire;
}

static struct wire
request_send(const struct wire *wire, int len, int fd)
{
	struct rte_mp_msg *msg = calloc(1, sizeof(*msg));
	struct wire answer;

	memcpy(msg->param, wire, sizeof(*wire));
	msg->len_param = len;
	if (fd >= 0)
		msg->fds[msg->num_fds++] = fd;
	memset(fake_eal_replied(), 0, sizeof(struct fake_mp_msg));
	assert_int_equal(fake_eal()->mp_action(msg, "peer"), 0);
	free(msg);
	assert_string_equal(fake_eal_replied()->name, "vfio_cdev");
	assert_int_equal(fake_eal_replied()->len_param, WIRE_LEN);
	memcpy(&answer, fake_eal_replied()->param, sizeof(answer));
	assert_int_equal(answer.magic, WIRE_MAGIC);
	assert_int_equal(answer.version, WIRE_VERSION);
	assert_int_equal(answer.kind, ANSWER);
	assert_int_equal(answer.id, len >= (int)offsetof(struct wire, err) ? wire->id : 0);
	assert_int_equal(answer.pid, getpid());
	assert_int_equal(answer.policy, policy_get());
	return answer;
}

static void
request_is_refused(const struct wire *wire, int len, int fd, int err)
{
	assert_int_equal(request_send(wire, len, fd).err, err);
	assert_int_equal(fake_eal_replied()->num_fds, 0);
}

static void
primary_sends_the_cdev(void **state)
{
	const struct wire wire = request_new(BUS_ADDR);
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_non_null(fake_eal()->mp_action);
	assert_int_equal(request_send(&wire, WIRE_LEN, -1).err, 0);
	assert_int_equal(fake_eal_replied()->num_fds, 1);
	assert_int_not_equal(fake_eal_replied()->fds[0], fd);
	assert_int_equal(fake_calls(FAKE_DUP), 1);
	assert_kernel_holds(2, 0, 0);
	assert_true(fake_node(BUS_NODE)->bound);

	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	request_is_refused(&wire, WIRE_LEN, -1, ENODEV);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
primary_out_of_fds_reports_it(void **state)
{
	const struct wire wire = request_new(BUS_ADDR);
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_fail(FAKE_DUP, 1, EMFILE);
	request_is_refused(&wire, WIRE_LEN, -1, EMFILE);
	fake_heap_fail(FAKE_HEAP_MALLOC);
	request_is_refused(&wire, WIRE_LEN, -1, ENOMEM);
	assert_kernel_holds(2, 0, 0);
}

static void
memory_lock_is_taken(void)
{
	fail_msg("the mp thread takes the EAL's memory lock");
}

/* All are answered, so that no secondary waits, and logged once. */
static void
wrong_request_is_refused(void **state)
{
	static const struct {
		size_t at;
		unsigned char value;
		int len;
		int err;
	} cases[] = {
		{ 0, 0, WIRE_LEN, EBADMSG },
		{ 0, 0x76, 0, EBADMSG },
		{ 0, 0x76, -1, EBADMSG },
		{ 0, 0x76, WIRE_LEN - 1, EBADMSG },
		{ 0, 0x76, RTE_MP_MAX_PARAM_LEN, EBADMSG },
		{ 4, 0, WIRE_LEN, EPROTONOSUPPORT },
		{ 5, 1, 8, EPROTONOSUPPORT },
		{ 6, ANSWER, WIRE_LEN, EBADMSG },
		{ 7, 1, WIRE_LEN, EBADMSG },
		{ 20, POLICY_REQUIRE, WIRE_LEN, EINVAL },
		{ 23, 0xff, WIRE_LEN, EINVAL },
		{ offsetof(struct wire, addr), 'x', WIRE_LEN, ENODEV },
		{ offsetof(struct wire, addr), '\0', WIRE_LEN, ENODEV },
	};
	const int came = pipe_end(false);
	struct wire wire;
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_eal()->lock_hook = memory_lock_is_taken;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		wire = request_new(BUS_ADDR);
		((unsigned char *)&wire)[cases[i].at] = cases[i].value;
		request_is_refused(&wire, cases[i].len, -1, cases[i].err);
	}
	wire = request_new(BUS_ADDR);
	memset(wire.addr, 'a', sizeof(wire.addr));
	request_is_refused(&wire, WIRE_LEN, -1, EBADMSG);
	wire = request_new(BUS_ADDR);
	request_is_refused(&wire, WIRE_LEN, came, EBADMSG);
	assert_false(fd_is_open(came));
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	assert_logged(ERR, "bus.vfio_cdev", "cannot serve a secondary process", "preload the same");
	assert_kernel_holds(2, 0, 0);
	assert_true(fake_node(BUS_NODE)->bound);
	fake_eal()->lock_hook = NULL;
}

static void
primary_serves_from_its_start_on(void **state)
{
	(void)state;
	assert_null(fake_eal()->mp_action);
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_non_null(fake_eal()->mp_action);
	assert_int_equal(rte_vfio_enable("vfio"), 0);
}

static void
process_without_secondaries_is_no_error(void **state)
{
	static const int errs[] = { ENOTSUP, EEXIST, ENOMEM };

	for (size_t i = 0; i < RTE_DIM(errs); i++) {
		bus_begin(state);
		fake_eal()->mp_errno = errs[i];
		assert_int_equal(rte_vfio_enable("vfio"), 0);
		assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), errs[i] == ENOMEM);
	}
	assert_logged(WARNING, "secondary processes will get no device", strerror(ENOMEM));
}

/* The calls of stock's handler of requests from secondaries, on its thread. */
static void *
stock_handler(void *name)
{
	static int answers[2];

	pthread_setname_np(pthread_self(), name);
	answers[0] = rte_vfio_get_group_fd(fake_eal()->group);
	answers[1] = rte_vfio_get_container_fd();
	return answers;
}

static void
secondary_without_the_backend_is_logged(void **state)
{
	static const char *const names[] = { "rte_mp_handle", "dpdk-mp-msg", "lcore-worker-1" };
	pthread_t thread;
	void *result;
	int fd;

	(void)state;
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	fake_eal()->group = 7;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	for (size_t i = 0; i < RTE_DIM(names); i++) {
		pthread_create(&thread, NULL, stock_handler, (void *)(uintptr_t)names[i]);
		pthread_join(thread, &result);
		assert_int_equal(((int *)result)[0], i < 2 ? -1 : -ENOENT);
		/* The EAL would close the iommufd after sending it. */
		assert_int_equal(((int *)result)[1] < 0, i < 2);
	}
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	assert_logged(ERR, BUS_ADDR, BUS_NAME, "a secondary process", "preload", strerror(EBUSY));
}

int
bus_primary_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(primary_sends_the_cdev),
		BUS_TEST(primary_out_of_fds_reports_it),
		BUS_TEST(wrong_request_is_refused),
		BUS_TEST(primary_serves_from_its_start_on),
		BUS_TEST(process_without_secondaries_is_no_error),
		BUS_TEST(secondary_without_the_backend_is_logged),
	};

	return cmocka_run_group_tests_name("bus: primary process", tests, NULL, NULL);
}

static void
primary_that_is_off_reports_it(void **state)
{
	struct wire wire = request_new(BUS_ADDR);

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	request_is_refused(&wire, WIRE_LEN, -1, ENODEV);
	wire.policy = POLICY_PREFER;
	request_is_refused(&wire, WIRE_LEN, -1, EINVAL);
}

int
bus_primary_off_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(primary_that_is_off_reports_it),
	};

	return cmocka_run_group_tests_name("bus: primary process, off", tests, NULL, NULL);
}
