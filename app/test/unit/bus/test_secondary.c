/* SPDX-License-Identifier: BSD-3-Clause */

/* This process as a secondary, which gets its devices from the primary. */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_heap.h"
#include "fake_telemetry.h"
#include "test_bus_mp.h"
#include "vfio_cdev_private.h"

/* The process at the other end. */
static struct {
	struct rte_vfio_cdev_ctx *ctx;
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_device *device;
	struct wire asked;	  /* the last request */
	struct rte_mp_msg answer; /* how it is answered */
	int received;		  /* how many answers come */
	int err;		  /* or the errno */
	unsigned int late;	  /* of the answers: they answer requests before */
	int late_fd;		  /* that each of them brings */
} other;

static void
answer_set(int err, int fd)
{
	const struct wire wire = {
		.magic = WIRE_MAGIC,
		.version = WIRE_VERSION,
		.kind = ANSWER,
		.err = err,
		.pid = PID,
		.policy = policy_get(),
	};

	memset(&other.answer, 0, sizeof(other.answer));
	memcpy(other.answer.param, &wire, sizeof(wire));
	other.answer.len_param = WIRE_LEN;
	if (fd >= 0)
		other.answer.fds[other.answer.num_fds++] = fd;
	other.received = 1;
	other.err = 0;
}

/* The backend holds no lock that another thread of this process may need. */
static int
other_answers(const struct rte_mp_msg *request, struct rte_mp_reply *reply)
{
	uint32_t id;

	assert_int_equal(pthread_mutex_trylock(&backend_lock), 0);
	pthread_mutex_unlock(&backend_lock);
	assert_string_equal(request->name, "vfio_cdev");
	assert_int_equal(request->len_param, WIRE_LEN);
	assert_int_equal(request->num_fds, 0);
	memcpy(&other.asked, request->param, sizeof(other.asked));
	if (other.err != 0)
		return other.err;
	/* As large as it is up to 24.07, so that a sanitizer sees more being touched. */
	reply->nb_sent = 1;
	reply->nb_received = other.received;
	reply->msgs = calloc(1, sizeof(other.answer));
	memcpy(reply->msgs, &other.answer, sizeof(other.answer));
	id = other.asked.id - (other.late > 0);
	memcpy(reply->msgs->param + offsetof(struct wire, id), &id, sizeof(id));
	if (other.late > 0) {
		other.late--;
		reply->msgs->fds[0] = other.late_fd = pipe_end(false);
	}
	return 0;
}

/* This is a secondary, and the primary has BUS_ADDR. */
static int
secondary_begin(void **state)
{
	struct rte_vfio_cdev_info info;

	bus_begin(state);
	memset(&other, 0, sizeof(other));
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	fake_eal()->mp_primary = other_answers;
	assert_int_equal(vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), NULL, NULL, &other.ctx),
			 0);
	assert_int_equal(rte_vfio_cdev_find(other.ctx, fake_sysfs_base(), BUS_ADDR, &info), 0);
	assert_int_equal(rte_vfio_cdev_domain_create(other.ctx, RTE_VFIO_CDEV_NOIOMMU,
						     &other.domain),
			 0);
	return rte_vfio_cdev_device_open(other.domain, &info, NULL, &other.device);
}

static void
other_ends(void)
{
	rte_vfio_cdev_device_close(other.device);
	assert_int_equal(rte_vfio_cdev_domain_destroy(other.domain), 0);
	rte_vfio_cdev_ctx_free(other.ctx);
	memset(&other, 0, sizeof(other));
}

static int
secondary_end(void **state)
{
	other_ends();
	return bus_end(state);
}

static int
device_sent(void)
{
	return fake_send(rte_vfio_cdev_device_fd(other.device));
}

/* Only what the primary has is open: its iommufd and its cdev. */
static void
secondary_fails(void)
{
	int fd;

	log_clear();
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_int_equal(fd, -1);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
	assert_int_equal(rte_vfio_release_device(fake_sysfs_base(), BUS_ADDR, 0), 0);
	assert_int_equal(stock_calls(STOCK_RELEASE), 1);
	fake_eal()->stock[STOCK_RELEASE].calls = 0;
	assert_kernel_holds(2, 0, 0);
	assert_true(fake_node(BUS_NODE)->bound);
}

