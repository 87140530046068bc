/* SPDX-License-Identifier: BSD-3-Clause */

/* What programs report of memory that io_uring pins; any socket may have the name. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "asserts.h"
#include "cmd.h"
#include "fake_sysfs.h"
#include "pinning.h"

#define ADDR "0000:00:03.0"
#define HELLO "{\"version\":\"DPDK 25.11\",\"pid\":1,\"max_output_len\":16384}"
#define ANSWER(bytes) "{\"/vfio_cdev/domains\":{\"domains\":{\"pin_only\":{\"bytes\":" bytes "}}}}"

static struct host host;
static int listener;

/* This process is the program, and has the device open. */
static int
program_begin(void **state)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	(void)state;
	fake_sysfs_reset();
	fake_sysfs_mkdir("proc/%d/root/run", getpid());
	fake_sysfs_write("Num RefCount Protocol Flags Type St Inode Path\n"
			 "0: 2 0 10000 0005 01 7 /run/other\n"
			 "0: 2 0 10000 0005 01 8\n"
			 "0: 2 0 10000 0005 01 9 /run/dpdk_telemetry.v2\n",
			 "proc/%d/net/unix", getpid());
	fake_sysfs_write("1:3\n", "sys/bus/pci/devices/" ADDR "/uio/uio0/dev");
	fake_sysfs_link("drivers/igb_uio", "sys/bus/pci/devices/" ADDR "/driver");
	fake_sysfs_write("dpdk-testpmd\n", "proc/%d/comm", getpid());
	fake_sysfs_link("/dev/null", "proc/%d/fd/7", getpid());
	if (host_open(fake_sysfs_root(), &host) < 0)
		return -1;
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/proc/%d/root/run/dpdk_telemetry.v2",
		 fake_sysfs_root(), getpid());
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	return bind(listener, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
			listen(listener, 4) != 0 ?
		-1 :
		0;
}

static int
program_end(void **state)
{
	(void)state;
	close(listener);
	host_close(&host);
	return 0;
}

/* One client; NULL: it gets no answer. */
static void *
client_serve(void *arg)
{
	const char *answer = arg;
	char command[64];
	int fd = accept(listener, NULL, NULL);

	send(fd, HELLO, strlen(HELLO), MSG_NOSIGNAL);
	if (recv(fd, command, sizeof(command), 0) > 0 && answer != NULL)
		send(fd, answer, strlen(answer), MSG_NOSIGNAL);
	while (answer == NULL && recv(fd, command, sizeof(command), 0) > 0)
		continue;
	close(fd);
	return NULL;
}

static bool
pins(int pid, const char *answer)
{
	pthread_t thread;
	bool found;

	assert_int_equal(pthread_create(&thread, NULL, client_serve, (void *)(uintptr_t)answer), 0);
	found = process_pins(&host, pid);
	pthread_join(thread, NULL);
	return found;
}

static void
program_reports_whether_it_pins(void **state)
{
	(void)state;
	assert_true(pins(getpid(), ANSWER("4096")));
	assert_false(pins(getpid(), ANSWER("0")));
	assert_false(pins(getpid(), ANSWER("\"4096\"")));
	assert_false(pins(getpid(), "{\"/vfio_cdev/domains\":null}"));
	assert_false(pins(getpid(), "rubbish"));
	assert_false(pins(getpid(), NULL));
}

/* The path may lead to the socket of another process. */
static void
socket_of_another_process_is_not_queried(void **state)
{
	char target[64];

	(void)state;
	assert_false(process_pins(&host, 1));
	fake_sysfs_write("0: 2 0 10000 0005 01 9 /run/dpdk_telemetry.v2\n", "proc/1/net/unix");
	snprintf(target, sizeof(target), "../%d/root", getpid());
	fake_sysfs_link(target, "proc/1/root");
	assert_false(pins(1, ANSWER("4096")));
}

static void
list_shows_that_a_device_is_pinned(void **state)
{
	pthread_t thread;
	char *text = NULL;
	size_t size;
	FILE *out;

	(void)state;
	for (int json = 0; json < 2; json++) {
		out = open_memstream(&text, &size);
		assert_non_null(out);
		assert_int_equal(pthread_create(&thread, NULL, client_serve,
						(void *)(uintptr_t)ANSWER("1")),
				 0);
		assert_int_equal(list_devices(&host, false, json == 1, out), 0);
		pthread_join(thread, NULL);
		fclose(out);
		assert_non_null(strstr(text, json == 1 ? PINNING_TEXT : "  UIO, pinned  "));
		free(text);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, program_begin, program_end)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(program_reports_whether_it_pins),
		TEST(socket_of_another_process_is_not_queried),
		TEST(list_shows_that_a_device_is_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
