/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev: what killed runs have left is removed, and nothing else. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asserts.h"
#include "leftover.h"
#include "program_files.h"

static char top[] = "/tmp/test-leftover-XXXXXX";

static int
begin(void **state)
{
	(void)state;
	strcpy(top, "/tmp/test-leftover-XXXXXX");
	return mkdtemp(top) != NULL ? 0 : -1;
}

static int
end(void **state)
{
	(void)state;
	return rmdir(top);
}

static const char *
path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", top, name);
	return path;
}

/* Returns it, open. */
static int
file_make(const char *name)
{
	int fd = open(path_of(name), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	assert_return_code(fd, errno);
	return fd;
}

static bool
there(const char *name)
{
	return faccessat(AT_FDCWD, path_of(name), F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
hugepages_of_killed_runs_are_removed(void **state)
{
	(void)state;
	close(file_make("test-vfio-cdev-99-0map_0"));
	close(file_make("test-vfio-cdev-99-1map_131071"));
	close(file_make("test-vfio-cdev-aBc123-1map_5"));
	assert_int_equal(leftover_clear_hugepages(top, NULL), 3);
	assert_false(there("test-vfio-cdev-99-0map_0"));
	assert_false(there("test-vfio-cdev-99-1map_131071"));
}

/* lib/eal/linux/eal_memalloc.c has this lock on each file that it uses. */
static void
hugepages_in_use_stay(void **state)
{
	int fd = file_make("test-vfio-cdev-99-0map_0");

	(void)state;
	assert_return_code(flock(fd, LOCK_SH), errno);
	assert_int_equal(leftover_clear_hugepages(top, NULL), 0);
	assert_true(there("test-vfio-cdev-99-0map_0"));
	close(fd);
	assert_int_equal(leftover_clear_hugepages(top, NULL), 1);
}

/* A run clears up behind a program of its own in the same way. */
static void
hugepages_of_one_program_are_removed(void **state)
{
	static const char prefix[] = "test-vfio-cdev-aBc123-0";
	int fd = file_make("test-vfio-cdev-aBc123-0map_1");

	(void)state;
	close(file_make("test-vfio-cdev-aBc123-0map_0"));
	close(file_make("test-vfio-cdev-aBc123-1map_0"));
	close(file_make("test-vfio-cdev-aBc123-00map_0"));
	assert_return_code(flock(fd, LOCK_SH), errno);
	assert_int_equal(leftover_clear_hugepages(top, prefix), 1);
	assert_false(there("test-vfio-cdev-aBc123-0map_0"));
	assert_true(there("test-vfio-cdev-aBc123-0map_1"));
	close(fd);
	assert_int_equal(leftover_clear_hugepages(top, prefix), 1);
	assert_int_equal(leftover_clear_hugepages(top, NULL), 2);
}

/* It was killed, but its parent, a wrapper, was not there to wait for it. */
static void
hugepages_of_a_program_that_is_ending_are_removed(void **state)
{
	int fd = file_make("test-vfio-cdev-aBc123-0map_0");
	pid_t child;

	(void)state;
	assert_return_code(flock(fd, LOCK_SH), errno);
	child = fork();
	if (child == 0) {
		usleep(300000);
		_exit(0);
	}
	assert_return_code(child, errno);
	close(fd);
	assert_int_equal(leftover_clear_hugepages(top, "test-vfio-cdev-aBc123-0"), 1);
	assert_int_equal(waitpid(child, NULL, 0), child);
}

/* Nor is it waited for. */
static void
pipe_is_removed_as_a_file(void **state)
{
	(void)state;
	assert_return_code(mkfifo(path_of("test-vfio-cdev-99-0map_0"), 0600), errno);
	assert_int_equal(leftover_clear_hugepages(top, NULL), 1);
}

/* It has the directory while it creates a file and has not locked it yet. */
static void
hugepages_of_an_eal_that_starts_stay(void **state)
{
	int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_return_code(dir, errno);
	close(file_make("test-vfio-cdev-99-0map_0"));
	assert_return_code(flock(dir, LOCK_EX), errno);
	assert_int_equal(leftover_clear_hugepages(top, NULL), 0);
	assert_true(there("test-vfio-cdev-99-0map_0"));
	close(dir);
	assert_int_equal(leftover_clear_hugepages(top, NULL), 1);
}

static void
files_of_others_stay(void **state)
{
	static const char *const names[] = { "rtemap_0",
					     "test-vfio-cdev-99-0",
					     "test-vfio-cdev-map_0",
					     "test-vfio-cdev-99-0map_0.bak",
					     "test-vfio-cdev-9-map_0",
					     "test-vfio-cdev-9_9-0map_0",
					     "mytest-vfio-cdev-9-0map_1" };

	(void)state;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		close(file_make(names[i]));
	assert_int_equal(leftover_clear_hugepages(top, NULL), 0);
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_return_code(unlink(path_of(names[i])), errno);
}

static void
directories_of_killed_runs_are_removed(void **state)
{
	(void)state;
	assert_return_code(mkdir(path_of("test-vfio-cdev-aBc123"), 0700), errno);
	assert_return_code(mkdir(path_of("test-vfio-cdev-aBc123/dpdk"), 0700), errno);
	assert_return_code(mkdir(path_of("test-vfio-cdev-aBc123/dpdk/test-vfio-cdev-9-0"), 0700),
			   errno);
	close(file_make("test-vfio-cdev-aBc123/dpdk/test-vfio-cdev-9-0/config"));
	/* A link is removed, and not what it leads to. */
	close(file_make("other"));
	assert_return_code(symlink(top, path_of("test-vfio-cdev-aBc123/link")), errno);
	assert_return_code(symlink("/tmp", path_of("test-vfio-cdev-xxxxxx")), errno);
	assert_int_equal(leftover_clear_directories(top), 1);
	assert_false(there("test-vfio-cdev-aBc123"));
	assert_true(there("other"));
	assert_true(there("test-vfio-cdev-xxxxxx"));
	unlink(path_of("other"));
	unlink(path_of("test-vfio-cdev-xxxxxx"));
}

static void
directory_that_a_run_has_locked_stays(void **state)
{
	int dir;

	(void)state;
	assert_return_code(mkdir(path_of("test-vfio-cdev-aBc123"), 0700), errno);
	close(file_make("test-vfio-cdev-aBc123/file"));
	dir = open(path_of("test-vfio-cdev-aBc123"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_return_code(flock(dir, LOCK_EX), errno);
	assert_int_equal(leftover_clear_directories(top), 0);
	assert_true(there("test-vfio-cdev-aBc123/file"));
	close(dir);
	assert_int_equal(leftover_clear_directories(top), 1);
}

static void
run_has_its_directory_locked(void **state)
{
	char runtime[64];
	int lock, fd;

	(void)state;
	assert_int_equal(program_files_make(runtime, sizeof(runtime), &lock), 0);
	fd = open(runtime, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_return_code(fd, errno);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(lock);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
	assert_int_equal(rmdir(runtime), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(hugepages_of_killed_runs_are_removed),
		TEST(hugepages_in_use_stay),
		TEST(hugepages_of_one_program_are_removed),
		TEST(hugepages_of_a_program_that_is_ending_are_removed),
		TEST(pipe_is_removed_as_a_file),
		TEST(hugepages_of_an_eal_that_starts_stay),
		TEST(files_of_others_stay),
		TEST(directories_of_killed_runs_are_removed),
		TEST(directory_that_a_run_has_locked_stays),
		TEST(run_has_its_directory_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
