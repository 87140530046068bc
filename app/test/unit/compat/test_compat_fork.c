/* SPDX-License-Identifier: BSD-3-Clause */

/* Children of fork(2), and of vfork(2), which share the memory of their parent. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compat.h"
#include "test_compat.h"

#define PRESENT (UINT64_C(1) << 63)
#define STACK (UINT64_C(1) << 20)

/* What a child does with the files of its parent. */
struct files {
	int pagemap, container, group;
	uint64_t pinned; /* in the end */
	const char *wrong;
};

static struct files
files_get(void)
{
	struct files files = { .pagemap = open(PAGEMAP, O_RDONLY) };

	files.container = container_get();
	files.group = group_get(GROUP0, files.container);
	return files;
}

static bool
reads(int fd, const void *va, uint64_t entry)
{
	uint64_t is = 0;

	return pread(fd, &is, 8, (off_t)((uintptr_t)va / FAKE_PAGE * 8)) == 8 && is == entry;
}

static int
wrong(const char *what)
{
	fprintf(stderr, "child: %s (%s); log:\n%s", what, strerror(errno), log_text());
	return 1;
}

/* The parent has bound a device: all that maps memory is refused. */
static int
child_is_refused(void *arg)
{
	const struct files *files = arg;
	const unsigned int maps = fake_calls(FAKE_MAP);
	int fd;

	log_clear();
	if (!reads(files->pagemap, FAKE_VA(0), PRESENT | FAKE_PHYS(0) / FAKE_PAGE))
		return wrong("pagemap of the parent is not the kernel's");
	fd = open(PAGEMAP, O_RDONLY);
	if (!reads(fd, FAKE_VA(0), PRESENT | FAKE_PHYS(0) / FAKE_PAGE))
		return wrong("pagemap is not the kernel's");
	if (!is_node(open(GROUP1, O_RDWR), GROUP1))
		return wrong("the group is not the kernel's");
	if (!is_node(open(COMPAT_CONTAINER, O_RDWR), COMPAT_CONTAINER))
		return wrong("the container is not the kernel's");
	if (!is_node(device_get(files->group, ADDR0), CDEV0))
		return wrong("the device of the parent is not given");
	if (fake_calls(FAKE_MAP) != maps)
		return wrong("memory was mapped");
	if (log_count(RTE_VFIO_CDEV_LOG_ERR) != 1 ||
	    !log_has(RTE_VFIO_CDEV_LOG_ERR,
		     (const char *[]){ "forked", strerror(EOPNOTSUPP), NULL }))
		return wrong("it was not logged, or more than once");
	return 0;
}

