/* SPDX-License-Identifier: BSD-3-Clause */

/* What the kernel reports of a process. */

#ifndef PROC_H
#define PROC_H

#include <stdint.h>

/* The number after a label at the start of a line ("VmPin:"); exits if there is none. */
unsigned long
proc_number(const char *path, const char *label);

/* Where an address of this process is in physical memory; 0 if it is nowhere. */
uint64_t
proc_phys(const void *va);

#endif /* PROC_H */
