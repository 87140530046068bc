/* SPDX-License-Identifier: BSD-3-Clause */

/* The end of a forked process. */

#ifndef PROCESS_H
#define PROCESS_H

#include <unistd.h>

#ifdef COVERAGE
void
__gcov_dump(void);
#endif

/* As _exit(); what the process has executed counts in devtools/coverage. */
static inline void __attribute__((noreturn)) process_end(int status)
{
#ifdef COVERAGE
	__gcov_dump();
#endif
	_exit(status);
}

#endif /* PROCESS_H */
