/* SPDX-License-Identifier: BSD-3-Clause */

/* The command line. */

#ifndef APP_TEST_OPTIONS_H
#define APP_TEST_OPTIONS_H

#include <stdbool.h>

#define OPTIONS_PHASES 32	/* at most */

struct options {
	char *devices;			/* addresses with commas between; NULL: all */
	const char *testpmd;
	const char *library;		/* the backend that is preloaded */
	const char *json;		/* file, or NULL */
	const char *junit;		/* file, or NULL */
	unsigned int duration;		/* seconds that packets flow in each way of a phase */
	unsigned int restarts;		/* of the phase of that name */
	bool keep_going;
	bool compare;
	bool list_phases;
	bool chosen[OPTIONS_PHASES];	/* by the position in phases[] */
};

/*
 * Parse it. Returns 0, or 2 after one line on stderr; --help and --version print
 * and exit.
 */
int
options_parse(struct options *options, int argc, char **argv);

#endif /* APP_TEST_OPTIONS_H */
