/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is being done: one line that is written anew on a terminal, and otherwise a
 * line when a phase begins and ends.
 */

#ifndef APP_TEST_PROGRESS_H
#define APP_TEST_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

struct progress {
	FILE *out;
	bool terminal;
	const char *phase; /* that runs */
};

void
progress_init(struct progress *progress, FILE *out, bool terminal);

void
progress_begin(struct progress *progress, const char *phase);

/* What the phase does now; shown on a terminal only. */
void
progress_step(struct progress *progress, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* How it went. */
void
progress_end(struct progress *progress, const char *verdict, double seconds);

#endif /* APP_TEST_PROGRESS_H */
