/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory that goes away, in part or behind the C library's back: no pin outlives it,
 * none ends while the process still has the page, and what comes to the same place
 * gets its own address.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/memfd.h>

#include "abuse.h"

#define RW (PROT_READ | PROT_WRITE)

/* Shared hugepages of a file without a name. */
static int
huge_file(unsigned int pages)
{
	const int fd = memfd_create("abuse", MFD_CLOEXEC | MFD_HUGETLB);

	return fd >= 0 && ftruncate(fd, pages * HUGEPAGE) == 0 ? fd : -1;
}

static uint8_t *
file_map(int fd, unsigned int page, unsigned int pages)
{
	uint8_t *va = mmap(NULL, pages * HUGEPAGE, RW, MAP_SHARED, fd, page * HUGEPAGE);

	if (va == MAP_FAILED)
		return NULL;
	for (unsigned int i = 0; i < pages; i++)
		va[i * HUGEPAGE] = 1;
	return va;
}

static uint8_t *
small_new(unsigned int pages)
{
	uint8_t *va = mmap(NULL, pages * SMALL_PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (va == MAP_FAILED)
		return NULL;
	madvise(va, pages * SMALL_PAGE, MADV_NOHUGEPAGE);
	memset(va, 1, pages * SMALL_PAGE);
	return va;
}

static const char *
case_munmap_of_all(void)
{
	struct abuse_state before;

	CHECK_CASE(device_open());
	before = state_now();
	for (int i = 0; i < 20; i++) {
		uint8_t *va = huge_new(2);

		CHECK(va != NULL);
		CHECK_CASE(page_check(va));
		CHECK_CASE(page_check(va + HUGEPAGE));
		CHECK(pinned_now() > before.pinned);
		CHECK(munmap(va, 2 * HUGEPAGE) == 0);
		CHECK_CASE(state_check(&before));
	}
	return NULL;
}

static const char *
case_munmap_of_a_part(void)
{
	struct abuse_state before;
	uint8_t *va;

	CHECK_CASE(device_open());
	before = state_now();
	va = huge_new(4);
	CHECK(va != NULL);
	for (int i = 0; i < 4; i++)
		CHECK_CASE(page_check(va + i * HUGEPAGE));
	CHECK(munmap(va + HUGEPAGE, 2 * HUGEPAGE) == 0);
	CHECK(huge_free() == before.huge_free - 2);
	CHECK(page_move(va) == 0 && page_move(va + 3 * HUGEPAGE) == 0);
	CHECK(munmap(va, 4 * HUGEPAGE) == 0);
	return state_check(&before);
}

static const char *
case_mmap_over_it(void)
{
	struct abuse_state before;
	uint8_t *va;

	CHECK_CASE(device_open());
	before = state_now();
	va = huge_new(2);
	CHECK(va != NULL);
	CHECK_CASE(page_check(va));
	CHECK_CASE(page_check(va + HUGEPAGE));
	CHECK(mmap(va, HUGEPAGE, RW, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == va);
	CHECK(huge_free() == before.huge_free - 1);
	va[0] = 1;
	CHECK_CASE(page_check(va));
	CHECK(mmap64(va, 2 * HUGEPAGE, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	      va);
	return state_check(&before);
}

/* What could not be done has changed nothing. */
static const char *
case_calls_that_fail(void)
{
	const struct abuse_state start = state_now();
	uint8_t *va = huge_new(2);
	uint64_t pinned;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	CHECK_CASE(page_check(va));
	pinned = pinned_now();
	CHECK(munmap(va, SMALL_PAGE) == -1 && errno == EINVAL);
	CHECK(munmap(va + 1, HUGEPAGE) == -1 && errno == EINVAL);
	CHECK(munmap(va, 0) == -1 && errno == EINVAL);
	CHECK(mmap(va, HUGEPAGE, RW, MAP_FIXED | MAP_PRIVATE, -1, 0) == MAP_FAILED);
	CHECK(mmap(va, HUGEPAGE, RW, MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
		      MAP_FAILED &&
	      errno == EEXIST);
	CHECK(mremap(va, HUGEPAGE, 64 * HUGEPAGE, 0) == MAP_FAILED);
	CHECK(madvise(va + 1, HUGEPAGE, MADV_DONTNEED) == -1 && errno == EINVAL);
	CHECK(madvise(va, HUGEPAGE, 12345) == -1 && errno == EINVAL);
	CHECK(shmdt(va) == -1 && errno == EINVAL);
	CHECK(fallocate(-1, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HUGEPAGE) == -1 &&
	      errno == EBADF);
	CHECK(pinned_now() == pinned && va[0] == 1 && page_move(va) == 0);
	CHECK(munmap(va, 2 * HUGEPAGE) == 0);
	return state_check(&start);
}

static const char *
case_mremap_that_moves(void)
{
	struct abuse_state before;
	uint8_t *va, *room, *moved;
	uint64_t frame;

	CHECK_CASE(device_open());
	before = state_now();
	va = huge_new(1);
	room = mmap(NULL, 3 * HUGEPAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(va != NULL && room != MAP_FAILED);
	room = (uint8_t *)(((uintptr_t)room + HUGEPAGE) & ~(HUGEPAGE - 1));
	CHECK_CASE(page_check(va));
	frame = raw_entry(va) & ENTRY_PFN;
	moved = mremap(va, HUGEPAGE, HUGEPAGE, MREMAP_MAYMOVE | MREMAP_FIXED, room);
	CHECK(moved == room);
	/* It is the device's still. */
	CHECK(page_move(moved) == 0 && (raw_entry(moved) & ENTRY_PFN) == frame);
	CHECK_CASE(page_check(moved));
	CHECK(munmap(moved, HUGEPAGE) == 0);
	return state_check(&before);
}

static const char *
case_mremap_of_small_pages(void)
{
	struct abuse_state before;
	uint8_t *va;

	CHECK_CASE(device_open());
	before = state_now();
	va = small_new(16);
	CHECK(va != NULL);
	for (int i = 0; i < 16; i++)
		CHECK_CASE(page_check(va + i * SMALL_PAGE));
	/* Shorter, then longer, which may move it. */
	CHECK(mremap(va, 16 * SMALL_PAGE, 8 * SMALL_PAGE, 0) == va);
	CHECK(pinned_now() == before.pinned + 8 * SMALL_PAGE);
	va = mremap(va, 8 * SMALL_PAGE, 4096 * SMALL_PAGE, MREMAP_MAYMOVE);
	CHECK(va != MAP_FAILED);
	for (int i = 0; i < 8; i++)
		CHECK_CASE(page_check(va + i * SMALL_PAGE));
	CHECK(munmap(va, 4096 * SMALL_PAGE) == 0);
	return state_check(&before);
}

static const char *
case_madvise_dontneed(void)
{
	struct abuse_state before;
	uint8_t *va, *small;

	CHECK_CASE(device_open());
	before = state_now();
	va = huge_new(2);
	small = small_new(4);
	CHECK(va != NULL && small != NULL);
	CHECK_CASE(page_check(va));
	CHECK_CASE(page_check(small));
	CHECK(madvise(va, HUGEPAGE, MADV_DONTNEED) == 0);
	CHECK(madvise(small, 4 * SMALL_PAGE, MADV_DONTNEED) == 0);
	CHECK(pinned_now() == before.pinned && huge_free() == before.huge_free - 1);
	/* Others come there. */
	va[0] = small[0] = 2;
	CHECK_CASE(page_check(va));
	CHECK_CASE(page_check(small));
	CHECK(munmap(va, 2 * HUGEPAGE) == 0 && munmap(small, 4 * SMALL_PAGE) == 0);
	return state_check(&before);
}

/* A hole in the file, by both ways to make one. */
static const char *
case_hole_in_the_file(void)
{
	struct abuse_state before;
	uint8_t *va;
	int fd;

	CHECK_CASE(device_open());
	before = state_now();
	fd = huge_file(3);
	va = file_map(fd, 0, 3);
	CHECK(va != NULL);
	for (int i = 0; i < 3; i++)
		CHECK_CASE(page_check(va + i * HUGEPAGE));
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, HUGEPAGE) == 0);
	CHECK(madvise(va + HUGEPAGE, HUGEPAGE, MADV_REMOVE) == 0);
	CHECK(huge_free() == before.huge_free - 1);
	CHECK(page_move(va + 2 * HUGEPAGE) == 0);
	va[0] = va[HUGEPAGE] = 2;
	CHECK_CASE(page_check(va));
	CHECK_CASE(page_check(va + HUGEPAGE));
	close(fd);
	CHECK(munmap(va, 3 * HUGEPAGE) == 0);
	return state_check(&before);
}

static const char *
case_shmdt(void)
{
	struct abuse_state before;
	uint8_t *va;
	int id;

	CHECK_CASE(device_open());
	before = state_now();
	id = shmget(IPC_PRIVATE, 2 * HUGEPAGE, IPC_CREAT | SHM_HUGETLB | 0600);
	CHECK(id >= 0);
	va = shmat(id, NULL, 0);
	CHECK(va != (void *)-1 && shmctl(id, IPC_RMID, NULL) == 0);
	va[0] = va[HUGEPAGE] = 1;
	CHECK_CASE(page_check(va));
	CHECK_CASE(page_check(va + HUGEPAGE));
	CHECK(shmdt(va) == 0);
	return state_check(&before);
}

/* The page has two addresses: it is the device's until both are gone. */
static const char *
case_second_mapping_of_a_page(void)
{
	struct abuse_state before;
	uint8_t *one, *other;
	int fd;

	CHECK_CASE(device_open());
	for (int both = 0; both < 2; both++) {
		before = state_now();
		fd = huge_file(1);
		one = file_map(fd, 0, 1);
		other = file_map(fd, 0, 1);
		CHECK(one != NULL && other != NULL);
		CHECK_CASE(page_check(one));
		if (both)
			CHECK_CASE(page_check(other));
		CHECK(munmap(one, HUGEPAGE) == 0);
		CHECK(page_move(other) == 0);
		CHECK_CASE(page_check(other));
		close(fd);
		CHECK(munmap(other, HUGEPAGE) == 0);
		CHECK_CASE(state_check(&before));
	}
	return NULL;
}

/* As --legacy-mem has it: all pages are mapped again in another order. */
static const char *
case_files_mapped_again_elsewhere(void)
{
	struct abuse_state before;
	uint8_t *first[4], *all;
	int fds[4];

	CHECK_CASE(device_open());
	before = state_now();
	for (int i = 0; i < 4; i++) {
		fds[i] = huge_file(1);
		first[i] = file_map(fds[i], 0, 1);
		CHECK(first[i] != NULL);
		CHECK_CASE(page_check(first[i]));
	}
	all = mmap(NULL, 5 * HUGEPAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(all != MAP_FAILED);
	all = (uint8_t *)(((uintptr_t)all + HUGEPAGE - 1) & ~(HUGEPAGE - 1));
	for (int i = 0; i < 4; i++) {
		CHECK(mmap(all + i * HUGEPAGE, HUGEPAGE, RW, MAP_SHARED | MAP_FIXED, fds[3 - i],
			   0) == all + i * HUGEPAGE);
		close(fds[3 - i]);
	}
	for (int i = 0; i < 4; i++)
		CHECK(munmap(first[i], HUGEPAGE) == 0);
	/* Nobody has touched these yet. */
	for (int i = 0; i < 4; i++)
		all[i * HUGEPAGE]++;
	for (int i = 0; i < 4; i++)
		CHECK(page_move(all + i * HUGEPAGE) == 0);
	CHECK(munmap(all, 4 * HUGEPAGE) == 0);
	return state_check(&before);
}

static const char *
case_file_that_stays(void)
{
	struct abuse_state before;
	uint8_t *va;
	int fd;

	CHECK_CASE(device_open());
	before = state_now();
	fd = huge_file(1);
	va = file_map(fd, 0, 1);
	CHECK(va != NULL);
	CHECK_CASE(page_check(va));
	CHECK(munmap(va, HUGEPAGE) == 0);
	CHECK(pinned_now() == before.pinned);
	close(fd);
	return state_check(&before);
}

/* The C library's own calls are not seen: the next address still is a right one. */
static const char *
case_memory_of_malloc(void)
{
	const size_t len = 64 * SMALL_PAGE;
	struct abuse_state before;
	uint8_t *memory, *va, *other;

	CHECK_CASE(device_open());
	other = small_new(1);
	CHECK(other != NULL);
	CHECK_CASE(page_check(other));
	before = state_now();
	for (int i = 0; i < 20; i++) {
		memory = malloc(len);
		CHECK(memory != NULL);
		memset(memory, i, len);
		va = (uint8_t *)(((uintptr_t)memory + SMALL_PAGE) & ~(SMALL_PAGE - 1));
		for (int page = 0; page < 8; page++)
			CHECK_CASE(page_check(va + page * SMALL_PAGE));
		free(memory);
		CHECK_CASE(page_check(other));
	}
	CHECK(pinned_now() <= before.pinned + len);
	return NULL;
}

/* Two rounds of raw calls at one address. */
static const char *
case_memory_by_system_calls(void)
{
	struct abuse_state before;
	uint8_t *va = huge_new(1);

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	before = state_now();
	for (int i = 0; i < 10; i++) {
		uint8_t *keeper = huge_new(1); /* takes what becomes free, so that frames change */

		CHECK_CASE(page_check(va));
		CHECK(syscall(SYS_munmap, va, HUGEPAGE) == 0);
		CHECK(syscall(SYS_mmap, va, HUGEPAGE, RW,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1,
			      0) == (long)va);
		munmap(keeper, HUGEPAGE);
		va[0] = i;
		CHECK_CASE(page_check(va));
	}
	CHECK(munmap(va, HUGEPAGE) == 0);
	before.huge_free++; /* the page was there before */
	return state_check(&before);
}

static void __attribute__((noreturn)) victim_run(int ready)
{
	uint8_t *va = huge_new(8);

	if (va == NULL || device_open() != NULL)
		_exit(EXIT_FAILURE);
	for (int i = 0; i < 8; i++)
		if (page_check(va + i * HUGEPAGE) != NULL)
			_exit(EXIT_FAILURE);
	if (write(ready, "x", 1) != 1)
		_exit(EXIT_FAILURE);
	for (;;)
		pause();
}

/* kill -9 and start again, at once. */
static const char *
case_end_of_the_process(void)
{
	const struct abuse_state before = state_now();
	int ready[2], status;
	pid_t pid;
	char byte;

	for (int i = 0; i < 3; i++) {
		CHECK(pipe2(ready, O_CLOEXEC) == 0);
		pid = fork();
		if (pid == 0)
			victim_run(ready[1]);
		close(ready[1]);
		CHECK(pid > 0 && read(ready[0], &byte, 1) == 1);
		close(ready[0]);
		kill(pid, SIGKILL);
		CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
		CHECK_CASE(state_check(&before));
	}
	return device_open();
}

const struct abuse_case memory_cases[] = {
	CASE_FRONT(munmap_of_all),
	CASE_FRONT(munmap_of_a_part),
	CASE_FRONT(mmap_over_it),
	CASE_FRONT(calls_that_fail),
	CASE_FRONT(mremap_that_moves),
	CASE_FRONT(mremap_of_small_pages),
	CASE_FRONT(madvise_dontneed),
	CASE_FRONT(hole_in_the_file),
	CASE_FRONT(shmdt),
	CASE_FRONT(second_mapping_of_a_page),
	CASE_FRONT(files_mapped_again_elsewhere),
	CASE_FRONT(file_that_stays),
	CASE_FRONT(memory_of_malloc),
	CASE_FRONT(memory_by_system_calls),
	CASE_FRONT(end_of_the_process),
	{ NULL, NULL, false },
};
