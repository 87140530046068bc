/* SPDX-License-Identifier: BSD-3-Clause */

/* cmocka, with the headers that it needs before, and the project's own assertions. */

#ifndef ASSERTS_H
#define ASSERTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "log_capture.h"

/* One captured line of this level has all of these words. */
#define assert_logged(level, ...) \
	do { \
		if (!log_has(RTE_VFIO_CDEV_LOG_##level, (const char *[]){ __VA_ARGS__, NULL })) \
			fail_msg("no such line at " #level ", only:\n%s", log_text()); \
	} while (0)

/* So many files, areas and pinned bytes are in the fake kernel. */
#define assert_kernel_holds(n_files, n_areas, n_bytes) \
	do { \
		const struct fake_holds has = fake_holds(); \
\
		assert_int_equal(has.files, n_files); \
		assert_int_equal(has.areas, n_areas); \
		assert_int_equal(has.pinned, n_bytes); \
	} while (0)

#endif /* ASSERTS_H */
