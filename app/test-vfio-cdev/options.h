/* SPDX-License-Identifier: BSD-3-Clause */

/* The command line. */

#ifndef APP_TEST_OPTIONS_H
#define APP_TEST_OPTIONS_H

#include "run_state.h"

/*
 * Parse it. Returns 0, or 2 after one line on stderr; --help and --version print
 * and exit.
 */
int
options_parse(struct options *options, int argc, char **argv);

#endif /* APP_TEST_OPTIONS_H */
