/* SPDX-License-Identifier: BSD-3-Clause */

/* Where the calls of an object go. */

#ifndef SLOTS_H
#define SLOTS_H

#include <link.h>
#include <stdbool.h>

/* The file of the object that has an address, without its folder; "" if none has. */
const char *
file_of(const void *address);

#define FRONT "libvfio_cdev_compat.so.1"
#define C_LIBRARY "libc.so.6"

/* Where an object calls a function; NULL: it does not, or it was not looked up yet. */
void **
slot_of(const struct link_map *map, const char *function);

/* The object of a handle from dlopen(3). */
const struct link_map *
map_of(void *handle);

#endif /* SLOTS_H */