static void
secondary_gets_the_cdev_of_the_primary(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	unsigned int opened = fake_calls(FAKE_OPEN);
	int fd, sent = device_sent();

	(void)state;
	bus_memory(2);
	answer_set(0, sent);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(fd, sent);
	assert_string_equal(other.asked.addr, BUS_ADDR);
	assert_int_equal(other.asked.magic, WIRE_MAGIC);
	assert_int_equal(other.asked.version, WIRE_VERSION);
	assert_int_equal(other.asked.kind, REQUEST);
	assert_int_equal(other.asked.pid, getpid());
	assert_logged(INFO, BUS_ADDR, BUS_NAME, "no-IOMMU", "from the primary process (pid 4711)");
	assert_int_equal(fake_calls(FAKE_OPEN), opened);
	assert_int_equal(fake_calls(FAKE_MAP), 0);
	assert_int_equal(fake_eal_callbacks(), 0);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);

	assert_int_equal(rte_vfio_get_device_info(fake_sysfs_base(), BUS_ADDR, &fd, &info), 0);
	assert_int_equal(info.num_regions, VFIO_PCI_NUM_REGIONS);
	assert_int_equal(bus_release(BUS_ADDR, fd + 1), -1);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	assert_kernel_holds(2, 0, 0);
	assert_true(fake_node(BUS_NODE)->bound);
}

/* It has devices, and no domain. */
static void
telemetry_of_a_secondary_reports_its_devices(void **state)
{
	char expected[160], *reply;
	int fd;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	answer_set(0, device_sent());
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	reply = fake_telemetry_ask("/vfio_cdev/devices");
	assert_string_equal(reply,
			    "{\"process\":\"secondary\",\"count\":1,\"devices\":[\"" BUS_ADDR
			    "\"]}");
	free(reply);
	reply = fake_telemetry_ask("/vfio_cdev/device," BUS_ADDR);
	snprintf(expected, sizeof(expected), "\"fd\":%d,\"domain\":\"none\",", fd);
	assert_non_null(strstr(reply, expected));
	free(reply);
	reply = fake_telemetry_ask("/vfio_cdev/domains");
	assert_string_equal(reply, "{\"process\":\"secondary\",\"count\":0}");
	free(reply);
	reply = fake_telemetry_ask("/vfio_cdev/mappings");
	assert_string_equal(reply, "{\"process\":\"secondary\",\"count\":0}");
	free(reply);
}

static void
device_outlives_the_primary(void **state)
{
	int fd;

	(void)state;
	answer_set(0, device_sent());
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	other_ends();
	assert_true(fake_node(BUS_NODE)->bound);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	assert_false(fake_node(BUS_NODE)->bound);
}

static void
second_setup_in_a_secondary_is_refused(void **state)
{
	int first, second;

	(void)state;
	answer_set(0, device_sent());
	assert_int_equal(bus_setup(BUS_ADDR, &first), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &second), -1);
	assert_logged(ERR, BUS_ADDR, strerror(EALREADY), "release");
	assert_int_equal(fake_eal()->mp_requests, 1);
	assert_kernel_holds(3, 0, 0);
	assert_int_equal(bus_release(BUS_ADDR, first), 0);
	answer_set(0, device_sent());
	assert_int_equal(bus_setup(BUS_ADDR, &first), 0);
}

static void
memory_of_a_secondary_is_left_to_stock(void **state)
{
	int fd;

	(void)state;
	answer_set(0, device_sent());
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, 4096, 4096,
						    4096),
			 -1);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_int_equal(eal_errno_get(), ENODEV);
	assert_int_equal(rte_vfio_get_container_fd(), -1);
}

static phys_addr_t
some_address(const void *virt)
{
	return (uintptr_t)virt;
}

