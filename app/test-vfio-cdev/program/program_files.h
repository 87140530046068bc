/* SPDX-License-Identifier: BSD-3-Clause */

/* The files that a DPDK program leaves behind. */

#ifndef APP_TEST_PROGRAM_FILES_H
#define APP_TEST_PROGRAM_FILES_H

#include <stddef.h>

#define PROGRAM_FILES_ROOT "/var/run/dpdk" /* of root's programs without RUNTIME_DIRECTORY */

/*
 * Make a directory for the programs' sockets and locks. It is locked, so that no other run
 * takes it for a leftover: close *lock after program_files_end(). 0 or -errno.
 */
int
program_files_make(char *runtime, size_t size, int *lock);

/* Remove what a program with this --file-prefix has left there, and unlocked in hugetlbfs. */
void
program_files_remove(const char *runtime, const char *prefix);

/* Remove the directory, when all programs are gone. */
void
program_files_end(const char *runtime);

#endif /* APP_TEST_PROGRAM_FILES_H */