static void
child_of_a_process_with_a_device_is_refused(void **state)
{
	struct files files = files_get();

	(void)state;
	assert_true(device_get(files.group, ADDR0) >= 0);
	assert_int_equal(compat_child(child_is_refused, &files), 0);
	/* The parent goes on. */
	assert_true(reads(files.pagemap, FAKE_VA(0), PRESENT | FAKE_PHYS(0) / FAKE_PAGE));
	assert_int_equal(fake_holds().pinned, FAKE_PAGE);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static int
child_gets_no_device(void *arg)
{
	const struct files *files = arg;

	log_clear();
	errno = 0;
	if (device_get(files->group, ADDR0) != -1 || errno != EOPNOTSUPP)
		return wrong("a device was bound");
	return log_count(RTE_VFIO_CDEV_LOG_ERR) == 1 ? 0 : wrong("it was not logged");
}

static void
child_of_a_process_with_addresses_gets_no_device(void **state)
{
	struct files files = files_get();

	(void)state;
	assert_true(reads(files.pagemap, FAKE_VA(0), PRESENT | FAKE_PHYS(0) / FAKE_PAGE));
	assert_int_equal(rte_vfio_cdev_iommufds_open(), 1);
	assert_int_equal(compat_child(child_gets_no_device, &files), 0);
}

/* A daemon: what the parent has opened is its own. */
static int
child_starts(void *arg)
{
	struct files *files = arg;
	int fd;

	if (!reads(files->pagemap, FAKE_VA(HUGE), PRESENT | FAKE_PHYS(HUGE) / FAKE_PAGE) ||
	    fake_holds().pinned != 0)
		return wrong("pagemap of the parent is not the kernel's");
	if (device_get(files->group, ADDR0) < 0)
		return wrong("no device");
	fd = open(PAGEMAP, O_RDONLY);
	if (!reads(fd, FAKE_VA(0), PRESENT | FAKE_PHYS(0) / FAKE_PAGE))
		return wrong("no address");
	return fake_holds().pinned == FAKE_PAGE ? 0 : wrong("not pinned");
}

static void
child_of_a_process_without_addresses_starts_anew(void **state)
{
	struct files files = files_get();

	(void)state;
	pthread_mutex_lock(&front_lock); /* of another thread */
	pthread_mutex_lock(&bind_lock);
	assert_int_equal(compat_child(child_starts, &files), 0);
	pthread_mutex_unlock(&bind_lock);
	pthread_mutex_unlock(&front_lock);
}

static int
child_compares(void *arg)
{
	const struct files *files = arg;

	fake_page_move(FAKE_VA(0), FAKE_PHYS(HUGE));
	errno = 0;
	if (device_get(files->group, ADDR0) != -1 || errno != EADDRNOTAVAIL)
		return wrong("a device was given");
	fake_page_move(FAKE_VA(0), FAKE_PHYS(0));
	if (device_get(files->group, ADDR0) < 0)
		return wrong("no device");
	return fake_holds().pinned == FAKE_PAGE ? 0 : wrong("not pinned");
}

/* The child may have them in its memory, and its pages may be others now. */
static void
child_is_held_to_addresses_that_its_parent_was_given(void **state)
{
	struct files files = { .pagemap = open(PAGEMAP, O_RDONLY) };

	(void)state;
	assert_true(reads(files.pagemap, FAKE_VA(0), PRESENT | FAKE_PHYS(0) / FAKE_PAGE));
	files.container = container_get();
	files.group = group_get(GROUP0, files.container);
	assert_int_equal(rte_vfio_cdev_iommufds_open(), 0);
	assert_int_equal(compat_child(child_compares, &files), 0);
}

static int
sharing_run(void *arg)
{
	struct files *files = arg;

	if (!reads(files->pagemap, FAKE_VA(0), PRESENT | FAKE_PHYS(0) / FAKE_PAGE))
		files->wrong = "pagemap is not the kernel's";
	if (!is_node(open(GROUP0, O_RDWR), GROUP0))
		files->wrong = "the group is not the kernel's";
	files->pinned = fake_holds().pinned;
	_exit(0);
}

/* It has the parent's memory, and is not its process. */
static void
child_that_shares_the_memory_gets_the_kernels(void **state)
{
	struct files files = files_get();
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t pid;

	(void)state;
	assert_ptr_not_equal(stack, MAP_FAILED);
	pid = clone(sharing_run, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &files);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	munmap(stack, STACK);
	assert_null(files.wrong);
	assert_int_equal(files.pinned, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_true(reads(files.pagemap, FAKE_VA(0), PRESENT | FAKE_PHYS(0) / FAKE_PAGE));
	assert_int_equal(fake_holds().pinned, FAKE_PAGE);
}

int
compat_fork_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(child_of_a_process_with_a_device_is_refused),
		COMPAT_TEST(child_of_a_process_with_addresses_gets_no_device),
		COMPAT_TEST(child_of_a_process_without_addresses_starts_anew),
		COMPAT_TEST(child_is_held_to_addresses_that_its_parent_was_given),
		COMPAT_TEST(child_that_shares_the_memory_gets_the_kernels),
	};

	return COMPAT_RUN("compat: fork", tests);
}
