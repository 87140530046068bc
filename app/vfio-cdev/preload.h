/* SPDX-License-Identifier: BSD-3-Clause */

/* The environment in which a program starts with a front of the library preloaded. */

#ifndef PRELOAD_H
#define PRELOAD_H

#include <limits.h>
#include <stdbool.h>

#include "front.h"

#define POLICY "RTE_VFIO_CDEV"

/*
 * The file of a front: that of a name that was given, or (NULL) the one that came with this
 * program. Returns 0, or prints what is wrong and returns CMD_TROUBLE.
 */
int
preload_choose(const char *name, enum front front, char path[PATH_MAX]);

/*
 * What LD_PRELOAD is to be: the library, then what is there but for any front. The caller
 * frees it; NULL: there is no memory.
 */
char *
preload_list(const char *library, const char *before);

/* Set LD_PRELOAD, and the policy. Returns 0, or prints what is wrong and returns CMD_TROUBLE. */
int
preload_set(const char *library, bool require);

#endif /* PRELOAD_H */
