/* SPDX-License-Identifier: BSD-3-Clause */

/* The functions of the C library, all variants of them. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pagemap.h"
#include "test_compat.h"

int
__open_2(const char *path, int flags);
int
__open64_2(const char *path, int flags);
int
__openat_2(int dir, const char *path, int flags);
int
__openat64_2(int dir, const char *path, int flags);
ssize_t
__read_chk(int fd, void *buffer, size_t size, size_t room);
ssize_t
__pread_chk(int fd, void *buffer, size_t size, off_t offset, size_t room);
ssize_t
__pread64_chk(int fd, void *buffer, size_t size, off_t offset, size_t room);
ssize_t
__readlink_chk(const char *path, char *buffer, size_t size, size_t room);
ssize_t
__readlinkat_chk(int dir, const char *path, char *buffer, size_t size, size_t room);

static void
each_open_gives_the_cdev(void **state)
{
	(void)state;
	assert_true(is_node(open(GROUP0, O_RDWR), CDEV0));
	assert_true(is_node(open64(GROUP0, O_RDWR), CDEV0));
	assert_true(is_node(openat(AT_FDCWD, GROUP0, O_RDWR), CDEV0));
	assert_true(is_node(openat64(NO_FD, GROUP0, O_RDWR), CDEV0));
	assert_true(is_node(__open_2(GROUP0, O_RDWR), CDEV0));
	assert_true(is_node(__open64_2(GROUP0, O_RDWR), CDEV0));
	assert_true(is_node(__openat_2(AT_FDCWD, GROUP0, O_RDWR), CDEV0));
	assert_true(is_node(__openat64_2(AT_FDCWD, GROUP0, O_RDWR), CDEV0));
	assert_int_equal(files_open(), 8);
}

static void
each_read_gives_the_address(void **state)
{
	const uint64_t wanted = UINT64_C(1) << 63 | FAKE_PHYS(0) / FAKE_PAGE;
	const off_t offset = (off_t)((uintptr_t)FAKE_VA(0) / FAKE_PAGE * 8);
	uint64_t is[6] = { 0 };
	int fd;

	(void)state;
	container_get();
	fd = open(PAGEMAP, O_RDONLY);
	fake.admin = false;
	assert_int_equal(pread(fd, &is[0], 8, offset), 8);
	assert_int_equal(pread64(fd, &is[1], 8, offset), 8);
	assert_int_equal(__pread_chk(fd, &is[2], 8, offset, 8), 8);
	assert_int_equal(__pread64_chk(fd, &is[3], 8, offset, 100), 8);
	lseek(fd, offset, SEEK_SET);
	assert_int_equal(read(fd, &is[4], 8), 8);
	lseek(fd, offset, SEEK_SET);
	assert_int_equal(__read_chk(fd, &is[5], 8, 8), 8);
	for (size_t i = 0; i < sizeof(is) / sizeof(is[0]); i++)
		assert_int_equal(is[i], wanted);
}

static void
each_readlink_gives_the_link(void **state)
{
	static const char path[] = "/sys/bus/pci/devices/" ADDR0 "/iommu_group";
	const ssize_t len = strlen("../../../kernel/iommu_groups/1000000");
	char text[64];

	(void)state;
	machine_without_groups();
	assert_int_equal(readlink(path, text, sizeof(text)), len);
	assert_int_equal(readlinkat(AT_FDCWD, path, text, sizeof(text)), len);
	assert_int_equal(__readlink_chk(path, text, sizeof(text), sizeof(text)), len);
	assert_int_equal(__readlinkat_chk(AT_FDCWD, path, text, 5, sizeof(text)), 5);
}

/* In a child: it does not return. */
static int
overflow(void *arg)
{
	char text[8];

	switch (*(int *)arg) {
	case 0:
		__read_chk(STDIN_FILENO, text, 9, 8);
		break;
	case 1:
		__pread_chk(STDIN_FILENO, text, 9, 0, 8);
		break;
	case 2:
		__pread64_chk(STDIN_FILENO, text, 9, 0, 8);
		break;
	case 3:
		__readlink_chk("/proc/self/exe", text, 9, 8);
		break;
	case 4:
		__readlinkat_chk(AT_FDCWD, "/proc/self/exe", text, 9, 8);
		break;
	case 5:
		__open_2("/dev/null", O_RDWR | O_CREAT);
		break;
	case 6:
		__open64_2("/dev/null", O_RDWR | O_CREAT);
		break;
	case 7:
		__openat_2(AT_FDCWD, "/", O_RDWR | O_TMPFILE);
		break;
	default:
		__openat64_2(AT_FDCWD, "/dev/null", O_RDWR | O_CREAT);
	}
	return 0;
}

