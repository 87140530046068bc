/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc_number.h"

unsigned long
proc_number(const char *path, const char *label)
{
	FILE *file = fopen(path, "re");
	unsigned long value = 0;
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, label, strlen(label)) == 0)
			value = strtoul(line + strlen(label), NULL, 10);
	if (file != NULL)
		fclose(file);
	return value;
}
