/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "fake_heap.h"

void *
__real_malloc(size_t size);
void *
__real_calloc(size_t count, size_t size);
void *
__real_realloc(void *old, size_t size);
void *
__wrap_malloc(size_t size);
void *
__wrap_calloc(size_t count, size_t size);
void *
__wrap_realloc(void *old, size_t size);

static _Atomic enum fake_heap_call failing;

void
fake_heap_fail(enum fake_heap_call call)
{
	failing = call;
}

static bool
is_failing(enum fake_heap_call call)
{
	return atomic_compare_exchange_strong(&failing, &call, FAKE_HEAP_NONE);
}

void *
__wrap_malloc(size_t size)
{
	return is_failing(FAKE_HEAP_MALLOC) ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return is_failing(FAKE_HEAP_CALLOC) ? NULL : __real_calloc(count, size);
}

void *
__wrap_realloc(void *old, size_t size)
{
	return is_failing(FAKE_HEAP_REALLOC) ? NULL : __real_realloc(old, size);
}
