/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Scenarios in which everything fails once. A scenario is a function of steps, from a new machine
 * to its end. It is run without a fault; then for each point of fake_faults.h and each error of
 * it, twice: once the step is tried again, and the scenario goes on; once it is given up, and the
 * scenario ends. Each time:
 *
 * - the step fails with a line of the log that has its subject and the error, and the fake
 *   kernel has the files, areas and pins that it had before; the second try succeeds; or
 * - the step succeeds, for a reason that is listed, and has the effect that it always has;
 * - at the end nothing is open, mapped, pinned or allocated, as without the fault.
 */

#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

struct scenario {
	const char *name;
	void (*run)(void);
	void (*prepare)(void); /* once, e.g. files that no run changes; or NULL */
};

/* Faults with which a step is not to fail, or fails as follows. */
struct tolerance {
	const char *scenario; /* NULL: any */
	const char *step;     /* the start of its name; NULL: any */
	const char *call;     /* NULL: any */
	int err;	      /* 0: any */
	enum {
		SUCCEEDS,	 /* as without the fault */
		SUCCEEDS_OTHER,	 /* but the kernel has something else afterwards */
		SUCCEEDS_LOGGED, /* the same, and there is a line of the log */
		FAILS_QUIETLY,	 /* the caller logs it */
		FAILS_OPEN,	 /* the domain's iommufd is open now */
		FAILS_CHANGED,	 /* what was done before the fault stays done */
	} what;
	const char *reason;
};

struct scenario_rules {
	const struct tolerance *tolerances;
	size_t count;
	bool apart; /* each run in a process of its own */
};

/* Returns how many of the scenarios have failed, and prints how. */
int
scenarios_run(const char *name, const struct scenario *scenarios, size_t count,
	      const struct scenario_rules *rules);

/*
 * A call that may fail: it is negative then. text is in a line that is logged then. The scenario
 * jumps to "out" if the step is given up.
 */
#define STEP(step, text, call) \
	do { \
		scenario_step_begin(step, text); \
		do { \
			scenario_try(); \
		} while (scenario_is_tried_again((call))); \
		if (scenario_is_given_up()) \
			goto out; \
	} while (0)

/* One that never fails. */
#define STEP_VOID(step, call) \
	do { \
		scenario_step_begin(step, NULL); \
		scenario_try(); \
		call; \
		scenario_is_tried_again(0); \
	} while (0)

/* What the program of a scenario expects, e.g. of a value that a step gives. */
#define EXPECT(what) \
	do { \
		if (!(what)) \
			scenario_fail("not so: " #what); \
	} while (0)

void
scenario_step_begin(const char *step, const char *text);

void
scenario_try(void);

bool
scenario_is_tried_again(int ret);

bool
scenario_is_given_up(void);

void
scenario_fail(const char *what);

#endif /* SCENARIO_H */
