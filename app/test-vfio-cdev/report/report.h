/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The result of a phase, and its forms: a table, JSON, JUnit XML.
 *
 *	report --- result (one for each phase that was chosen)
 *
 * A result is also how a function deep in a phase reports what went wrong: it ends
 * with `return result_fail(result, ...)`, and its callers pass the verdict on.
 * `if (verdict != VERDICT_PASS)` reads: it is over.
 */

#ifndef APP_TEST_REPORT_H
#define APP_TEST_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include <jansson.h>

enum verdict {
	VERDICT_PASS,
	VERDICT_FAIL,	 /* the host, or DPDK on it, does not do what it should */
	VERDICT_SKIP,	 /* nothing to test it with; no statement on the host */
	VERDICT_ERROR,	 /* could not be run: the text has the reason */
	VERDICT_STOPPED, /* a signal came */
	VERDICT_NOT_RUN, /* the run was over before */
};

#define VERDICTS 6

struct result {
	const char *name; /* of the phase */
	enum verdict verdict;
	char figure[96]; /* what was measured: "512 pages, 512 by pagemap too" */
	char stock[96];	 /* the same with stock DPDK (--compare), or "" */
	char text[640];	 /* one sentence on why it has not passed, or "" */
	double seconds;
	json_t *details; /* an object: what else the JSON report has */
};

struct report {
	json_t *host; /* an object: what was tested, and with what */
	struct result *results;
	unsigned int count;
	bool compared; /* stock DPDK was run, too */
};

/* "passed", "failed", "skipped", "error", "stopped", "not run". */
const char *
verdict_name(enum verdict verdict);

/*
 * Set the verdict and the sentence that explains it, on one line and printable,
 * whatever it quotes. Return the verdict, for the caller to return.
 */
enum verdict
result_fail(struct result *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum verdict
result_skip(struct result *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum verdict
result_error(struct result *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum verdict
result_stopped(struct result *result);

/* Set the figure; returns VERDICT_PASS, as the end of a phase that went well. */
enum verdict
result_pass(struct result *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Set the figure of stock DPDK. */
void
result_stock(struct result *result, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Add to the details; takes the value over. A NULL value (no memory) adds nothing. */
void
result_detail(struct result *result, const char *key, json_t *value);

/* 0, 1 or 2: the exit status that the results give. */
int
report_status(const struct report *report);

/* phase, verdict, figure, time; the sentences of what has not passed below. */
void
report_table(const struct report *report, FILE *out);

/*
 * Text for JSON, such as a path: bytes that are no UTF-8 make it one with a question mark
 * for each byte that is not printable ASCII. NULL: there is no memory.
 */
json_t *
report_text(const char *text);

/*
 * Open the file of a report, empty. 0 or -errno; -ELOOP: it is a link of another user, who
 * may have meant it for root.
 */
int
report_file_open(const char *path, FILE **file);

/* Write the whole report. 0 or -errno. */
int
report_json(const struct report *report, FILE *out);

int
report_junit(const struct report *report, FILE *out);

/* Free the results' details and what describes the host. */
void
report_free(struct report *report);

#endif /* APP_TEST_REPORT_H */
