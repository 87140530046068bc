/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * All schedules of a few threads, which run one at a time: each call of the kernel and each
 * lock is a point where another thread may go on, where the process of the thread may end, or
 * where a wait may time out. Choices are made depth first; a schedule is run from its start.
 * What departs from "the thread goes on" is counted, and its number limited.
 *
 *	main -- explore() -- threads, of two processes (sides): see side.h
 *	                        |-- pthread_mutex_lock(), ...: explore.c stands in front of them
 *	                        +-- kernel.c, the seam of the library
 */

#ifndef EXPLORE_H
#define EXPLORE_H

#include <stdbool.h>
#include <stdint.h>

/* Numbers of the invariants in doc/architecture.rst; DEADLOCK and MISUSE are none of them. */
enum property {
	NO_PROPERTY = 0,
	CONFIRMED = 1,
	PINNED = 2,
	NOT_SILENT = 6,
	ONE_FD = 8,
	DEADLOCK,
	MISUSE,
};

struct scenario {
	const char *name;
	unsigned int departures; /* the most of a schedule */
	bool crashes;		 /* may a process end? */
	struct {
		unsigned int side;
		void (*run)(void);
	} threads[4];	     /* up to the first without a function */
	void (*begin)(void); /* before each schedule, for both sides */
	void (*step)(void);  /* checks what always holds */
	void (*died)(unsigned int side);
	void (*end)(void); /* checks what holds when all threads have ended */
};

struct explored {
	uint64_t schedules;
	uint64_t steps;
	uint64_t crashes;
};

/* Run all schedules; explore_violated() ends the program. */
struct explored
explore(const struct scenario *scenario);

/*
 * A point where others may go on. What no other process can see, such as a lock, is one for the
 * threads of this process only, and it does not end there: for others it is as if it had ended at
 * the next call that they see.
 */
void
explore_yield(bool is_seen);

/* One of count ways: all are tried, in different schedules. */
unsigned int
explore_choose(unsigned int count);

/* Wait until it is true; false: the wait is given up, which is a departure. */
bool
explore_wait(bool (*is_ready)(void), bool may_give_up);

/* No point is one until the end. */
void
explore_atomic(bool begin);

/* Has the process of the side ended before its threads had? */
bool
explore_is_dead(unsigned int side);

/* A property does not hold: report the schedule, and exit(): 0 if it is the one looked for. */
__attribute__((format(printf, 2, 3), noreturn)) void
explore_violated(enum property property, const char *format, ...);

extern enum property explore_expected;

#endif /* EXPLORE_H */
