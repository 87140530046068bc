/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Numbers of files, modulo 1024, that may be of interest. A file whose number is marked is
 * looked at, so one that has the number later is not taken for it. Atomic.
 */

#ifndef COMPAT_VFIO_CDEV_MARKS_H
#define COMPAT_VFIO_CDEV_MARKS_H

#include <stdbool.h>

#define MARKS_WORDS 16

struct marks {
	unsigned long words[MARKS_WORDS];
};

static inline bool
marks_have(const struct marks *marks, int fd)
{
	const unsigned int number = (unsigned int)fd;

	return (__atomic_load_n(&marks->words[number / 64 % MARKS_WORDS], __ATOMIC_RELAXED) >>
			number % 64 &
		1) != 0;
}

static inline void
marks_set(struct marks *marks, int fd)
{
	const unsigned int number = (unsigned int)fd;

	__atomic_fetch_or(&marks->words[number / 64 % MARKS_WORDS], 1UL << number % 64,
			  __ATOMIC_RELAXED);
}

static inline void
marks_clear(struct marks *marks, int fd)
{
	const unsigned int number = (unsigned int)fd;

	__atomic_fetch_and(&marks->words[number / 64 % MARKS_WORDS], ~(1UL << number % 64),
			   __ATOMIC_RELAXED);
}

#endif /* COMPAT_VFIO_CDEV_MARKS_H */
