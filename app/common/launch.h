/* SPDX-License-Identifier: BSD-3-Clause */

/* To start a program with the backend preloaded: where they are. */

#ifndef APP_LAUNCH_H
#define APP_LAUNCH_H

#include <limits.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LAUNCH_LIBRARY "librte_bus_vfio_cdev.so"

/*
 * The backend that came with this program: beside it, in a build directory or
 * installed, or where meson was told to install it. Returns 0 or -ENOENT.
 */
int
launch_find_library(char path[PATH_MAX]);

/*
 * Find a program as a shell would. Returns 0, or -errno: -ENOENT there is none,
 * -EACCES it cannot be executed.
 */
int
launch_find_program(const char *name, char *path, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* APP_LAUNCH_H */
