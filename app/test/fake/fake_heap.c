/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "fake_faults.h"
#include "fake_heap.h"

void *
__real_malloc(size_t size);
void *
__real_calloc(size_t count, size_t size);
void *
__real_realloc(void *old, size_t size);
void *
__real_reallocarray(void *old, size_t count, size_t size);
char *
__real_strdup(const char *text);
void
__real_free(void *memory);
void *
__wrap_malloc(size_t size);
void *
__wrap_calloc(size_t count, size_t size);
void *
__wrap_realloc(void *old, size_t size);
void *
__wrap_reallocarray(void *old, size_t count, size_t size);
char *
__wrap_strdup(const char *text);
void
__wrap_free(void *memory);

static _Atomic enum fake_heap_call failing;

void
fake_heap_fail(enum fake_heap_call call)
{
	failing = call;
}

static bool
is_failing(enum fake_heap_call call, enum fake_point point)
{
	return fake_fault(point) != 0 ||
		(call != FAKE_HEAP_NONE &&
		 atomic_compare_exchange_strong(&failing, &call, FAKE_HEAP_NONE));
}

static void *
allocated(void *memory)
{
	fake_faults_allocated(memory);
	return memory;
}

/* The old one is gone if there is a new one. */
static void *
moved(void *old, void *memory)
{
	if (memory == NULL)
		return NULL;
	fake_faults_freed(old);
	return allocated(memory);
}

void *
__wrap_malloc(size_t size)
{
	return is_failing(FAKE_HEAP_MALLOC, POINT_MALLOC) ? NULL : allocated(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return is_failing(FAKE_HEAP_CALLOC, POINT_CALLOC) ? NULL :
							    allocated(__real_calloc(count, size));
}

void *
__wrap_realloc(void *old, size_t size)
{
	return is_failing(FAKE_HEAP_REALLOC, POINT_REALLOC) ? NULL :
							      moved(old, __real_realloc(old, size));
}

void *
__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return is_failing(FAKE_HEAP_REALLOCARRAY, POINT_REALLOCARRAY) ?
		NULL :
		moved(old, __real_reallocarray(old, count, size));
}

char *
__wrap_strdup(const char *text)
{
	return is_failing(FAKE_HEAP_STRDUP, POINT_STRDUP) ? NULL : allocated(__real_strdup(text));
}

void
__wrap_free(void *memory)
{
	fake_faults_freed(memory);
	__real_free(memory);
}
