/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Makes memory short: linked with --wrap for each of these calls (heap_wrap), for those that come
 * out of objects of the test program.
 */

#ifndef FAKE_HEAP_H
#define FAKE_HEAP_H

enum fake_heap_call {
	FAKE_HEAP_NONE,
	FAKE_HEAP_MALLOC,
	FAKE_HEAP_CALLOC,
	FAKE_HEAP_REALLOC,
	FAKE_HEAP_REALLOCARRAY,
	FAKE_HEAP_STRDUP,
};

/* Let the next call of this function find no memory. */
void
fake_heap_fail(enum fake_heap_call call);

#endif /* FAKE_HEAP_H */
