/* SPDX-License-Identifier: BSD-3-Clause */

/* Signals in the middle of everything, and threads that do all of it at once. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abuse.h"

#define READS 1000
#define SETUPS 10
#define SLOTS 6
#define READERS 3
#define CHANGERS 2
#define THREAD_READS 600
#define FORKS 60
#define CANCELS 50

static atomic_uint ticks;
static atomic_bool ticking;
static uint8_t *signal_page;
static atomic_uintptr_t handler_wrong;

/* The next one counts from the end of this one: on a slow machine there would be only signals. */
static void
tick_next(void)
{
	const struct itimerval once = { .it_value.tv_usec = 1000 };

	ticks++;
	if (ticking)
		setitimer(ITIMER_REAL, &once, NULL);
}

static void
tick(int number)
{
	(void)number;
	tick_next();
}

/* Allowed in a handler (signal-safety(7)), but for setitimer(), which only calls the kernel. */
static void
tick_and_read(int number)
{
	const int saved = errno, fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	(void)number;
	if (fd < 0 || pread(fd, &entry, sizeof(entry), entry_offset(signal_page)) < 0)
		handler_wrong = (uintptr_t) "a read in the handler fails";
	else if (entry_harmless(entry, signal_page) != NULL)
		handler_wrong = (uintptr_t) "a wrong address in the handler";
	if (fd >= 0)
		close(fd);
	tick_next();
	errno = saved;
}

static const char *
ticks_start(void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	ticking = true;
	CHECK(raise(SIGALRM) == 0);
	return NULL;
}

static void
ticks_stop(void)
{
	const struct itimerval never = { 0 };

	ticking = false;
	setitimer(ITIMER_REAL, &never, NULL);
}

static const char *
ticks_reads(void)
{
	struct abuse_state before;
	uint8_t *va;

	CHECK_CASE(device_open());
	before = state_now();
	for (int i = 0; i < READS / 10; i++) {
		va = huge_new(1);
		CHECK(va != NULL);
		for (int j = 0; j < 10; j++) {
			const uint64_t entry = entry_read(va + j * SMALL_PAGE);

			CHECK((entry & ENTRY_PFN) != 0);
			CHECK_CASE(entry_harmless(entry, va + j * SMALL_PAGE));
		}
		CHECK(munmap(va, HUGEPAGE) == 0);
	}
	ticks_stop();
	CHECK(ticks > 1);
	return state_check(&before);
}

static const char *
case_signals_while_reading(void)
{
	CHECK_CASE(ticks_start(tick, 0));
	return ticks_reads();
}

static const char *
case_signals_that_restart_while_reading(void)
{
	CHECK_CASE(ticks_start(tick, SA_RESTART));
	return ticks_reads();
}

static const char *
case_signals_whose_handler_reads(void)
{
	signal_page = huge_new(1);
	CHECK(signal_page != NULL);
	CHECK_CASE(ticks_start(tick_and_read, SA_RESTART));
	CHECK_CASE(ticks_reads());
	return (const char *)handler_wrong;
}

static const char *
setups_run(int flags)
{
	CHECK_CASE(ticks_start(tick, flags));
	for (int i = 0; i < SETUPS; i++) {
		CHECK_CASE(device_open());
		vfio_group_close(&abuse_vfio);
	}
	ticks_stop();
	CHECK(ticks > 1);
	return NULL;
}

static const char *
case_signals_while_setting_up(void)
{
	return setups_run(0);
}

static const char *
case_signals_that_restart_while_setting_up(void)
{
	return setups_run(SA_RESTART);
}

/* A hugepage at each of a few addresses, now and then another one. */
static struct slot {
	pthread_rwlock_t lock; /* held to compare; others read whatever is there */
	uint8_t *va;
} slots[SLOTS];
static atomic_uintptr_t thread_wrong;
static atomic_uint thread_compared, thread_missing;
static atomic_bool thread_stop;

