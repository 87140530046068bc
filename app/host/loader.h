/* SPDX-License-Identifier: BSD-3-Clause */

/* Where the dynamic linker would find a library; nothing is loaded. */

#ifndef LOADER_H
#define LOADER_H

#include <limits.h>

#include "host.h"

/*
 * By the program's DT_RUNPATH or DT_RPATH (if there is a program), LD_LIBRARY_PATH,
 * /etc/ld.so.cache and the usual directories, as in ld.so(8). The path is below the
 * host's root; it may be name's own buffer. 0 or -ENOENT.
 */
int
loader_find(const struct host *host, const char *program, const char *name, char path[PATH_MAX]);

#endif /* LOADER_H */
