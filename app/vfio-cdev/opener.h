/* SPDX-License-Identifier: BSD-3-Clause */

/* What /proc shows of a process that has a device open. */

#ifndef OPENER_H
#define OPENER_H

#include "front.h"

/* The front that is loaded into it; FRONT_AUTO: none, or its memory cannot be read. */
enum front
opener_front(const struct host *host, int pid);

/* The kB of its memory that the kernel counts as pinned (VmPin), or -1. */
long
opener_pinned(const struct host *host, int pid);

#endif /* OPENER_H */
