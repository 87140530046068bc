/* SPDX-License-Identifier: BSD-3-Clause */

/* Colour, where the terminal has it and its user wants it. */

#ifndef APP_TERM_H
#define APP_TERM_H

#include <stdbool.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TERM_BOLD "\033[1m"
#define TERM_DIM "\033[2m"
#define TERM_RED "\033[31m"
#define TERM_GREEN "\033[32m"
#define TERM_YELLOW "\033[33m"
#define TERM_PLAIN "\033[0m"

/* Is it a terminal that does colours, and whose user wants them (NO_COLOR)? */
bool
term_colours(FILE *out);

#ifdef __cplusplus
}
#endif

#endif /* APP_TERM_H */
