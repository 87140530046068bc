/* SPDX-License-Identifier: BSD-3-Clause */

/* The clock, the numbers of the command line, and the table of the benchmarks. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench.h"

double
bench_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void
line_print(const char *format, va_list args)
{
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
}

void
bench_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line_print(format, args);
	va_end(args);
}

void
bench_give_up(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line_print(format, args);
	va_end(args);
	exit(status);
}

unsigned int
bench_number(const char *text, unsigned int most)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < 1 ||
	    value > most)
		bench_give_up(BENCH_UNTRIED, "%s is no number from 1 to %u", text, most);
	return (unsigned int)value;
}

static int
doubles_compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), doubles_compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

void
bench_head(const struct bench_table *table)
{
	if (!table->pairs)
		printf("%-28s %12s %12s %12s %8s\n", table->unit, table->ways[BENCH_FIRST],
		       table->ways[BENCH_SECOND], "more", "ratio");
}

/* Differences and ratios are of pairs, before their medians are taken. */
void
bench_row(const struct bench_table *table, const char *name, bench_pairs_t pairs,
	  unsigned int count)
{
	static double more[BENCH_MAX_PAIRS], ratio[BENCH_MAX_PAIRS];
	double *first = pairs[BENCH_FIRST], *second = pairs[BENCH_SECOND];

	for (unsigned int i = 0; i < count; i++) {
		more[i] = second[i] - first[i];
		ratio[i] = second[i] / first[i];
		if (table->pairs)
			printf("%s\t%s\t%.3f\t%.3f\n", table->unit, name, first[i], second[i]);
	}
	if (table->pairs)
		return;
	printf("%-28s %12.1f %12.1f", name, median(first, count), median(second, count));
	printf(" %+12.1f %8.2f\n", median(more, count), median(ratio, count));
}
