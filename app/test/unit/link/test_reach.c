/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A program that calls each function that the C library front stands before, run with it
 * preloaded. Built plainly and with _FORTIFY_SOURCE, which makes other functions of the calls.
 * The argument is the front's version script.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "asserts.h"
#include "slots.h"

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))

static const char *export_map;

/* Not known to the compiler, so that the fortified functions are called. */
/* clang's calls of glibc's functions are checked where it compiles, or not at all. */
#ifdef __clang__
#define IS_CHECKED 0
#else
#define IS_CHECKED FORTIFIED
#endif

static volatile size_t eight = 8;
static volatile int read_only = O_RDONLY;

/* Visit the names in the version script. Returns how many there are. */
static unsigned int
exports_walk(void (*visit)(const char *name))
{
	FILE *file = fopen(export_map, "re");
	unsigned int count = 0;
	char line[256], name[64];

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "\t%63[a-z0-9_];", name) == 1 && strchr(line, ';') != NULL &&
		    strstr(line, "local") == NULL) {
			visit(name);
			count++;
		}
	fclose(file);
	return count;
}

static void
export_check(const char *name)
{
	const void *found = dlsym(RTLD_DEFAULT, name);

	if (found == NULL || strcmp(file_of(found), FRONT) != 0)
		fail_msg("%s() is that of %s", name, file_of(found));
	if (dlsym(RTLD_NEXT, name) == NULL && strcmp(name, "dlopen") != 0)
		fail_msg("%s() is none of the C library's", name);
}

static void
each_function_is_the_fronts(void **state)
{
	(void)state;
	assert_in_range(exports_walk(export_check), 30, 100);
}

/* Of the calls of this program, as they were compiled. */
static void
assert_called(const char *name)
{
	void **slot = slot_of(map_of(dlopen(NULL, RTLD_NOW)), name);

	if (slot == NULL)
		fail_msg("%s() is not called", name);
	if (strcmp(file_of(*slot), FRONT) != 0)
		fail_msg("%s() goes to %s", name, file_of(*slot));
}

static void
calls_of_this_program_go_to_the_front(void **state)
{
	static const char *const always[] = {
		"open64", "openat64", "close",	 "ioctl",	"dup",
		"dup2",	  "dup3",     "fcntl64", "mmap64",	"munmap",
		"mremap", "madvise",  "shmdt",	 "fallocate64", "dlopen",
	};
	static const char *const plain[] = { "read", "pread64", "readlink", "readlinkat" };
	static const char *const fortified[] = {
		"__read_chk",	    "__pread64_chk", "__readlink_chk",
		"__readlinkat_chk", "__open64_2",    "__openat64_2",
	};
	const size_t count = sizeof(fortified) / sizeof(fortified[0]);

	(void)state;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		assert_called(always[i]);
	for (size_t i = 0; i < count && IS_CHECKED; i++)
		assert_called(fortified[i]);
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]) && !FORTIFIED; i++)
		assert_called(plain[i]);
}

static void
files_are_opened_and_read_as_ever(void **state)
{
	char text[8] = "";
	const int fds[] = {
		open("/dev/null", read_only | O_CLOEXEC),
		openat(AT_FDCWD, "/dev/null", read_only),
		open("/dev/null", O_RDWR | O_CREAT, 0600),
		openat(AT_FDCWD, "/dev/null", O_RDWR | O_CREAT, 0600),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		assert_true(fds[i] >= 0);
		assert_int_equal(read(fds[i], text, eight), 0);
		assert_int_equal(pread(fds[i], text, eight, 0), 0);
		assert_int_equal(ioctl(fds[i], TIOCGWINSZ, text), -1);
		assert_int_equal(errno, ENOTTY);
		close(fds[i]);
	}
	assert_int_equal(open("/nowhere", read_only), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(readlink("/proc/self/fd/nothing", text, eight), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(readlink("/proc/self/exe", text, eight), 8);
	assert_int_equal(readlinkat(AT_FDCWD, "/proc/self/exe", text, eight), 8);
	assert_int_equal(text[0], '/');
}

static void
files_are_copied_as_ever(void **state)
{
	const int fd = open("/dev/null", read_only),
		  copies[] = {
			  dup(fd),
			  dup2(fd, 100),
			  dup3(fd, 101, O_CLOEXEC),
			  fcntl(fd, F_DUPFD, 200),
			  fcntl(fd, F_DUPFD_CLOEXEC, 300),
		  };

	(void)state;
	assert_true(copies[0] > fd && copies[0] < 100);
	assert_int_equal(copies[1], 100);
	assert_int_equal(copies[2], 101);
	assert_int_equal(fcntl(copies[1], F_GETFD), 0);
	assert_int_equal(fcntl(copies[2], F_GETFD), FD_CLOEXEC);
	assert_int_equal(copies[3], 200);
	assert_int_equal(copies[4], 300);
	for (size_t i = 0; i < sizeof(copies) / sizeof(copies[0]); i++)
		assert_int_equal(close(copies[i]), 0);
	close(fd);
}

static void
memory_is_mapped_as_ever(void **state)
{
	const int segment = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
	char *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *attached;

	(void)state;
	assert_ptr_not_equal(memory, MAP_FAILED);
	memory[5] = 'x';
	memory = mremap(memory, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	assert_ptr_not_equal(memory, MAP_FAILED);
	assert_int_equal(memory[5], 'x');
	assert_int_equal(madvise(memory, PAGE, MADV_DONTNEED), 0);
	assert_int_equal(memory[5], 0);
	assert_int_equal(munmap(memory, 2 * PAGE), 0);
	assert_int_equal(fallocate(-1, 0, 0, 1), -1);
	assert_int_equal(errno, EBADF);
	if (segment < 0) /* a kernel without System V's */
		return;
	attached = shmat(segment, NULL, 0);
	shmctl(segment, IPC_RMID, NULL);
	assert_int_equal(shmdt(attached), 0);
	assert_int_equal(shmdt(attached), -1);
	assert_int_equal(errno, EINVAL);
}

/* The node of a machine that has none, or may not be opened: the same without the front. */
static void
pagemap_of_a_machine_without_devices_is_the_kernels(void **state)
{
	const int fd = open("/proc/self/pagemap", read_only);
	const off_t offset = (off_t)((uintptr_t)state / PAGE * 8);
	uint64_t entries[2] = { 0 };

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &entries[0], eight, offset), 8);
	assert_int_equal(lseek(fd, offset, SEEK_SET), offset);
	assert_int_equal(read(fd, &entries[1], eight), 8);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), offset + 8);
	assert_true(entries[0] >> 63);
	assert_int_equal(entries[0], entries[1]);
	close(fd);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_function_is_the_fronts),
		cmocka_unit_test(calls_of_this_program_go_to_the_front),
		cmocka_unit_test(files_are_opened_and_read_as_ever),
		cmocka_unit_test(files_are_copied_as_ever),
		cmocka_unit_test(memory_is_mapped_as_ever),
		cmocka_unit_test(pagemap_of_a_machine_without_devices_is_the_kernels),
	};

	if (argc != 2)
		return 1;
	export_map = argv[1];
	return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}
