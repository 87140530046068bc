/* SPDX-License-Identifier: BSD-3-Clause */

/* What dpdk-test-vfio-cdev-traffic has found, in words. */

#ifndef APP_TEST_DAMAGE_H
#define APP_TEST_DAMAGE_H

#include "report.h"

/* What went wrong, if anything, as the result of a pair of ports. */
enum verdict
damage_verdict(const json_t *found, struct result *result);

#endif /* APP_TEST_DAMAGE_H */
