/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * abuse [-f] [-u] PCI-ADDRESS [CASE...]
 *
 * Prints "ok CASE" or "not ok CASE: why" for each, and exits 1 if one was not.
 *
 * -f	the front is there: with the cases that need it
 * -u	without CAP_SYS_ADMIN, where it is
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/capability.h>

#include "abuse.h"

#define CASE_SECONDS 60

const char *abuse_bdf, *abuse_self, *abuse_name = "";
bool abuse_front, abuse_unprivileged;
struct vfio_group abuse_vfio = { .container = -1, .group = -1, .device = -1 };

static const struct abuse_case *const groups[] = {
	group_cases,	 path_cases,   fd_cases,      pagemap_cases,
	fortified_cases, memory_cases, process_cases, interrupt_cases,
};

/* Written by the process of a case, read by the one that waits for it. */
static char *verdict;

#define VERDICT_LEN 512

static int
privileges_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];
	const uint32_t sys_admin = UINT32_C(1) << CAP_SYS_ADMIN;

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	data[0].effective &= ~sys_admin;
	data[0].permitted &= ~sys_admin;
	data[0].inheritable &= ~sys_admin;
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* A case that hangs is killed, whatever it does to its signals. */
static void
end_set(void)
{
	struct sigevent kill_event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL };
	const struct itimerspec when = { .it_value.tv_sec = CASE_SECONDS };
	timer_t timer;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (timer_create(CLOCK_MONOTONIC, &kill_event, &timer) < 0 ||
	    timer_settime(timer, 0, &when, NULL) < 0)
		abort();
}

static void __attribute__((noreturn)) case_process(const struct abuse_case *test)
{
	const char *wrong;

	end_set();
	raw_entry(test);
	if (abuse_unprivileged && privileges_drop() < 0)
		abort();
	wrong = test->run();
	snprintf(verdict, VERDICT_LEN, "%s", wrong == NULL ? "" : wrong);
	fflush(stdout);
	_exit(wrong == NULL ? EXIT_SUCCESS : EXIT_FAILURE);
}

static bool
case_run(const struct abuse_case *test)
{
	const struct abuse_state before = state_now();
	const char *wrong;
	int status = 0;
	pid_t pid;

	abuse_name = test->name;
	verdict[0] = '\0';
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		case_process(test);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	if (WIFSIGNALED(status))
		snprintf(verdict, VERDICT_LEN, "ended by signal %d", WTERMSIG(status));
	wrong = state_check(&before);
	if (verdict[0] == '\0' && wrong != NULL)
		snprintf(verdict, VERDICT_LEN, "after its end: %s", wrong);
	if (verdict[0] == '\0')
		printf("ok %s\n", test->name);
	else
		printf("not ok %s: %s\n", test->name, verdict);
	fflush(stdout);
	return verdict[0] == '\0';
}

static bool
is_named(const char *name, int count, char **names)
{
	for (int i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return count == 0;
}

static bool
cases_run(int count, char **names)
{
	bool passed = true;

	for (unsigned int i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (const struct abuse_case *test = groups[i]; test->name != NULL; test++)
			if ((abuse_front || !test->front) && is_named(test->name, count, names))
				passed &= case_run(test);
	return passed;
}

int
main(int argc, char **argv)
{
	int option;

	if (argc > 1 && strcmp(argv[1], "inherited") == 0)
		return inherited_run(argc - 2, argv + 2);
	while ((option = getopt(argc, argv, "fu")) != -1) {
		abuse_front |= option == 'f';
		abuse_unprivileged |= option == 'u';
	}
	if (optind >= argc)
		return EXIT_FAILURE;
	abuse_self = argv[0];
	abuse_bdf = argv[optind];
	verdict = mmap(NULL, VERDICT_LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		       0);
	if (verdict == MAP_FAILED)
		return EXIT_FAILURE;
	return cases_run(argc - optind - 1, argv + optind + 1) ? EXIT_SUCCESS : EXIT_FAILURE;
}
