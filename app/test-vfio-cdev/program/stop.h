/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * SIGINT, SIGQUIT, SIGTERM and SIGHUP stop the run. They stay blocked and pending in a
 * signalfd that is never read, so that each wait after the first signal ends at once.
 */

#ifndef APP_TEST_STOP_H
#define APP_TEST_STOP_H

#include <stdbool.h>

/* Block the signals. 0 or -errno. */
int
stop_init(void);

/* Has one come? */
bool
stop_requested(void);

/* In a child: let it have its signals. */
void
stop_forget(void);

/*
 * Wait until the fd can be read (-1: just wait). Returns 1 if it can, or has come to
 * its end; 0 after so many ms; -EINTR a signal came; -errno.
 */
int
stop_wait(int fd, int ms);

#endif /* APP_TEST_STOP_H */
