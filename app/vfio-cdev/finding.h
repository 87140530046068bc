/* SPDX-License-Identifier: BSD-3-Clause */

/* Findings of the checks, as text. */

#ifndef FINDING_H
#define FINDING_H

#include <stdbool.h>
#include <stdio.h>

#include "checks.h"

/*
 * Print one: verdict, check, device, sentence, and the cure on a line of its own;
 * in colour if that is wanted.
 */
void
finding_print(FILE *out, const struct check_finding *finding, bool colours);

#endif /* FINDING_H */
