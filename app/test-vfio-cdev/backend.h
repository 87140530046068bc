/* SPDX-License-Identifier: BSD-3-Clause */

/* Where the backend is that came with this program. */

#ifndef APP_TEST_BACKEND_H
#define APP_TEST_BACKEND_H

#include <limits.h>
#include <stddef.h>

/* Beside this program, as it was built or as it was installed; else where it was to be. */
void
backend_path(char *path, size_t size);

#endif /* APP_TEST_BACKEND_H */