static void
slot_change(struct slot *slot)
{
	void *made;

	pthread_rwlock_wrlock(&slot->lock);
	munmap(slot->va, HUGEPAGE);
	made = mmap(slot->va, HUGEPAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED, -1, 0);
	if (made == MAP_FAILED)
		thread_wrong = (uintptr_t) "no hugepage for a slot";
	else
		slot->va[0] = 1;
	pthread_rwlock_unlock(&slot->lock);
}

static void *
changer(void *arg)
{
	unsigned int next = (uintptr_t)arg;

	while (!thread_stop) {
		slot_change(&slots[next % SLOTS]);
		next += 5;
	}
	return NULL;
}

static void
slot_compare(struct slot *slot, int fd, unsigned int page)
{
	const uint8_t *va = slot->va + page * SMALL_PAGE;
	uint64_t entry = 0;

	pthread_rwlock_rdlock(&slot->lock);
	if (entry_pread(fd, va, &entry) != sizeof(entry))
		thread_wrong = (uintptr_t) "a read fails";
	if ((entry & ENTRY_PFN) == 0)
		thread_missing++;
	else if ((entry & ENTRY_PFN) != (raw_entry(va) & ENTRY_PFN))
		thread_wrong = (uintptr_t) "a wrong address";
	pthread_rwlock_unlock(&slot->lock);
	thread_compared++;
}

static void *
reader(void *arg)
{
	const int fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	unsigned int next = (uintptr_t)arg;
	uint64_t entry;

	for (int i = 0; i < THREAD_READS && thread_wrong == 0; i++) {
		next = next * 1103515245 + 12345;
		slot_compare(&slots[next / 65536 % SLOTS], fd, next / 7 % 512);
		/* In the middle of a change, too. */
		entry_pread(fd, slots[next / 4096 % SLOTS].va, &entry);
	}
	close(fd);
	return NULL;
}

