/* SPDX-License-Identifier: BSD-3-Clause */

/* The files that a program has open: none may be left when what it was for is gone. */

#ifndef APP_TEST_PROC_FILES_H
#define APP_TEST_PROC_FILES_H

#include <sys/types.h>

#define PROC_FILES 512 /* that are looked at */
#define PROC_FILE_NAME 64

struct proc_files {
	char name[PROC_FILES][PROC_FILE_NAME]; /* what /proc/PID/fd/N leads to */
	unsigned int count;
};

/* 0 or -errno. */
int
proc_files_read(pid_t pid, struct proc_files *files);

/* Keeps what was read before unless there are more now. 0 or -errno. */
int
proc_files_most(pid_t pid, struct proc_files *most);

/* One that there are more of than before, or NULL. */
const char *
proc_files_more(const struct proc_files *before, const struct proc_files *now);

#endif /* APP_TEST_PROC_FILES_H */
