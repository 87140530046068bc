/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The fds of a device: as in the kernel, where the group's is another file, the last one that is
 * closed stops the device, and the first one after it resets it.
 */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fake_heap.h"
#include "handle.h"
#include "iommufd_uapi.h"
#include "test_compat.h"

#define COMMAND 0x0546 /* with bus mastering, 4 */
#define STOPPED 0x0542

/* A device, with bus mastering as its driver enables it. */
static int
device_start(int group)
{
	const int fd = device_get(group, ADDR0);

	assert_true(fd >= 0);
	machine.command[0] = COMMAND;
	return fd;
}

#define assert_runs() assert_int_equal(machine.command[0], COMMAND)
#define assert_stopped() assert_int_equal(machine.command[0], STOPPED)

static void
last_fd_that_is_closed_stops_the_device(void **state)
{
	const int group = group_get(GROUP0, container_get()), fd = device_start(group);

	(void)state;
	assert_true(handle_exists(0));
	assert_int_equal(close(fd), 0);
	assert_stopped();
	assert_false(handle_exists(0));
	assert_true(fake_node(CDEV0)->bound);
	close(group);
	assert_int_equal(machine.command_writes, 1);
}

static void
one_of_two_fds_does_not_stop_it(void **state)
{
	const int group = group_get(GROUP0, container_get()), fd = device_start(group);
	const int again = device_get(group, ADDR0);

	(void)state;
	assert_int_equal(machine.resets, 0);
	close(fd);
	assert_runs();
	close(again);
	assert_stopped();
}

static void
fd_of_another_device_does_not_stop_it(void **state)
{
	const int container = container_get();
	const int group = group_get(GROUP0, container), other = group_get(GROUP1, container);
	const int fd = device_start(group), second = device_get(other, ADDR1);

	(void)state;
	machine.command[1] = COMMAND;
	close(second);
	assert_runs();
	assert_int_equal(machine.command[1], STOPPED);
	close(fd);
	assert_stopped();
}

static void
copies_of_an_fd_keep_it_running(void **state)
{
	const int group = group_get(GROUP0, container_get()), fd = device_start(group);
	const int copies[] = { dup(fd), dup2(fd, 500), dup3(fd, 501, O_CLOEXEC),
			       fcntl(fd, F_DUPFD, 5), fcntl(fd, F_DUPFD_CLOEXEC, 5) };

	(void)state;
	close(fd);
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++) {
		assert_runs();
		close(copies[i]);
	}
	assert_stopped();
}

static void
copies_of_copies_keep_it_running(void **state)
{
	const int group = group_get(GROUP0, container_get()), fd = device_start(group);
	const int copy = dup(fd), second = dup(copy);

	(void)state;
	close(fd);
	close(copy);
	assert_runs();
	close(second);
	assert_stopped();
}

/* The fd of the group is no fd of the device, and a copy of it is none. */
static void
fd_of_the_group_does_not_keep_it_running(void **state)
{
	const int group = group_get(GROUP0, container_get()), fd = device_start(group);
	const int copy = dup(group);

	(void)state;
	close(fd);
	assert_stopped();
	machine.command[0] = COMMAND;
	close(copy);
	close(group);
	assert_runs();
}

static void
fd_that_another_file_replaces_is_closed(void **state)
{
	const int group = group_get(GROUP0, container_get()), pagemap = open(PAGEMAP, O_RDONLY);
	int fd = device_start(group);

	(void)state;
	assert_int_equal(dup2(pagemap, fd), fd);
	assert_stopped();
	close(fd);
	fd = device_start(group);
	assert_int_equal(dup3(pagemap, fd, O_CLOEXEC), fd);
	assert_stopped();
}

/* Nothing is closed by it. */
static void
fd_that_cannot_be_replaced_stays(void **state)
{
	const int group = group_get(GROUP0, container_get()), fd = device_start(group);

	(void)state;
	assert_fails(dup2(NO_FD, fd), EBADF);
	assert_fails(dup3(-1, fd, 0), EBADF);
	assert_runs();
	close(fd);
	assert_stopped();
}

/* A copy of itself in its own place, or over another fd of the device. */
static void
fd_that_one_of_the_device_replaces_keeps_it_running(void **state)
{
	const int group = group_get(GROUP0, container_get()), fd = device_start(group);
	const int second = device_get(group, ADDR0);

	(void)state;
	assert_int_equal(dup2(fd, second), second);
	assert_runs();
	close(fd);
	assert_runs();
	close(second);
	assert_stopped();
}

