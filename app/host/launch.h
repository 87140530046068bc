/* SPDX-License-Identifier: BSD-3-Clause */

/* To start a program with a front of the library preloaded: where they are. */

#ifndef APP_LAUNCH_H
#define APP_LAUNCH_H

#include <limits.h>
#include <stddef.h>

#include "host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Files and SONAMEs of the fronts: a name without a number is there for linkers only. */
#define LAUNCH_LIBRARY "librte_bus_vfio_cdev.so.1"
#define LAUNCH_COMPAT "libvfio_cdev_compat.so.1"
#define LAUNCH_TRAFFIC "dpdk-test-vfio-cdev-traffic"

/*
 * The path of a file from the directory of this program on. Returns 0; -ENAMETOOLONG;
 * -ENOENT if that directory cannot be found. path is the name alone then.
 */
int
launch_beside(const char *name, char path[PATH_MAX]);

/*
 * The front of that name that came with this program: beside it, in a build directory or
 * installed, or where meson installs it. Returns 0 or -ENOENT.
 */
int
launch_find_library(const char *name, char path[PATH_MAX]);

/*
 * The traffic program, which no user starts: beside this program in a build directory,
 * else where meson installs it. Returns 0; or -ENOENT, and path is where it should be.
 */
int
launch_find_traffic(char path[PATH_MAX]);

/*
 * Find a program as a shell would; a path with a slash in it is looked at as it is.
 * Returns 0, or -errno: -ENOENT there is none, -EACCES it cannot be executed.
 */
int
launch_find_program(const struct host *host, const char *name, char *path, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* APP_LAUNCH_H */
