/* SPDX-License-Identifier: BSD-3-Clause */

/* Packets that go round between a testpmd's ports while a phase does something else. */

#ifndef APP_TEST_CIRCULATION_H
#define APP_TEST_CIRCULATION_H

#include "testpmd.h"

/* Wait for the links of the first so many ports, and set packets going. */
enum verdict
circulation_start(struct program *program, unsigned int ports, struct result *result);

/* Does each of the ports still receive? moment: " after ..." of a sentence if not. */
enum verdict
circulation_check(struct program *program, unsigned int ports, const char *moment,
		  struct result *result);

#endif /* APP_TEST_CIRCULATION_H */
