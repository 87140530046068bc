/* SPDX-License-Identifier: BSD-3-Clause */

/* What a DPDK program reports about memory that io_uring pins, on its telemetry socket. */

#ifndef APP_PINNING_H
#define APP_PINNING_H

#include <stdbool.h>

#include "host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PINNING_TEXT "pinned by io_uring, addresses from pagemap, not confirmed by an IOAS"

/* Has the process such memory? False also if it does not answer within a second. */
bool
process_pins(const struct host *host, int pid);

#ifdef __cplusplus
}
#endif

#endif /* APP_PINNING_H */
