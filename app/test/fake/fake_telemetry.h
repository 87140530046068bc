/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's telemetry as 22.11 has it, in the fake EAL: its commands, and the answer
 * as the JSON that a client gets. What the EAL would cut, drop or mishandle is noted
 * as misuse.
 */

#ifndef FAKE_TELEMETRY_H
#define FAKE_TELEMETRY_H

#include <stdint.h>

/*
 * What a client gets for "<command>[,<parameters>]", without the command; "null" after an
 * error, NULL if there is no such command. The caller frees it. Thread-safe.
 */
char *
fake_telemetry_ask(const char *request);

/* Commands that are registered: for good, as in the EAL. */
unsigned int
fake_telemetry_commands(void);

/* Let the nth rte_tel_data_alloc() from now on fail, once; 0: none. */
void
fake_telemetry_fail(unsigned int nth);

/* What was allocated for answers and not freed; of all threads. */
int
fake_telemetry_leaks(void);

/* The first wrong use, or NULL. */
const char *
fake_telemetry_misuse(void);

/* The name of unsigned numbers up to 22.11; and from 23.03 on. */
struct rte_tel_data;

int
rte_tel_data_add_dict_u64(struct rte_tel_data *d, const char *name, uint64_t val);

int
rte_tel_data_add_dict_uint(struct rte_tel_data *d, const char *name, uint64_t val);

#endif /* FAKE_TELEMETRY_H */
