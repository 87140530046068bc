/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Programs and libraries that a test writes, so that each has the directories and
 * names that it is to have. They are in the directory of fake_sysfs.h, for which an "@"
 * stands in each text. The dynamic linker of this machine takes them; none has code or sections.
 */

#ifndef CRAFTED_H
#define CRAFTED_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#define CRAFTED_NEEDED 8
#define CRAFTED_IMPORTS 4
#define CRAFTED_CONTENTS 3

/* What is NULL or 0 it has not. */
struct crafted {
	const char *path;
	const char *soname, *rpath, *runpath;
	uint64_t flags_1;
	const char *needed[CRAFTED_NEEDED];
	const char *imports[CRAFTED_IMPORTS];	/* functions that it calls */
	const char *contents[CRAFTED_CONTENTS]; /* texts that are somewhere in it */
	bool is_32_bit, is_foreign, is_static;
};

void
crafted_write(const struct crafted *c);

/*
 * The dynamic linker's cache: a library of 32 bits, one for a kind of processor (or NULL),
 * and one for any of this machine.
 */
void
crafted_cache_write(const char *name, const char *library, const char *hwcap);

/* The text with the directory in the place of each "@". */
char *
crafted_expand(const char *text, char out[PATH_MAX]);

/* The dynamic linker of this test, which is that of what is written. */
const char *
crafted_interpreter(void);

#endif /* CRAFTED_H */
