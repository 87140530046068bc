/* SPDX-License-Identifier: BSD-3-Clause */

/* A finding as dpdk-vfio-cdev(1) describes it under "JSON". */

#ifndef APP_FINDING_JSON_H
#define APP_FINDING_JSON_H

#include <jansson.h>

#include "checks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A new object, or NULL: no memory. */
json_t *
check_finding_json(const struct check_finding *finding);

#ifdef __cplusplus
}
#endif

#endif /* APP_FINDING_JSON_H */