static void
what_the_c_library_checks_is_checked(void **state)
{
	(void)state;
	for (int i = 0; i < 9; i++)
		assert_int_equal(compat_child(overflow, &i), -1);
}

/* Its mode is passed on, also of a file without a name. */
static void
other_files_are_left_alone(void **state)
{
	char path[256], text[8] = "";
	struct stat st;
	int fd;

	(void)state;
	umask(0);
	snprintf(path, sizeof(path), "%s/file", fake_sysfs_root());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0640);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(write(fd, "abcdef", 6), 6);
	assert_int_equal(pread(fd, text, 3, 2), 3);
	assert_string_equal(text, "cde");
	assert_int_equal(lseek(fd, 1, SEEK_SET), 1);
	assert_int_equal(read(fd, text, 3), 3);
	assert_string_equal(text, "bcd");
	close(fd);
	fd = openat(AT_FDCWD, fake_sysfs_root(), O_RDWR | O_TMPFILE, 0604);
	if (fd >= 0) { /* or the file system has no such files */
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0604);
		close(fd);
	}
	assert_int_equal(files_open(), 0);
}

static void
bad_arguments_get_the_kernels_errors(void **state)
{
	const char *nowhere = (const char *)8;
	char text[8];

	(void)state;
	open(PAGEMAP, O_RDONLY);
	marks_set(&pagemap_marks, -1);
	marks_set(&pagemap_marks, NO_FD);
	assert_fails(open(nowhere, O_RDWR), EFAULT);
	assert_fails(openat(AT_FDCWD, nowhere, O_RDWR), EFAULT);
	assert_fails(open("", O_RDWR), ENOENT);
	assert_fails(openat(NO_FD, "vfio", O_RDWR), EBADF);
	assert_fails(read(-1, text, 8), EBADF);
	assert_fails(pread(NO_FD, text, 8, 0), EBADF);
	assert_fails(dup(-1), EBADF);
	assert_fails(dup2(NO_FD, 5), EBADF);
	assert_fails(dup3(1, 1, 0), EINVAL);
	assert_fails(fcntl(NO_FD, F_DUPFD, 0), EBADF);
	assert_fails(fcntl(-1, F_GETFD), EBADF);
	assert_fails(ioctl(-1, COMPAT_GROUP_GET_STATUS, NULL), EBADF);
	assert_int_equal(dup2(STDIN_FILENO, STDIN_FILENO), STDIN_FILENO);
}

/* Commands with an argument, an address or none. */
static void
other_commands_of_fcntl_are_passed_on(void **state)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[256];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/file", fake_sysfs_root());
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(fcntl(fd, F_GETFD), 0);
	assert_int_equal(fcntl(fd, F_SETFD, FD_CLOEXEC), 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(fd, F_SETLK, &lock), 0);
	lock.l_type = F_WRLCK;
	assert_int_equal(fcntl(fd, F_GETLK, &lock), 0);
	assert_int_equal(lock.l_type, F_UNLCK);
	assert_true(fcntl(fd, F_DUPFD, 100) >= 100);
	close(fd);
}

int
compat_hooks_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(each_open_gives_the_cdev),
		COMPAT_TEST(each_read_gives_the_address),
		COMPAT_TEST(each_readlink_gives_the_link),
		COMPAT_TEST(what_the_c_library_checks_is_checked),
		COMPAT_TEST(other_files_are_left_alone),
		COMPAT_TEST(bad_arguments_get_the_kernels_errors),
		COMPAT_TEST(other_commands_of_fcntl_are_passed_on),
	};

	return COMPAT_RUN("compat: hooks", tests);
}
