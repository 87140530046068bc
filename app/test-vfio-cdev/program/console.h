/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A child on a terminal of its own, without which a program would keep its output to
 * itself until it ends. It is the first of a process group; it dies when we do.
 */

#ifndef APP_TEST_CONSOLE_H
#define APP_TEST_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Of what a program prints this much is kept until it is looked at. */
#define CONSOLE_MOST_MIB 4u

struct console {
	int fd;	    /* the terminal; -1: closed */
	pid_t pid;  /* 0: there is none, or it was reaped */
	int status; /* as of waitpid(), once it was */
	char *text; /* what it printed last */
	size_t length;
	size_t seen; /* how much of it console_expect() has passed */
	bool lost;   /* some of what it has not was too much to keep */
};

/*
 * Run a program with these strings ("NAME=value") in its environment. 0, or -errno,
 * also if it cannot be executed. console_close() it after success.
 */
int
console_spawn(struct console *console, char *const *argv, char *const *env);

/* 0 or -errno. */
int
console_write(struct console *console, const char *text);

/*
 * Wait for some text. What came since the last call and before it is *output, if
 * that is not NULL, without carriage returns: free() it. Returns 0, -ETIMEDOUT,
 * -EPIPE it has ended, -EINTR a signal came, -ENOMEM, -ENOBUFS *output would be more than
 * is kept. With NULL for the text it just reads: until the child ends, or all that time.
 */
int
console_expect(struct console *console, const char *text, int ms, char **output);

/* SIGKILL to the whole group, and wait for the child. */
void
console_kill(struct console *console);

/* Kill it if need be, free what it has. */
void
console_close(struct console *console);

#endif /* APP_TEST_CONSOLE_H */
