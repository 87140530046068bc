/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Scenarios in which everything fails once. A scenario is a function of steps, from a new machine
 * to its end. It is run without a fault; then for each point of fake_faults.h and each error of
 * it, twice: once the step is tried again, and the scenario goes on; once it is given up, and the
 * scenario ends. Each time:
 *
 * - the step fails with a line of the log that has its subject and the error, and the fake
 *   kernel has the files, areas and pins that it had before; the second try succeeds; or
 * - the step succeeds, for a reason that is listed, and has the effect that it always has, or the
 *   other one that is listed, which later steps may end, but do not change otherwise;
 * - no step unpins what a device can reach and was pinned before, unless it does so without the
 *   fault too;
 * - at the end nothing is open, mapped, pinned or allocated.
 */

#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
		SUCCEEDS_LOGGED, /* the same, and there is a line of the log */
		FAILS_QUIETLY,	 /* the caller logs it */
		FAILS_OPEN,	 /* the domain's iommufd is open now */
		FAILS_CHANGED,	 /* what was done before the fault stays done */
	} what;
	const char *reason;
};

/* A fault of one step and one of some calls, with which it succeeds otherwise than without it. */
struct alternative {
	const char *scenario; /* NULL: any */
	const char *step;     /* the start of its name */
	const char *calls;    /* each followed by a space; each happens */
	int err;	      /* 0: any */
	const char *reason;
	bool (*holds)(void); /* what is so instead */
};

struct scenario_rules {
	const struct tolerance *tolerances;
	size_t count;
	const struct alternative *alternatives;
	size_t alternative_count;
	unsigned int live; /* allocations that last as long as the process */
	bool apart;	   /* each run in a process of its own */
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

/* The scenario ends here, since a step has succeeded otherwise than without the fault. */
#define LEAVE \
	do { \
		scenario_leave(); \
		goto out; \
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
scenario_leave(void);

/* For holds(): is the fault in the log, with the text of the step? */
bool
scenario_is_logged(void);

/* And has the kernel more areas than without it; or is less pinned? */
bool
scenario_is_more(void);

bool
scenario_is_less(void);

/* The next step may leave so much more than without the fault, which was before it. */
void
scenario_may_add(unsigned int areas, uint64_t pinned);

void
scenario_fail(const char *what);

#endif /* SCENARIO_H */
