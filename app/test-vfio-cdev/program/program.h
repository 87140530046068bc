/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A DPDK program that a phase runs: on a terminal of its own, with the backend
 * preloaded, a --file-prefix and a runtime directory of its own, on the CPUs and
 * with the memory of the run's placement. It dies when this program does.
 *
 *	run --- program (child, pty, what it printed) --- telemetry (once ready)
 */

#ifndef APP_TEST_PROGRAM_H
#define APP_TEST_PROGRAM_H

#include <stdbool.h>

#include "run_state.h"
#include "telemetry.h"

struct program;

struct program_spec {
	const char *path;	 /* executable, looked up in PATH */
	const char *ready;	 /* what it prints when it is ready, e.g. a prompt */
	const char *const *eal;	 /* further EAL arguments, ended by NULL; or NULL */
	const char *const *args; /* the program's own, after "--", ended by NULL; or NULL */
	unsigned int first;	 /* of the run's devices: its port 0 */
	unsigned int count;	 /* of devices; 0: all from the first on */
	unsigned int share;	 /* 0, or 1 for one that runs beside another */
	bool plugs;		 /* its devices in itself: it starts without any */
	bool stock;		 /* RTE_VFIO_CDEV=off: what DPDK does without us */
};

/* How many devices that are. */
unsigned int
program_devices(const struct run *run, const struct program_spec *spec);

/*
 * Start it, wait until it is ready, connect to its telemetry, see that it has its devices
 * over the backend (or, as stock DPDK, no backend). Ends with VERDICT_FAIL
 * if it ends, does not get ready or has no backend, with VERDICT_ERROR if it cannot be run
 * or is before DPDK 22.11. *out is NULL unless it passes; program_free() it.
 */
enum verdict
program_start(struct run *run, const struct program_spec *spec, struct result *result,
	      struct program **out);

/* Kill it and everything it started, wait, remove its files. NULL is nothing. */
void
program_free(struct program *program);

/*
 * As program_free(), but its files stay, as after a crash: the next program of its share gets
 * to deal with them. What is left is removed at the end of the run.
 */
void
program_kill(struct program *program);

/* Remove what programs of the run have left; all of them are gone. */
void
programs_end(const struct run *run);

/* Type some text. */
enum verdict
program_write(struct program *program, const char *text, struct result *result);

/*
 * Wait until it prints the text; what came before it since the last such call is
 * *output, if not NULL, without carriage returns: free() it. VERDICT_FAIL when the
 * program ends or so many ms pass.
 */
enum verdict
program_expect(struct program *program, const char *text, int ms, struct result *result,
	       char **output);

/* Wait for its end by itself: VERDICT_PASS if its exit status is 0. */
enum verdict
program_wait(struct program *program, int ms, struct result *result);

/* VERDICT_FAIL: the program did what it should not; its last complaint follows. */
enum verdict
program_complain(struct program *program, const char *what, struct result *result);

/* As telemetry_query(). */
enum verdict
program_query(struct program *program, struct result *result, json_t **value, const char *format,
	      ...) __attribute__((format(printf, 4, 5)));

/*
 * Does it have these devices, and no other ones, over the backend, as it reports itself and as
 * the files show that it has open? Else VERDICT_FAIL.
 */
enum verdict
program_check_devices(struct program *program, const char *const *addrs, unsigned int count,
		      struct result *result);

/* As it is known in /proc; a wrapper may stand between. */
pid_t
program_pid(const struct program *program);

/* Wait for so many ms, reading what is printed; VERDICT_FAIL if the program ends. */
enum verdict
program_sleep(struct program *program, int ms, struct result *result);

#endif /* APP_TEST_PROGRAM_H */
