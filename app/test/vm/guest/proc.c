/* SPDX-License-Identifier: BSD-3-Clause */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc.h"

#define PAGE 4096
/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PRESENT (UINT64_C(1) << 63)
#define PAGEMAP_PFN ((UINT64_C(1) << 55) - 1)

unsigned long
proc_number(const char *path, const char *label)
{
	FILE *file = fopen(path, "re");
	char line[256];

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, label, strlen(label)) == 0) {
			fclose(file);
			return strtoul(line + strlen(label), NULL, 10);
		}
	fprintf(stderr, "cannot find %s in %s\n", label, path);
	exit(EXIT_FAILURE);
}

uint64_t
proc_phys(const void *va)
{
	const uintptr_t addr = (uintptr_t)va;
	static int pagemap = -1;
	uint64_t entry = 0;

	if (pagemap < 0)
		pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (pread(pagemap, &entry, sizeof(entry), addr / PAGE * sizeof(entry)) != sizeof(entry) ||
	    (entry & PAGEMAP_PRESENT) == 0)
		return 0;
	return (entry & PAGEMAP_PFN) * PAGE + addr % PAGE;
}
