/* SPDX-License-Identifier: BSD-3-Clause */

/* One run from its preparation to its end. */

#ifndef APP_TEST_RUN_H
#define APP_TEST_RUN_H

#include "run_state.h"

/*
 * Find the devices, place the programs, make the directory. On an error the
 * result has the reason; run_close() either way.
 */
enum verdict
run_open(struct run *run, const struct options *options, struct result *result);

/* Run the chosen phases, each to its result; fills the report. */
void
run_phases(struct run *run, struct report *report);

void
run_close(struct run *run);

#endif /* APP_TEST_RUN_H */