/* Which its EAL requires before it starts. */
static void
secondary_needs_no_pagemap(void **state)
{
	(void)state;
	assert_int_equal(rte_eal_using_phys_addrs(), 1);
	fake_eal()->process_type = RTE_PROC_PRIMARY;
	fake_eal()->no_pci = true;
	assert_int_equal(rte_eal_using_phys_addrs(), 0);
	fake_eal()->pagemap = some_address;
	assert_int_equal(rte_eal_using_phys_addrs(), 1);
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	fake_eal()->pagemap = NULL;
	fake_sysfs_reset();
	assert_int_equal(rte_eal_using_phys_addrs(), 0);
}

static void
primary_without_an_answer_is_logged(void **state)
{
	static const struct {
		int err;
		const char *what;
		const char *advice;
	} cases[] = {
		{ ETIMEDOUT, "the primary process does not answer",
		  "preload librte_bus_vfio_cdev.so there as well" },
		{ ECONNREFUSED, "is gone", "start it first" },
		{ ENOENT, "is gone", "start it first" },
		{ ENOTSUP, "cannot hand it out", "see its log" },
		{ -1, "cannot hand it out", "Protocol error" },
	};

	(void)state;
	answer_set(0, -1);
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		other.err = cases[i].err;
		secondary_fails();
		assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR, BUS_NAME, cases[i].what,
			      cases[i].advice);
	}
	other.err = other.received = 0;
	secondary_fails();
	assert_logged(ERR, BUS_ADDR, "is not ready", strerror(EAGAIN), "try again");
}

/* The pid is that of the process that has the EAL's lock. */
static void
silent_primary_is_named(void **state)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 8, .l_len = 8 };
	char path[PATH_MAX], text[64];
	int ready[2], fd;
	pid_t pid;

	(void)state;
	fake_sysfs_write("", "run/config");
	snprintf(path, sizeof(path), "%s/run", fake_sysfs_root());
	fake_eal()->runtime_dir = path;
	fake_eal()->mp_primary = NULL;
	secondary_fails();
	assert_logged(ERR, "the primary process does not answer");

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		strcat(path, "/config");
		fd = open(path, O_RDWR);
		if (fcntl(fd, F_SETLK, &lock) == 0 && write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], text, 1), 1);
	secondary_fails();
	snprintf(text, sizeof(text), "the primary process (pid %d) does not answer", pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(ready[0]);
	close(ready[1]);
	assert_logged(ERR, text, strerror(ETIMEDOUT), "preload");
}

static void
refusal_of_the_primary_is_logged(void **state)
{
	static const struct {
		int err;
		const char *what;
	} cases[] = {
		{ ENODEV, "the primary process (pid 4711) has not set it up" },
		{ EBADMSG, "makes no sense" },
		{ EPROTONOSUPPORT, "speaks another version" },
		{ EMFILE, "cannot hand it out" },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		answer_set(cases[i].err, -1);
		secondary_fails();
		assert_logged(ERR, BUS_ADDR, BUS_NAME, cases[i].what, strerror(cases[i].err));
	}
}

static void
other_policy_of_the_primary_is_logged(void **state)
{
	static const struct {
		uint32_t policy;
		const char *text;
	} cases[] = {
		{ POLICY_OFF, "RTE_VFIO_CDEV=prefer here, and off in the primary process (pid" },
		{ POLICY_REQUIRE, "and require in the primary" },
		{ 12345, "and ? in the primary" },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		answer_set(0, device_sent());
		memcpy(other.answer.param + offsetof(struct wire, policy), &cases[i].policy, 4);
		/* The fake kernel's fds are none that the backend could close. */
		fake_sys.close(other.answer.fds[0]);
		secondary_fails();
		assert_logged(ERR, BUS_ADDR, cases[i].text, strerror(EINVAL), "the same in both");
	}
}

/* Of an earlier request, which the primary had not been able to serve in time. */
static void
late_answer_is_not_taken_for_the_next_one(void **state)
{
	int fd, sent = device_sent();

	(void)state;
	answer_set(0, sent);
	other.late = 1;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(fd, sent);
	assert_false(fd_is_open(other.late_fd));
	assert_int_equal(fake_eal()->mp_requests, 2);
}

