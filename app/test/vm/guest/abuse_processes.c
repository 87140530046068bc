/* SPDX-License-Identifier: BSD-3-Clause */

/* Children: by fork(), by vfork(), and other programs with files that they inherit. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/vfio.h>

#include "abuse.h"

#define CHILDREN 100

/* The text of a child that found something wrong. */
static char *child_wrong;

static const char *
child_ready(void)
{
	child_wrong = mmap(NULL, SMALL_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
			   0);
	CHECK(child_wrong != MAP_FAILED);
	return NULL;
}

static void __attribute__((noreturn)) child_end(const char *wrong)
{
	if (wrong != NULL)
		snprintf(child_wrong, SMALL_PAGE, "in the child: %s", wrong);
	_exit(wrong == NULL ? EXIT_SUCCESS : EXIT_FAILURE);
}

static const char *
child_wait(pid_t pid)
{
	int status;

	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	if (WIFSIGNALED(status))
		return why("the child was ended by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return child_wrong[0] != '\0' ?
			child_wrong :
			why("the child exited with %d", WEXITSTATUS(status));
	return NULL;
}

static const char *
fork_child(int pagemap, uint8_t *va)
{
	uint8_t *own = huge_new(1);
	uint64_t entry, raw;
	int fd;

	CHECK(own != NULL);
	/* The parent's memory, through the parent's file. */
	CHECK(entry_pread(pagemap, va, &entry) == sizeof(entry));
	CHECK(syscall(SYS_pread64, pagemap, &raw, sizeof(raw), entry_offset(va)) == sizeof(raw));
	CHECK((entry & ENTRY_PFN) == 0 || abuse_unprivileged ||
	      (entry & ENTRY_PFN) == (raw & ENTRY_PFN));
	CHECK((entry & ENTRY_FLAGS) == (raw & ENTRY_FLAGS));
	/* Its own. */
	fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0 && entry_pread(fd, own, &entry) == sizeof(entry));
	CHECK_CASE(entry_harmless(entry, own));
	CHECK(entry_pread(fd, va, &entry) == sizeof(entry));
	CHECK_CASE(entry_harmless(entry, va));
	close(fd);
	CHECK(munmap(own, HUGEPAGE) == 0);
	/* Its view of the parent's memory ends, not the parent's. */
	CHECK(munmap(va, HUGEPAGE) == 0);
	return NULL;
}

static const char *
case_fork_with_pagemap(void)
{
	const int pagemap = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	struct abuse_state before;
	uint8_t *va = huge_new(1);
	uint64_t frame;

	CHECK(va != NULL && pagemap >= 0);
	CHECK_CASE(child_ready());
	CHECK_CASE(device_open());
	CHECK_CASE(entry_check(pagemap, va));
	frame = raw_entry(va) & ENTRY_PFN;
	before = state_now();
	for (int i = 0; i < 5; i++) {
		const pid_t pid = fork();

		if (pid == 0)
			child_end(fork_child(pagemap, va));
		CHECK_CASE(child_wait(pid));
		CHECK_CASE(state_check(&before));
		CHECK_CASE(entry_check(pagemap, va));
		CHECK((raw_entry(va) & ENTRY_PFN) == frame);
	}
	return NULL;
}

/* A child's device: refused or the kernel's, and the parent's goes on. */
static const char *
fork_child_device(void)
{
	struct vfio_group own;
	uint64_t len;
	const int ret = vfio_group_open(&own, abuse_bdf);

	if (ret == 0)
		CHECK(vfio_map_bar(own.device, 0, &len) != NULL);
	vfio_group_close(&own);
	vfio_group_close(&abuse_vfio);
	return NULL;
}

static const char *
case_fork_with_a_device(void)
{
	volatile uint32_t *regs;
	uint8_t *va = huge_new(1);
	uint64_t len;
	pid_t pid;

	CHECK(va != NULL);
	CHECK_CASE(child_ready());
	CHECK_CASE(device_open());
	CHECK_CASE(page_check(va));
	pid = fork();
	if (pid == 0)
		child_end(fork_child_device());
	CHECK_CASE(child_wait(pid));
	regs = vfio_map_bar(abuse_vfio.device, 0, &len);
	CHECK(regs != NULL && regs[2] != UINT32_MAX);
	CHECK_CASE(page_check(va));
	return NULL;
}

/* One that is forked before anything was opened has a device of its own. */
static const char *
fork_child_first(uint8_t *va)
{
	CHECK_CASE(device_open());
	return page_check(va);
}

static const char *
case_fork_before_the_device(void)
{
	uint8_t *va = huge_new(1);
	pid_t pid;

	CHECK(va != NULL);
	CHECK_CASE(child_ready());
	pid = fork();
	if (pid == 0) {
		memset(va, 2, HUGEPAGE);
		child_end(fork_child_first(va));
	}
	CHECK_CASE(child_wait(pid));
	CHECK_CASE(device_open());
	return page_check(va);
}

/* A child by vfork() has its parent's memory, and files of its own. */
static pid_t
vfork_child(int pagemap, uint8_t *va, volatile uint64_t *entry)
{
	const pid_t pid = vfork();

	if (pid == 0) {
		const int fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
		uint64_t own = 0;

		if (fd < 0 || entry_pread(fd, va, &own) != sizeof(own))
			_exit(EXIT_FAILURE);
		*entry = own;
		close(fd);
		dup2(STDIN_FILENO, pagemap);
		close(pagemap);
		close(abuse_vfio.group);
		close(abuse_vfio.device);
		close(abuse_vfio.container);
		_exit(EXIT_SUCCESS);
	}
	return pid;
}

