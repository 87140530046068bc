/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "console.h"
#include "stop.h"

#define CHUNK 4096
/* Of a program that prints for a day: what was seen, and what was not. */
#define SEEN_MOST ((size_t)1 << 16)
#define UNSEEN_MOST (CONSOLE_MOST_MIB << 20)

/* Does not return; why it could not be executed goes into the pipe. */
static void
console_child(char *const *argv, char *const *env, pid_t parent, int report)
{
	int err;

	stop_forget();
	/* The parent may be gone already. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
		_exit(127);
	for (; *env != NULL; env++)
		putenv(*env);
	execvp(argv[0], argv);
	err = errno;
	if (write(report, &err, sizeof(err)) < 0)
		_exit(126);
	_exit(127);
}

int
console_spawn(struct console *console, char *const *argv, char *const *env)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	pid_t parent = getpid();
	int pipes[2], err = 0;

	*console = (struct console){ .fd = -1 };
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return -errno;
	console->pid = forkpty(&console->fd, NULL, NULL, &size);
	if (console->pid < 0) {
		err = errno;
		goto err_fork;
	}
	if (console->pid == 0)
		console_child(argv, env, parent, pipes[1]);
	fcntl(console->fd, F_SETFD, FD_CLOEXEC);
	close(pipes[1]);
	/* Ends without a word when the exec has closed the other side. */
	if (read(pipes[0], &err, sizeof(err)) == sizeof(err))
		console_close(console);
	close(pipes[0]);
	return -err;

err_fork:
	close(pipes[0]);
	close(pipes[1]);
	*console = (struct console){ .fd = -1 };
	return -err;
}

int
console_write(struct console *console, const char *text)
{
	size_t left = strlen(text);
	ssize_t done;

	while (left != 0) {
		done = write(console->fd, text, left);
		if (done < 0 && errno != EINTR)
			return -errno;
		if (done > 0) {
			text += done;
			left -= (size_t)done;
		}
	}
	return 0;
}

static void
console_reap(struct console *console)
{
	if (console->pid <= 0)
		return;
	while (waitpid(console->pid, &console->status, 0) < 0 && errno == EINTR)
		;
	console->pid = 0;
}

static void
console_drop(struct console *console, size_t length)
{
	console->length -= length;
	memmove(console->text, console->text + length, console->length + 1);
	console->seen -= length < console->seen ? length : console->seen;
}

/* Now and then, so that it costs little. */
static void
console_trim(struct console *console, bool awaited)
{
	if (console->seen >= 2 * SEEN_MOST)
		console_drop(console, console->seen - SEEN_MOST);
	if (console->length - console->seen < UNSEEN_MOST)
		return;
	console_drop(console, console->length - UNSEEN_MOST / 2);
	console->lost |= awaited;
}

/* What is there to read. 0, -EPIPE at the end, -ENOMEM. */
static int
console_read(struct console *console, bool awaited)
{
	char chunk[CHUNK], *text;
	ssize_t got;

	got = read(console->fd, chunk, sizeof(chunk));
	if (got < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	/* The terminal's other side is closed: EIO. */
	if (got <= 0)
		return -EPIPE;
	console_trim(console, awaited);
	text = realloc(console->text, console->length + (size_t)got + 1);
	if (text == NULL)
		return -ENOMEM;
	console->text = text;
	for (ssize_t i = 0; i < got; i++)
		if (chunk[i] != '\r' && chunk[i] != '\0')
			text[console->length++] = chunk[i];
	text[console->length] = '\0';
	return 0;
}

/*
 * Is it there? Takes it, and what was before it, if so. It cannot begin before *from.
 * 0, -EAGAIN, -ENOBUFS, -ENOMEM.
 */
static int
console_take(struct console *console, const char *text, size_t *from, char **output)
{
	char *start = console->text != NULL ? console->text + console->seen : NULL;
	const size_t length = console->length - console->seen;
	char *found = start != NULL ? strstr(start + *from, text) : NULL;

	if (found == NULL) {
		*from = length >= strlen(text) ? length - strlen(text) + 1 : 0;
		return -EAGAIN;
	}
	if (output != NULL && console->lost)
		return -ENOBUFS;
	if (output != NULL) {
		*output = strndup(start, (size_t)(found - start));
		if (*output == NULL)
			return -ENOMEM;
	}
	console->seen = (size_t)(found - console->text) + strlen(text);
	console->lost = false;
	return 0;
}

int
console_expect(struct console *console, const char *text, int ms, char **output)
{
	long long left, end = clock_ms() + ms;
	size_t from = 0, unseen = 0;
	int ret;

	for (;;) {
		/* Some may have been dropped. */
		if (console->length - console->seen < unseen)
			from = 0;
		unseen = console->length - console->seen;
		ret = text != NULL ? console_take(console, text, &from, output) : -EAGAIN;
		if (ret != -EAGAIN)
			return ret;
		if (console->pid == 0)
			return -EPIPE;
		left = end - clock_ms();
		ret = stop_wait(console->fd, left > 0 ? (int)left : 0);
		if (ret == 0 && left <= 0)
			return -ETIMEDOUT;
		if (ret > 0)
			ret = console_read(console, text != NULL);
		if (ret == -EPIPE)
			console_reap(console);
		else if (ret < 0)
			return ret;
	}
}

void
console_kill(struct console *console)
{
	if (console->pid <= 0)
		return;
	kill(-console->pid, SIGKILL);
	console_reap(console);
}

void
console_close(struct console *console)
{
	console_kill(console);
	if (console->fd >= 0)
		close(console->fd);
	free(console->text);
	*console = (struct console){ .fd = -1 };
}
