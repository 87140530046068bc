/* SPDX-License-Identifier: BSD-3-Clause */

/* The phases of a validation, in the order in which they are run. */

#ifndef APP_TEST_PHASE_H
#define APP_TEST_PHASE_H

#include "report.h"
#include "run_state.h"

struct phase {
	const char *name;
	const char *shows;  /* what it shows when it passes */
	unsigned int ports; /* it needs; with fewer devices it is skipped */
	bool cdevs;	    /* it is about them; without it is skipped */
	/*
	 * Returns what it has set with a result_...() function. Leaves no program
	 * behind, and all devices as they were.
	 */
	enum verdict (*run)(struct run *run, struct result *result);
};

/* phases.c: a new phase gets a line there and a file phase_<name>.c. */
extern const struct phase phases[];
extern const unsigned int phase_count;

enum verdict
phase_preflight(struct run *run, struct result *result);

enum verdict
phase_bind(struct run *run, struct result *result);

enum verdict
phase_addresses(struct run *run, struct result *result);

enum verdict
phase_forward(struct run *run, struct result *result);

enum verdict
phase_restart(struct run *run, struct result *result);

enum verdict
phase_lifecycle(struct run *run, struct result *result);

enum verdict
phase_integrity(struct run *run, struct result *result);

enum verdict
phase_memory(struct run *run, struct result *result);

enum verdict
phase_pinned(struct run *run, struct result *result);

#endif /* APP_TEST_PHASE_H */
