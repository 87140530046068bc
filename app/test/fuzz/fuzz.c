/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

#define NOTES_LEN (UINT32_C(1) << 16)

static char notes[NOTES_LEN];
static size_t notes_len;
static bool notes_on; /* formatting them is slow */
static unsigned int errors;

unsigned int
fuzz_byte(struct fuzz_bytes *bytes)
{
	return bytes->at < bytes->end ? *bytes->at++ : 0;
}

unsigned int
fuzz_below(struct fuzz_bytes *bytes, unsigned int limit)
{
	return fuzz_byte(bytes) % limit;
}

char *
fuzz_text(struct fuzz_bytes *bytes, char separator)
{
	const size_t rest = (size_t)(bytes->end - bytes->at);
	const uint8_t *end = rest != 0 ? memchr(bytes->at, separator, rest) : NULL;
	const size_t len = end != NULL ? (size_t)(end - bytes->at) : rest;
	char *text = malloc(len + 1);

	if (text == NULL)
		abort();
	if (len != 0)
		memcpy(text, bytes->at, len);
	text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0')
			text[i] = ' ';
	bytes->at += len + (end != NULL);
	return text;
}

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct stat st;

	for (int i = 1; i < *argc; i++)
		notes_on = notes_on || (stat((*argv)[i], &st) == 0 && S_ISREG(st.st_mode));
	return 0;
}

void
fuzz_note(const char *format, ...)
{
	va_list ap;
	int len;

	if (!notes_on)
		return;
	va_start(ap, format);
	len = vsnprintf(notes + notes_len, NOTES_LEN - notes_len, format, ap);
	va_end(ap);
	if (len > 0 && (size_t)len < NOTES_LEN - notes_len)
		notes_len += (size_t)len;
}

void
fuzz_begin(void)
{
	notes_len = 0;
	notes[0] = '\0';
	errors = 0;
}

void
fuzz_fail(const char *file, int line, const char *what)
{
	fflush(stdout);
	fprintf(stderr, "%s%s:%d: failed: %s\n", notes, file, line, what);
	abort();
}

bool
fuzz_is_clean(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			return false;
	return true;
}

void
fuzz_log(void *arg, enum rte_vfio_cdev_log_level level, const char *line)
{
	(void)arg;
	fuzz_require(line[0] != '\0' && fuzz_is_clean(line));
	if (level == RTE_VFIO_CDEV_LOG_ERR) {
		errors++;
		fuzz_note("    %s\n", line);
	}
}

unsigned int
fuzz_errors(void)
{
	const unsigned int count = errors;

	errors = 0;
	return count;
}