static void
answers_that_are_all_late_are_none(void **state)
{
	(void)state;
	answer_set(0, 1015);
	other.late = UINT_MAX;
	secondary_fails();
	assert_logged(ERR, BUS_ADDR, "does not answer", strerror(ETIMEDOUT));
	assert_int_equal(fake_eal()->mp_requests, 3);
	assert_false(fd_is_open(other.late_fd));
}

/* A byte of the answer that is wrong, or its length. */
static void
wrong_answer_is_refused(void **state)
{
	static const struct {
		size_t at;
		unsigned char value;
		int len;
		int err;
	} cases[] = {
		{ 0, 0, WIRE_LEN, EBADMSG },
		{ 4, 1, WIRE_LEN, EPROTONOSUPPORT },
		{ 4, 1, 6, EPROTONOSUPPORT },
		{ 4, 1, RTE_MP_MAX_PARAM_LEN, EPROTONOSUPPORT },
		{ 6, REQUEST, WIRE_LEN, EBADMSG },
		{ 6, 77, WIRE_LEN, EBADMSG },
		{ 15, 0x80, WIRE_LEN, EBADMSG }, /* err < 0 */
		{ 14, 0x80, WIRE_LEN, EBADMSG }, /* err > 4095 */
		{ 12, EINVAL, WIRE_LEN, EBADMSG },
		{ 12, ESTALE, WIRE_LEN, EBADMSG },
		{ 0, 0x76, 0, EBADMSG },
		{ 0, 0x76, 5, EBADMSG },
		{ 0, 0x76, WIRE_LEN - 1, EBADMSG },
		{ 0, 0x76, WIRE_LEN + 1, EBADMSG },
		{ 0, 0x76, -1, EBADMSG },
		{ 0, 0x76, WIRE_LEN, EBADMSG }, /* no fd */
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		answer_set(0, -1);
		other.answer.param[cases[i].at] = cases[i].value;
		other.answer.len_param = cases[i].len;
		secondary_fails();
		assert_logged(ERR, BUS_ADDR, "preload the same", strerror(cases[i].err));
	}
	answer_set(0, -1);
	memset(other.answer.param + offsetof(struct wire, addr), 'a', 64);
	secondary_fails();
	assert_logged(ERR, BUS_ADDR, strerror(EBADMSG));
}

static void
unexpected_fds_are_closed(void **state)
{
	const int came = pipe_end(false), ours = pipe_end(true);
	int fd;

	(void)state;
	answer_set(0, device_sent());
	other.answer.fds[1] = came;
	other.answer.num_fds = 2;
	fake_sys.close(other.answer.fds[0]);
	secondary_fails();
	assert_false(fd_is_open(came));

	answer_set(ENODEV, pipe_end(false));
	fd = other.answer.fds[0];
	secondary_fails();
	assert_false(fd_is_open(fd));

	/* The message says that it has them, but they are ours. */
	answer_set(ENODEV, ours);
	other.answer.fds[1] = STDIN_FILENO;
	other.answer.fds[2] = -1;
	other.answer.fds[3] = INT32_MAX;
	other.answer.num_fds = 4;
	secondary_fails();
	assert_true(fd_is_open(ours));
	assert_true(fd_is_open(STDIN_FILENO));
	close(ours);
}

static void
fd_of_something_else_is_refused(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(iommufd_node_open(&fake_sys, FAKE_CDEV(BUS_NAME2), &fd), 0);
	answer_set(0, fake_send(fd));
	fake_sys.close(fd);
	secondary_fails();
	assert_logged(ERR, BUS_ADDR, "cannot take over", BUS_NAME, strerror(ENXIO));

	/* Not one that came: this process has it open. */
	answer_set(0, rte_vfio_cdev_device_fd(other.device));
	secondary_fails();
	assert_logged(ERR, BUS_ADDR, "cannot take over", strerror(EEXIST));

	answer_set(0, 1015);
	secondary_fails();
	assert_logged(ERR, BUS_ADDR, "cannot take over", strerror(EBADF), "no file came");
}

