/* SPDX-License-Identifier: BSD-3-Clause */

/* What a device has in a class of sysfs, and whether its disks are in use. */

#ifndef DISK_H
#define DISK_H

#include <stdbool.h>

#include "check_private.h"

/* Is a device of a class part of the one with that address? */
bool
use_is_part(const struct host *host, const char *class, const char *name, const char *addr);

/* Has a file a line of that pattern? */
bool
use_file_has(const struct host *host, const char *pattern, const char *path);

/* The same of a disk or a partition, whose link may not have the address. */
bool
disk_is_part(const struct host *host, const char *name, const char *addr);

/* Add why a disk or a partition is not to be taken away, or that this is not known. */
void
disk_use_add(const struct host *host, const char *name, struct text *uses);

#endif /* DISK_H */