static const char *
case_vfork(void)
{
	const int pagemap = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	struct vfio_group_status status = { .argsz = sizeof(status) };
	uint8_t *va = huge_new(1);
	volatile uint64_t entry = 0;
	unsigned int files;

	CHECK(va != NULL && pagemap >= 0);
	CHECK_CASE(child_ready());
	CHECK_CASE(device_open());
	CHECK_CASE(entry_check(pagemap, va));
	files = files_open();
	for (int i = 0; i < CHILDREN; i++) {
		CHECK_CASE(child_wait(vfork_child(pagemap, va, &entry)));
		CHECK_CASE(entry_harmless(entry, va));
		CHECK_CASE(entry_check(pagemap, va));
	}
	CHECK(files_open() == files);
	CHECK(ioctl(abuse_vfio.group, VFIO_GROUP_GET_STATUS, &status) == 0);
	CHECK(ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD, abuse_bdf) >= 0);
	return NULL;
}

/* The parent's file is what it was, though the child has opened one of its own. */
static const char *
case_vfork_before_the_device(void)
{
	const int pagemap = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	uint8_t *va = huge_new(1), *later = huge_new(1);
	int fd, status;
	pid_t pid;

	CHECK(va != NULL && later != NULL && pagemap >= 0);
	pid = vfork();
	if (pid == 0) {
		fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
		entry_pread(fd, va, &(uint64_t){ 0 });
		_exit(fd < 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	CHECK_CASE(device_open());
	CHECK_CASE(entry_check(pagemap, va));
	return entry_check(pagemap, later);
}

static const char *
case_vfork_and_exec(void)
{
	const int pagemap = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	uint8_t *va = huge_new(1);
	int status;
	pid_t pid;

	CHECK(va != NULL && pagemap >= 0);
	CHECK_CASE(child_ready());
	CHECK_CASE(device_open());
	CHECK_CASE(entry_check(pagemap, va));
	for (int i = 0; i < 5; i++) {
		pid = vfork();
		if (pid == 0) {
			close(pagemap);
			close(abuse_vfio.group);
			execl("/bin/true", "true", NULL);
			_exit(EXIT_FAILURE);
		}
		CHECK_CASE(child_wait(pid));
		CHECK_CASE(entry_check(pagemap, va));
	}
	status = system("exec 3</proc/self/pagemap; read x <&3; true");
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	return entry_check(pagemap, va);
}

static void
number_text(char text[16], int number)
{
	snprintf(text, 16, "%d", number);
}

/* Another program with all files, as DPDK's own are left open. */
static const char *
case_exec_with_files(void)
{
	const int pagemap = open(PAGEMAP, O_RDONLY);
	uint8_t *va = huge_new(1);
	char numbers[4][16];
	pid_t pid;

	CHECK(va != NULL && pagemap >= 0);
	CHECK_CASE(child_ready());
	CHECK_CASE(device_open());
	CHECK_CASE(entry_check(pagemap, va));
	number_text(numbers[0], pagemap);
	number_text(numbers[1], abuse_vfio.container);
	number_text(numbers[2], abuse_vfio.group);
	number_text(numbers[3], abuse_vfio.device);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		fcntl(abuse_vfio.device, F_SETFD, 0);
		execl(abuse_self, abuse_self, "inherited", numbers[0], numbers[1], numbers[2],
		      numbers[3], abuse_bdf, NULL);
		child_end("exec does not work");
	}
	CHECK_CASE(child_wait(pid));
	CHECK_CASE(entry_check(pagemap, va));
	CHECK(ioctl(abuse_vfio.group, VFIO_GROUP_GET_DEVICE_FD, abuse_bdf) >= 0);
	return NULL;
}

/* Its pagemap is that of memory that is gone; its files of VFIO work or are refused. */
int
inherited_run(int count, char **args)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint64_t entry = 0;
	int fds[4];

	if (count != 5)
		return 2;
	for (int i = 0; i < 4; i++)
		fds[i] = atoi(args[i]);
	if (entry_pread(fds[0], &entry, &entry) > 0 && (entry & ENTRY_PFN) != 0)
		return 3;
	ioctl(fds[1], VFIO_CHECK_EXTENSION, VFIO_NOIOMMU_IOMMU);
	ioctl(fds[2], VFIO_GROUP_GET_STATUS, &status);
	if (ioctl(fds[3], VFIO_DEVICE_GET_INFO, &info) != 0)
		return 4;
	ioctl(fds[2], VFIO_GROUP_GET_DEVICE_FD, args[4]);
	entry = entry_read(&entry);
	return entry_harmless(entry, &entry) == NULL ? 0 : 5;
}

const struct abuse_case process_cases[] = {
	CASE(fork_with_pagemap),       CASE(fork_with_a_device),
	CASE(fork_before_the_device),  CASE(vfork),
	CASE(vfork_before_the_device), CASE(vfork_and_exec),
	CASE(exec_with_files),	       { NULL, NULL, false },
};
