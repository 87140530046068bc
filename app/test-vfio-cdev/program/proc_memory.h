/* SPDX-License-Identifier: BSD-3-Clause */

/* A program's hugepages as the kernel sees them. */

#ifndef APP_TEST_PROC_MEMORY_H
#define APP_TEST_PROC_MEMORY_H

#include <stdint.h>
#include <sys/types.h>

#include "report.h"

/* Of /proc/PID/status, in kB. */
struct proc_memory {
	uint64_t huge;	 /* HugetlbPages */
	uint64_t pinned; /* VmPin: what iommufd accounts to it */
};

enum verdict
proc_memory_read(pid_t pid, struct proc_memory *memory, struct result *result);

struct proc_page {
	void *va;
	uint64_t size;
	int node; /* negative: it is not there */
};

struct proc_pages {
	struct proc_page *page;
	unsigned int count;
};

/* Those that are there now, with their nodes; free() pages->page. */
enum verdict
proc_pages_read(pid_t pid, struct proc_pages *pages, struct result *result);

/*
 * Have the kernel move them to another node each (targets, as many), with move_pages(2);
 * it may refuse. Then read where they are.
 */
enum verdict
proc_pages_move(pid_t pid, struct proc_pages *pages, const int *targets, struct result *result);

#endif /* APP_TEST_PROC_MEMORY_H */
