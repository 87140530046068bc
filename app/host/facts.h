/* SPDX-License-Identifier: BSD-3-Clause */

/* Facts of a machine that more than one file needs: kernel, this process, hugepages. */

#ifndef APP_FACTS_H
#define APP_FACTS_H

#include <stdbool.h>

#include "host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define KERNEL_RELEASE_LEN 65

/* As uname -r prints it; "" if it cannot be read or is no file name. */
void
kernel_release(const struct host *host, char release[KERNEL_RELEASE_LEN]);

/* Is a module in the kernel, whether sysfs shows it or not? */
bool
module_is_loaded(const struct host *host, const char *name);

/* Does DPDK work through that driver over UIO? */
bool
driver_is_uio(const char *driver);

/* Is it one of this process's effective capabilities? */
bool
process_has_cap(const struct host *host, unsigned int cap);

/* Is this process in the initial user namespace, as far as /proc shows? */
bool
process_is_initial(const struct host *host);

/* Is it in a PID namespace of its own, so that its /proc lacks the processes outside? */
bool
process_has_own_pids(const struct host *host);

/* Sizes are few: two on x86, four on ARM. */
#define HUGEPAGE_SIZES 8

/* The kB of each size of hugepages; returns how many sizes there are. */
unsigned int
hugepage_sizes(const struct host *host, unsigned long sizes[HUGEPAGE_SIZES]);

/* Hugepages of a size that are free on a node, or (-1) on all of them; -1: not known. */
long
hugepages_free_of(const struct host *host, unsigned long size, int node);

/* The same of all sizes; 0 if not known. */
long
hugepages_free(const struct host *host, int node);

#ifdef __cplusplus
}
#endif

#endif /* APP_FACTS_H */
