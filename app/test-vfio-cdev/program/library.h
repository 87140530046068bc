/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The library that is preloaded, and whether it has come to be in a program. The dynamic
 * linker only warns of a library that it cannot preload, and DPDK then runs over the VFIO
 * group: packets flow as well.
 */

#ifndef APP_TEST_LIBRARY_H
#define APP_TEST_LIBRARY_H

#include <limits.h>

#include "host.h"
#include "report.h"

/*
 * Can it be preloaded? Then its absolute path is in the last parameter: a program may be
 * started in another directory. VERDICT_ERROR if not.
 */
enum verdict
library_check(const char *library, struct result *result, char path[PATH_MAX]);

/*
 * Judge what a program has answered to /vfio_cdev/devices. These devices, and no other
 * ones, have to be there. VERDICT_FAIL: what says what it does not do, for program_complain().
 */
enum verdict
library_devices(const json_t *answer, const char *const *addrs, unsigned int count, char *what,
		size_t size, struct result *result);

/*
 * Has the process the device's cdev open, and not its group? That is evidence of the kernel's,
 * and not of the program's own. VERDICT_FAIL as above; VERDICT_ERROR: it cannot be seen.
 */
enum verdict
library_opened(const struct host *host, pid_t pid, const struct rte_vfio_cdev_info *info,
	       char *what, size_t size, struct result *result);

#endif /* APP_TEST_LIBRARY_H */
