/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a dynamic linker has built in: each distribution's glibc has other
 * directories. Read from its file; nothing is run.
 */

#ifndef LOADER_RULES_H
#define LOADER_RULES_H

#include <limits.h>

#include "host.h"

#define LOADER_HWCAPS 3

struct loader_rules {
	char dirs[512];			   /* the system's, with colons: SYSTEM_DIRS */
	char lib[128];			   /* of $LIB: DL_DST_LIB */
	char platform[32];		   /* of $PLATFORM, or "" */
	char cache[128];		   /* the path of ld.so.cache */
	char soname[64];		   /* by which libraries need the linker itself */
	const char *hwcaps[LOADER_HWCAPS]; /* glibc-hwcaps that this processor has, best first */
	unsigned int n_hwcaps;
};

/*
 * Of the interpreter that a program names; NULL: of the one that this machine's
 * programs have. -ENOENT it is not there, -ENOTSUP it is none of glibc, -errno.
 */
int
loader_rules_read(const struct host *host, const char *interpreter, struct loader_rules *rules);

#endif /* LOADER_RULES_H */
