/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What earlier runs have left that were killed (SIGKILL, a crash): hugepages in files of
 * hugetlbfs, and directories of sockets. A run that goes on keeps its own.
 */

#ifndef APP_TEST_LEFTOVER_H
#define APP_TEST_LEFTOVER_H

#include <stddef.h>

/* Begins the names of all files of all runs; after it come characters of mkdtemp(). */
#define LEFTOVER_PREFIX "test-vfio-cdev-"

/*
 * Remove the hugepage files of a hugetlbfs that no process uses: those of the programs with this
 * --file-prefix, which may be ending, or of all runs (NULL). Returns how many.
 *
 * It is what each EAL does when it starts, with the files of all others
 * (lib/eal/linux/eal_hugepage_info.c, clear_hugedir()). One that uses a file has a shared
 * flock(2) on it (lib/eal/linux/eal_memalloc.c, get_seg_fd(); eal_memory.c,
 * map_all_hugepages()), so that ours fails, in all containers. Between creating and locking
 * one it has the directory locked (alloc_seg_walk(), hugepage_info_init()), as we have then.
 */
unsigned int
leftover_clear_hugepages(const char *mount, const char *prefix);

/* The same in each hugetlbfs. */
unsigned int
leftover_clear_mounts(const char *prefix);

/*
 * Remove such directories that no run uses: it has its own locked (program_files_make()), and
 * those of others' are not touched. Returns how many.
 */
unsigned int
leftover_clear_directories(const char *parent);

/* Files and directories of all runs, wherever they may be. Returns how many. */
unsigned int
leftover_clear(void);

#endif /* APP_TEST_LEFTOVER_H */
