/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the fuzz targets share. A target is a file with LLVMFuzzerTestOneInput(), which makes
 * calls out of the bytes that it gets and checks what comes back. libFuzzer looks for bytes that
 * reach more code (https://llvm.org/docs/LibFuzzer.html); fuzz_replay.c runs those that were kept.
 */

#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rte_vfio_cdev.h"

/* The two functions that libFuzzer calls. */
int
LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes of an input that were not used yet. */
struct fuzz_bytes {
	const uint8_t *at;
	const uint8_t *end;
};

/* The next byte, or 0. */
unsigned int
fuzz_byte(struct fuzz_bytes *bytes);

/* A number below a limit of at most 256. */
unsigned int
fuzz_below(struct fuzz_bytes *bytes, unsigned int limit);

/* The bytes up to a separator or the end, as a string without NULs. Free it. */
char *
fuzz_text(struct fuzz_bytes *bytes, char separator);

/* Note what is done, to be printed if a check fails: where a single input is replayed. */
void
fuzz_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Forget the notes and the log lines: a new input begins. */
void
fuzz_begin(void);

void
fuzz_fail(const char *file, int line, const char *what) __attribute__((noreturn));

/* End with the notes unless it is true. */
#define fuzz_require(condition) \
	do { \
		if (!(condition)) \
			fuzz_fail(__FILE__, __LINE__, #condition); \
	} while (0)

/* A rte_vfio_cdev_log_t: each line has to be one printable line. */
void
fuzz_log(void *arg, enum rte_vfio_cdev_log_level level, const char *line);

/* Lines of RTE_VFIO_CDEV_LOG_ERR since the last call. */
unsigned int
fuzz_errors(void);

/* Does a string have printable ASCII only? */
bool
fuzz_is_clean(const char *text);

#endif /* FUZZ_H */