static const char *
slots_make(void)
{
	uint8_t *room = mmap(NULL, (2 * SLOTS + 1) * HUGEPAGE, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(room != MAP_FAILED);
	room = (uint8_t *)(((uintptr_t)room + HUGEPAGE - 1) & ~(HUGEPAGE - 1));
	for (int i = 0; i < SLOTS; i++) {
		pthread_rwlock_init(&slots[i].lock, NULL);
		slots[i].va = room + 2 * i * HUGEPAGE;
		slot_change(&slots[i]);
	}
	return (const char *)thread_wrong;
}

static const char *
case_threads_that_remap(void)
{
	pthread_t threads[READERS + CHANGERS];
	struct abuse_state before;

	CHECK_CASE(device_open());
	before = state_now();
	CHECK_CASE(slots_make());
	for (uintptr_t i = 0; i < READERS + CHANGERS; i++)
		CHECK(pthread_create(&threads[i], NULL, i < READERS ? reader : changer,
				     (void *)i) == 0);
	for (int i = 0; i < READERS; i++)
		pthread_join(threads[i], NULL);
	thread_stop = true;
	for (int i = READERS; i < READERS + CHANGERS; i++)
		pthread_join(threads[i], NULL);
	CHECK_CASE((const char *)thread_wrong);
	CHECK(thread_compared == READERS * THREAD_READS);
	CHECK(thread_missing == 0);
	for (int i = 0; i < SLOTS; i++)
		CHECK(munmap(slots[i].va, HUGEPAGE) == 0);
	return state_check(&before);
}

/* Numbers go from one thread's pagemap to another one's file and back. */

static const char *
number_use_file(void)
{
	const int fd = file_new();
	const char *wrong = file_check(fd);

	close(fd);
	return wrong == NULL ? NULL : "a file has other bytes";
}

static const char *
number_use_pagemap(const uint8_t *va)
{
	const uint64_t entry = entry_read(va);

	if ((entry & ENTRY_PFN) == 0)
		return "an address is missing";
	return (entry & ENTRY_PFN) == (raw_entry(va) & ENTRY_PFN) ? NULL : "a wrong address";
}

static void *
number_user(void *arg)
{
	const bool file = (uintptr_t)arg % 2;

	for (int i = 0; i < THREAD_READS && thread_wrong == 0; i++) {
		const char *wrong = file ? number_use_file() :
					   number_use_pagemap(slots[i % SLOTS].va);

		if (wrong != NULL)
			thread_wrong = (uintptr_t)wrong;
	}
	return NULL;
}

static const char *
case_threads_that_share_numbers(void)
{
	pthread_t threads[4];

	CHECK_CASE(device_open());
	CHECK_CASE(slots_make());
	for (uintptr_t i = 0; i < 4; i++)
		CHECK(pthread_create(&threads[i], NULL, number_user, (void *)i) == 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return (const char *)thread_wrong;
}

static atomic_bool busy_stop;

/* Reads addresses all the time. */
static void *
busy_reader(void *arg)
{
	const int fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	uint64_t entry;

	while (!busy_stop) {
		uint8_t *va = huge_new(1);

		for (int i = 0; va != NULL && i < 10; i++)
			entry_pread(fd, va + i * SMALL_PAGE, &entry);
		munmap(va, HUGEPAGE);
		close(open(PAGEMAP, O_RDONLY | O_CLOEXEC));
	}
	close(fd);
	return arg;
}

/* What a child may do that has threads' locks for ever: read a file, at pagemap's number too. */
static void __attribute__((noreturn)) busy_child(int pagemap)
{
	uint64_t entry;
	int file;

	alarm(20);
	entry_pread(pagemap, &entry, &entry);
	file = file_new();
	dup2(file, pagemap);
	if (file_check(file) != NULL || file_check(pagemap) != NULL)
		_exit(EXIT_FAILURE);
	close(open(PAGEMAP, O_RDONLY | O_CLOEXEC));
	close(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC));
	_exit(EXIT_SUCCESS);
}

static const char *
busy_forks(void)
{
	const int pagemap = open(PAGEMAP, O_RDONLY | O_CLOEXEC);
	pthread_t threads[2];
	int status = 0;

	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, busy_reader, NULL) == 0);
	for (int i = 0; i < FORKS && status == 0; i++) {
		const pid_t pid = fork();

		if (pid == 0)
			busy_child(pagemap);
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	}
	busy_stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	CHECK(!WIFSIGNALED(status));
	CHECK(status == 0);
	return NULL;
}

static const char *
case_threads_that_fork(void)
{
	CHECK_CASE(device_open());
	return busy_forks();
}

static const char *
case_threads_that_fork_before_the_device(void)
{
	return busy_forks();
}

static void *
cancelled_reader(void *va)
{
	for (;;)
		entry_read(va);
	return NULL;
}

/* open() and read() are cancellation points: a thread that ends there leaves nothing behind. */
static const char *
case_threads_that_are_cancelled(void)
{
	uint8_t *va = huge_new(1);
	unsigned int files;
	pthread_t thread;

	CHECK(va != NULL);
	CHECK_CASE(device_open());
	CHECK_CASE(page_check(va));
	files = files_open();
	for (unsigned int i = 0; i < CANCELS; i++) {
		CHECK(pthread_create(&thread, NULL, cancelled_reader, va) == 0);
		usleep(i * 137 % 3000);
		CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, NULL) == 0);
		CHECK_CASE(page_check(va));
	}
	/* Of the thread itself there may be one each. */
	CHECK(files_open() <= files + CANCELS + 1);
	return NULL;
}

const struct abuse_case interrupt_cases[] = {
	CASE(signals_while_reading),
	CASE(signals_that_restart_while_reading),
	CASE(signals_whose_handler_reads),
	CASE(signals_while_setting_up),
	CASE(signals_that_restart_while_setting_up),
	CASE(threads_that_remap),
	CASE(threads_that_share_numbers),
	CASE(threads_that_fork),
	CASE(threads_that_fork_before_the_device),
	CASE(threads_that_are_cancelled),
	{ NULL, NULL, false },
};
