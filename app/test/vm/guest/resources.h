/* SPDX-License-Identifier: BSD-3-Clause */

/* What a program of the VM tests does with devices, and what it has afterwards. */

#ifndef RESOURCES_H
#define RESOURCES_H

#include <stdbool.h>

/* Of 2M. */
unsigned long
hugepages_free(void);

/* Files, memory areas, pinned kB, free hugepages, and what the backend has mapped. */
void
resources_print(const char *when);

/* A device comes and goes as the EAL's hot-plug does it, with the whole of its driver. */
bool
plug(const char *addr);

/* The same for its VFIO part only. */
bool
setup(const char *addr);

#endif /* RESOURCES_H */