static void
device_without_information_is_given_back(void **state)
{
	(void)state;
	answer_set(0, device_sent());
	fake_fail(FAKE_GET_INFO, 1, EINVAL);
	secondary_fails();
	assert_logged(ERR, BUS_ADDR, "read the device's information", strerror(EINVAL));
}

static void
short_heap_of_a_secondary_leaves_nothing(void **state)
{
	static const enum fake_heap_call calls[] = { FAKE_HEAP_CALLOC, FAKE_HEAP_MALLOC };

	(void)state;
	for (size_t i = 0; i < RTE_DIM(calls); i++) {
		if (calls[i] == FAKE_HEAP_MALLOC)
			answer_set(0, device_sent());
		fake_heap_fail(calls[i]);
		secondary_fails();
		assert_logged(ERR, BUS_ADDR, strerror(ENOMEM));
		assert_int_equal(fake_eal()->mp_requests, i);
	}
}

static void
virtual_addresses_are_refused_in_a_secondary(void **state)
{
	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_VA;
	secondary_fails();
	assert_int_equal(fake_eal()->mp_requests, 0);
}

#define SECONDARY_TEST(name) cmocka_unit_test_setup_teardown(name, secondary_begin, secondary_end)

int
bus_secondary_tests(void)
{
	const struct CMUnitTest tests[] = {
		SECONDARY_TEST(secondary_gets_the_cdev_of_the_primary),
		SECONDARY_TEST(device_outlives_the_primary),
		SECONDARY_TEST(telemetry_of_a_secondary_reports_its_devices),
		SECONDARY_TEST(second_setup_in_a_secondary_is_refused),
		SECONDARY_TEST(memory_of_a_secondary_is_left_to_stock),
		SECONDARY_TEST(secondary_needs_no_pagemap),
		SECONDARY_TEST(primary_without_an_answer_is_logged),
		SECONDARY_TEST(silent_primary_is_named),
		SECONDARY_TEST(refusal_of_the_primary_is_logged),
		SECONDARY_TEST(other_policy_of_the_primary_is_logged),
		SECONDARY_TEST(late_answer_is_not_taken_for_the_next_one),
		SECONDARY_TEST(answers_that_are_all_late_are_none),
		SECONDARY_TEST(wrong_answer_is_refused),
		SECONDARY_TEST(unexpected_fds_are_closed),
		SECONDARY_TEST(fd_of_something_else_is_refused),
		SECONDARY_TEST(device_without_information_is_given_back),
		SECONDARY_TEST(short_heap_of_a_secondary_leaves_nothing),
		SECONDARY_TEST(virtual_addresses_are_refused_in_a_secondary),
	};

	return cmocka_run_group_tests_name("bus: secondary processes", tests, NULL, NULL);
}

/* RTE_VFIO_CDEV=off: stock cannot set it up since the primary has the cdev. */
static void
secondary_that_is_off_is_warned_if_the_primary_is_on(void **state)
{
	const uint32_t prefer = POLICY_PREFER;
	int fd;

	(void)state;
	answer_set(EINVAL, -1);
	memcpy(other.answer.param + offsetof(struct wire, policy), &prefer, sizeof(prefer));
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), 0);
	fake_eal()->stock[STOCK_SETUP].ret = -1;
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), -1);
	assert_int_equal(fake_eal()->mp_requests, 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_logged(ERR, BUS_ADDR, "RTE_VFIO_CDEV=off here, and prefer in the primary process");

	log_clear();
	answer_set(ENODEV, -1);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	other.err = ETIMEDOUT;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	answer_set(0, pipe_end(false));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_false(fd_is_open(other.answer.fds[0]));
	assert_string_equal(log_text(), "");
}

int
bus_secondary_off_tests(void)
{
	const struct CMUnitTest tests[] = {
		SECONDARY_TEST(secondary_that_is_off_is_warned_if_the_primary_is_on),
	};

	return cmocka_run_group_tests_name("bus: secondary processes, off", tests, NULL, NULL);
}
