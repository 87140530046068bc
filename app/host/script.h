/* SPDX-License-Identifier: BSD-3-Clause */

/* Which program a script is run by: execve(2), fs/binfmt_script.c and env(1). */

#ifndef SCRIPT_H
#define SCRIPT_H

#include <limits.h>

#include "host.h"

/*
 * Where a file is a script, the program of its first line: "#!/bin/sh", and of
 * "#!/usr/bin/env [-S] NAME" what PATH has of that name. Where that is a script, its
 * own. path stays what it is for a file that is none. On an error it is what the
 * error is about:
 *
 *	-ENOENT, -EACCES  it is not there, or cannot be executed
 *	-ELOOP            more scripts than the kernel follows
 *	-EINVAL           env is given options that are not understood, or no program
 *	-ENOEXEC          no program of ELF and no script that says its own
 */
int
script_resolve(const struct host *host, char path[PATH_MAX]);

#endif /* SCRIPT_H */
