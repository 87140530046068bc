/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef PROC_NUMBER_H
#define PROC_NUMBER_H

/* The number after a label at the start of a line, or 0: "/proc/self/status", "VmPin:". */
unsigned long
proc_number(const char *path, const char *label);

#endif /* PROC_NUMBER_H */
