/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A client of DPDK's telemetry socket (lib/telemetry): SOCK_SEQPACKET, one message a
 * command, one message of JSON an answer. What comes is checked: the peer may be
 * anything.
 */

#ifndef APP_TEST_TELEMETRY_H
#define APP_TEST_TELEMETRY_H

#include <stdint.h>
#include <sys/types.h>

#include "report.h"

struct telemetry {
	int fd;		  /* -1: not connected */
	pid_t pid;	  /* of the peer, as it is known to us */
	size_t room;	  /* the longest answer, by its own account */
	char version[64]; /* "DPDK 22.11.11" */
	char *answer;	  /* buffer of room + 1 */
};

/*
 * Connect to the socket and read how the peer describes itself. On anything but
 * VERDICT_PASS the result has the reason, and there is nothing to close.
 */
enum verdict
telemetry_open(struct telemetry *telemetry, const char *path, struct result *result);

void
telemetry_close(struct telemetry *telemetry);

/*
 * Give a command ("/ethdev/stats,0"). The value of its answer is the caller's:
 * json_decref() it; NULL unless it passes. An answer of null, as to an unknown
 * command, is json_null().
 */
enum verdict
telemetry_query(struct telemetry *telemetry, const char *command, struct result *result,
		json_t **value);

/* What follows is telemetry_query()'s and telemetry_open()'s inside, for unit tests. */

/* Parse the peer's first message: version, pid, max_output_len. */
enum verdict
telemetry_parse_hello(struct telemetry *telemetry, const char *text, size_t length,
		      struct result *result);

/* Parse an answer: an object whose only key is the command without its parameters. */
enum verdict
telemetry_parse_answer(const char *command, const char *text, size_t length, struct result *result,
		       json_t **value);

/* An unsigned member of an object; -EBADMSG if it is not there or is none. */
int
telemetry_number(const json_t *object, const char *key, uint64_t *number);

#endif /* APP_TEST_TELEMETRY_H */
