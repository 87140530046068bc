/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the dynamic linker would load for a program, and from where, as ld.so(8) and
 * glibc's elf/dl-load.c and elf/dl-deps.c have it. Nothing is run or loaded.
 *
 *	loader --> object[0]: the program
 *	           object[1...]: LD_PRELOAD, then what is needed, breadth first
 *
 * Not looked at: /etc/ld.so.preload, audit libraries, dlopen(), and the directories of
 * legacy hardware capabilities ("tls", "haswell"), which glibc 2.37 took out.
 */

#ifndef LOADER_H
#define LOADER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "host.h"
#include "loader_cache.h"
#include "loader_rules.h"

struct loader_object {
	char *name; /* as it is needed: "librte_eal.so.23" */
	char *path; /* below the host's root; NULL: not found */
	int err;    /* of reading it: 0 or -errno */
	int parent; /* the object that needs it, or -1 */
	/* of what is in it; NULL if it has none */
	char *soname;
	char *rpath;
	char *runpath;
	char **needed;	 /* ends with NULL */
	bool no_default; /* linked with -z nodefaultlib */
	dev_t dev;
	ino_t ino;
};

struct loader {
	const struct host *host;
	struct loader_rules rules;
	struct loader_cache cache;
	struct loader_object *objects;
	int count;
	int n_own; /* what the program is linked with; plug-ins come behind it */
};

/*
 * Of a program, and all that it needs; NULL: of none, to search with loader_search().
 * Returns 0; -ENOTSUP where its interpreter is none of glibc; -ENOENT where that is not
 * there; -errno where the program cannot be read (-ENOEXEC: no 64-bit one of this
 * machine), -ENOMEM. loader_close() it in any case.
 */
int
loader_open(const struct host *host, const char *program, struct loader *loader);

/*
 * Add a plug-in of the program, as by dlopen(), and all that it needs. A path without a slash
 * is one of the working directory. Returns 0; -ENOENT: it cannot be loaded; -ENOMEM.
 */
int
loader_add(struct loader *loader, const char *plugin);

void
loader_close(struct loader *loader);

/* The first object whose name begins so, or NULL. */
const struct loader_object *
loader_find(const struct loader *loader, const char *prefix);

/*
 * Where the linker finds a library that the program needs, or any program that has
 * no directories of its own; 0, -ENOENT or -ENOMEM.
 */
int
loader_search(struct loader *loader, const char *name, char path[PATH_MAX]);

#endif /* LOADER_H */
