/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>

#include "clock.h"
#include "stop.h"

/* Set once, by main() while there is one thread. */
static int stop_fd = -1;

static void
stop_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGTERM);
}

int
stop_init(void)
{
	sigset_t set;

	stop_signals(&set);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return -errno;
	/* A peer that went away shall be an error of write(). */
	signal(SIGPIPE, SIG_IGN);
	stop_fd = signalfd(-1, &set, SFD_CLOEXEC);
	return stop_fd < 0 ? -errno : 0;
}

bool
stop_requested(void)
{
	return stop_wait(-1, 0) == -EINTR;
}

void
stop_forget(void)
{
	sigset_t set;

	stop_signals(&set);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	signal(SIGPIPE, SIG_DFL);
}

int
stop_wait(int fd, int ms)
{
	struct pollfd fds[] = {
		{ .fd = stop_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};
	const long long end = clock_ms() + ms;
	int ret;

	do {
		ret = poll(fds, 2, ms);
		ms = (int)(end - clock_ms());
	} while (ret < 0 && errno == EINTR && ms > 0);
	if (ret < 0)
		return errno == EINTR ? 0 : -errno;
	if (fds[0].revents != 0)
		return -EINTR;
	return fds[1].revents != 0 ? 1 : 0;
}
