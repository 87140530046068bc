/* SPDX-License-Identifier: BSD-3-Clause */

/* The addresses that an object calls (its GOT), as the dynamic linker has filled them in. */

#ifndef DRIVERS_COMMON_ELF_SLOTS_H
#define DRIVERS_COMMON_ELF_SLOTS_H

#include <link.h>
#include <stdbool.h>

/*
 * Visit the slots of an object. imported: the function is not its own. true from the visitor
 * ends the walk, and is returned. A slot may be read-only.
 */
bool
elf_slots_walk(const struct link_map *map,
	       bool (*visit)(const char *function, bool imported, void **slot, void *arg),
	       void *arg);

#endif /* DRIVERS_COMMON_ELF_SLOTS_H */
