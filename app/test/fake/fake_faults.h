/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Points where a call of the library can fail: each call of fake_sys, each allocation, each
 * file and directory that it opens itself. They are counted in the order they come, and one of
 * them fails, with each errno that the real call may return. What the fakes do themselves is
 * none. The calls of the C library are wrapped by the linker (heap_wrap, file_wrap), so that
 * only those of the program's own objects are points.
 */

#ifndef FAKE_FAULTS_H
#define FAKE_FAULTS_H

#include <stdbool.h>

/* The most points of a run. */
#define FAKE_POINTS 8192

/* One that has failed. */
struct fake_fault {
	const char *call; /* NULL: none */
	int err;
};

/* Count anew from here on. The nth point (1: the first; 0: none) fails with one of its errors. */
void
fake_faults_begin(unsigned int nth, unsigned int variant);

/* Nothing is counted any more. Returns the points since the beginning. */
unsigned int
fake_faults_end(void);

/* What has failed since the beginning. */
struct fake_fault
fake_faults_failed(void);

/* How many errors the nth point of the last count has. */
unsigned int
fake_faults_variants(unsigned int nth);

/* Memory of the heap that was allocated since the beginning, and not freed. */
unsigned int
fake_faults_live(void);

/* For the fakes: a call of the library at one of these points: the errno, or 0. */
enum fake_point {
	POINT_OPEN,
	POINT_CLOSE,
	POINT_RDEV,
	POINT_DUP,
	POINT_ADOPT,
	POINT_RESIDENT,
	POINT_MINCORE,
	POINT_PREAD,
	POINT_RING_OPEN,
	POINT_RING_REGISTER,
	POINT_BIND,
	POINT_ATTACH,
	POINT_DETACH,
	POINT_GET_INFO,
	POINT_IOAS_ALLOC,
	POINT_HWPT_ALLOC,
	POINT_RANGES,
	POINT_DESTROY,
	POINT_MAP,
	POINT_UNMAP,
	POINT_COPY,
	POINT_GET_PA,
	POINT_VMA,
	POINT_IOCTL, /* all others */
	POINT_MALLOC,
	POINT_CALLOC,
	POINT_REALLOC,
	POINT_REALLOCARRAY,
	POINT_STRDUP,
	POINT_MMAP,
	POINT_OPENDIR,
	POINT_SCANDIR,
	POINT_FOPEN,
	POINT_FILE,
	POINT_READLINK,
	POINT_EVENTFD,
};

int
fake_fault(enum fake_point point);

/* Between these a fake works: its calls are no points. */
void
fake_faults_pause(void);

void
fake_faults_resume(void);

/* Memory of the heap; NULL is none. */
void
fake_faults_allocated(void *memory);

void
fake_faults_freed(void *memory);

#endif /* FAKE_FAULTS_H */
