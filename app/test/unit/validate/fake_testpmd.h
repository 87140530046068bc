/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A testpmd that is a script: it logs what it is told to do, and threads of the test
 * answer on its telemetry socket.
 */

#ifndef FAKE_TESTPMD_H
#define FAKE_TESTPMD_H

#include "program.h"

#define FAKE_PROMPT "testpmd> "
#define FAKE_PID 1 /* as in a PID namespace of its own; it is the test */
#define FAKE_RELEASE "DPDK 22.11.11"
/* After the answers to commands of the console, until it is killed. */
#define FAKE_LINES "while printf '" FAKE_PROMPT "'; read line; do echo \"$line\" >>$LOG; done"
#define FAKE_DEVICES "{\"count\":2,\"devices\":[\"0000:00:04.0\",\"0000:00:03.0\"]}"

/* What is open instead of the cdevs, and what stands for their group. */
#define FAKE_CDEVS "/dev/null", "/dev/zero"
#define FAKE_GROUP "/dev/full"
#define FAKE_GROUP_DEV "1:7\n"

/* Two devices; one CPU; the library is not looked at. */
extern struct run fake_run;
extern struct options fake_options;

/* What it answers; set to FAKE_RELEASE and FAKE_DEVICES by fake_testpmd_open(). */
extern const char *fake_release;
extern const char *fake_devices; /* to /vfio_cdev/devices */

/* The answer to any other command (malloc()), or NULL for null; may be NULL itself. */
extern char *(*fake_answer)(const char *command);

/* What it has open, ended by NULL: FAKE_CDEVS after fake_testpmd_open(). */
void
fake_testpmd_opens(const char *file, ...) __attribute__((sentinel));

/* cmocka's set-up and tear-down; the latter sees that the runtime directory is gone. */
int
fake_testpmd_open(void **state);

int
fake_testpmd_close(void **state);

/* Write the script with these lines; returns its path. */
const char *
fake_testpmd_script(const char *lines);

/* How many lines of its log have this text. */
unsigned int
fake_testpmd_told(const char *text);

#endif /* FAKE_TESTPMD_H */
