/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * dpdk-test-vfio-cdev-traffic, which is run as testpmd is, and prints what it finds as
 * lines of JSON.
 */

#ifndef APP_TEST_COMPANION_H
#define APP_TEST_COMPANION_H

#include "program.h"

/*
 * As program_start(); path and ready of the spec are set here. VERDICT_SKIP if it is not
 * installed, or is of another release of DPDK than testpmd.
 */
enum verdict
companion_start(struct run *run, const struct program_spec *spec, struct result *result,
		struct program **program);

/*
 * Wait until it prints its result, an object: json_decref() it. Else *found is NULL;
 * VERDICT_FAIL then means that the program has printed why, or has ended.
 */
enum verdict
companion_result(struct run *run, struct program *program, struct result *result, json_t **found);

#endif /* APP_TEST_COMPANION_H */