/* Closed by close_range(2), or the like. */
static void
number_that_was_closed_behind_its_back_is_of_no_device(void **state)
{
	const int container = container_get(), other = group_get(GROUP1, container);
	const int fd = device_start(group_get(GROUP0, container));

	(void)state;
	assert_true(device_get(other, ADDR1) >= 0);
	machine.command[1] = COMMAND;
	fake_sys.close(fd);
	assert_false(handle_exists(0));
	assert_int_equal(dup(other), fd);
	close(fd);
	assert_int_equal(open(PAGEMAP, O_RDONLY), fd);
	close(fd);
	assert_int_equal(machine.command_writes, 0);
}

static void
number_that_a_later_fd_has_again_is_that_one(void **state)
{
	const int group = group_get(GROUP0, container_get()), fd = device_start(group);
	int again;

	(void)state;
	close(fd);
	assert_stopped();
	again = device_start(group);
	assert_int_equal(again, fd);
	close(again);
	assert_stopped();
	assert_int_equal(machine.command_writes, 2);
}

static void
first_fd_after_the_last_one_resets_the_device(void **state)
{
	const int group = group_get(GROUP0, container_get());
	int fd = device_get(group, ADDR0), second;

	(void)state;
	second = device_get(group, ADDR0);
	close(fd);
	fd = device_get(group, ADDR0);
	assert_int_equal(machine.resets, 0);
	close(fd);
	close(second);
	fd = device_get(group, ADDR0);
	assert_true(fd >= 0);
	assert_int_equal(machine.resets, 1);
	/* Without a call of close(), too. */
	fake_sys.close(fd);
	assert_true(device_get(group, ADDR0) >= 0);
	assert_int_equal(machine.resets, 2);
}

/* Another process uses it. */
static void
device_that_another_process_has_bound_is_left_alone(void **state)
{
	const int group = open(GROUP0, O_RDWR);
	struct ifd_vfio_bind bind = { .argsz = sizeof(bind), .iommufd = open(FAKE_IOMMU, O_RDWR) };
	int fd;

	(void)state;
	assert_int_equal(fake_sys.ioctl(group, IFD_VFIO_BIND, &bind), 0);
	fd = device_start(group);
	close(fd);
	assert_runs();
	assert_true(device_get(group, ADDR0) >= 0);
	assert_int_equal(machine.resets, 0);
}

static void
device_without_configuration_is_not_stopped(void **state)
{
	const int group = group_get(GROUP0, container_get()), fd = device_start(group);

	(void)state;
	machine.no_pci = true;
	close(fd);
	assert_runs();
}

static int
child_closes(void *arg)
{
	close(*(const int *)arg);
	return machine.command_writes;
}

static int
child_copies(void *arg)
{
	const int copy = dup(*(const int *)arg);

	close(*(const int *)arg);
	close(copy);
	return machine.command_writes;
}

static void
child_does_not_stop_its_parents_device(void **state)
{
	const int group = group_get(GROUP0, container_get());
	int fd = device_start(group);

	(void)state;
	assert_int_equal(compat_child(child_closes, &fd), 0);
	assert_int_equal(compat_child(child_copies, &fd), 0);
	close(fd);
	assert_stopped();
}

static void
short_memory_leaves_it_running(void **state)
{
	const int group = group_get(GROUP0, container_get());
	int fd;

	(void)state;
	assert_true(device_get(group, ADDR1) < 0);
	fake_heap_fail(FAKE_HEAP_REALLOCARRAY);
	fd = device_start(group);
	assert_false(handle_exists(0));
	close(fd);
	assert_runs();
}

int
compat_handle_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(last_fd_that_is_closed_stops_the_device),
		COMPAT_TEST(one_of_two_fds_does_not_stop_it),
		COMPAT_TEST(fd_of_another_device_does_not_stop_it),
		COMPAT_TEST(copies_of_an_fd_keep_it_running),
		COMPAT_TEST(copies_of_copies_keep_it_running),
		COMPAT_TEST(fd_of_the_group_does_not_keep_it_running),
		COMPAT_TEST(fd_that_another_file_replaces_is_closed),
		COMPAT_TEST(fd_that_cannot_be_replaced_stays),
		COMPAT_TEST(fd_that_one_of_the_device_replaces_keeps_it_running),
		COMPAT_TEST(number_that_was_closed_behind_its_back_is_of_no_device),
		COMPAT_TEST(number_that_a_later_fd_has_again_is_that_one),
		COMPAT_TEST(first_fd_after_the_last_one_resets_the_device),
		COMPAT_TEST(device_that_another_process_has_bound_is_left_alone),
		COMPAT_TEST(device_without_configuration_is_not_stopped),
		COMPAT_TEST(child_does_not_stop_its_parents_device),
		COMPAT_TEST(short_memory_leaves_it_running),
	};

	return COMPAT_RUN("compat: handle", tests);
}
