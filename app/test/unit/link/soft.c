/* SPDX-License-Identifier: BSD-3-Clause */

/* A library that is as hard as ours, but for what meson.build takes from it. */

#include <stdio.h>

int
soft_print(char *line, const char *format, int number);
int
soft_length(const char *word);

/* The buffer is small enough to be copied over, and is passed on. */
int
soft_print(char *line, const char *format, int number)
{
	char text[32];

#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	return snprintf(text, sizeof(text), format, number) + snprintf(line, 2, "%s", text);
}

int
soft_length(const char *word)
{
	return snprintf(NULL, 0, "%s", word);
}

#ifdef TEXT_POINTER
/* An address that the dynamic linker has to write into the code. */
__asm__(".text\n.quad soft_length\n.previous\n");
#endif
