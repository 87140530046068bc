/* SPDX-License-Identifier: BSD-3-Clause */

/* How the dynamic linker has bound calls between the objects of the process. */

#ifndef BUS_VFIO_CDEV_ELF_BINDING_H
#define BUS_VFIO_CDEV_ELF_BINDING_H

#include <stdbool.h>

/* Are both addresses in one program or shared object? */
bool
elf_object_is_same(const void *left, const void *right);

/* Does the object at this address import and call the function? */
bool
elf_binding_is_called(const void *inside, const char *function);

/*
 * Do calls of a function from the object at this address stay in the object, whatever
 * comes before it in the order of look-up?
 */
bool
elf_binding_is_internal(const void *inside, const char *function);

/* Does code of an object of this name, up to its ".so", contain the address? */
bool
elf_object_is(const void *code, const char *name);

/* Is the text in the object at this address: its code, constants, or initialized data? */
bool
elf_object_has(const void *inside, const char *text);

#endif /* BUS_VFIO_CDEV_ELF_BINDING_H */
