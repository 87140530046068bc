/* SPDX-License-Identifier: BSD-3-Clause */

/* What the benchmarks of this folder share (bench.c). */

#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>

#define BENCH_MAX_PAIRS 10000

enum { BENCH_FAILED = 1, BENCH_UNTRIED = 2 };

/* Two ways of doing the same that take turns, so that whatever slows the machine slows both. */
enum { BENCH_FIRST, BENCH_SECOND, BENCH_WAYS };

/* What a way took, one value for each turn. */
typedef double bench_pairs_t[BENCH_WAYS][BENCH_MAX_PAIRS];

struct bench_table {
	const char *unit;
	const char *ways[BENCH_WAYS];
	bool pairs; /* print each of them for devtools/bench, instead of medians */
};

/* Nanoseconds; if the guest counts instructions, these (see devtools/bench --help). */
double
bench_now(void);

/* Print a line to stderr, which begins with the program's name. */
void __attribute__((format(printf, 1, 2))) bench_complain(const char *format, ...);

/* Complain, and exit with this status. */
void __attribute__((format(printf, 2, 3), noreturn))
bench_give_up(int status, const char *format, ...);

/* A number from 1 to most. Does not return if the text is none. */
unsigned int
bench_number(const char *text, unsigned int most);

void
bench_head(const struct bench_table *table);

/* Sorts the values. */
void
bench_row(const struct bench_table *table, const char *name, bench_pairs_t pairs,
	  unsigned int count);

#endif /* BENCH_H */
