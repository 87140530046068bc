/* SPDX-License-Identifier: BSD-3-Clause */

/* The time for patience and durations: nobody sets it. */

#ifndef APP_TEST_CLOCK_H
#define APP_TEST_CLOCK_H

/* Milliseconds since some time. */
long long
clock_ms(void);

#endif /* APP_TEST_CLOCK_H */
