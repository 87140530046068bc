/* SPDX-License-Identifier: BSD-3-Clause */

#include <link.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "side.h"

#define AREAS 4

/* Of the objects whose data is a process's own. */
static struct {
	char *start;
	size_t len;
	char *first; /* as at the start */
	char *copy[SIDES];
} areas[AREAS];
static unsigned int area_count;
static unsigned int current;

/* The linker has it made read-only (RELRO) up to a page. */
static uintptr_t
relro_end(const struct dl_phdr_info *info)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	for (unsigned int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			return (info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
				info->dlpi_phdr[i].p_memsz) /
				page * page;
	return 0;
}

static void
area_add(uintptr_t start, uintptr_t end)
{
	if (area_count == AREAS)
		abort();
	areas[area_count].start = (char *)start;
	areas[area_count].len = end - start;
	areas[area_count].first = malloc(end - start);
	for (unsigned int side = 0; side < SIDES; side++)
		areas[area_count].copy[side] = malloc(end - start);
	area_count++;
}

static int
object_add(struct dl_phdr_info *info, size_t size, void *arg)
{
	const uintptr_t relro = relro_end(info);
	uintptr_t start, end;

	(void)size;
	(void)arg;
	if (strstr(info->dlpi_name, "/libmodel_side.so") == NULL &&
	    strstr(info->dlpi_name, "/librte_eal.so") == NULL)
		return 0;
	for (unsigned int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_LOAD ||
		    (info->dlpi_phdr[i].p_flags & PF_W) == 0)
			continue;
		start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
		end = start + info->dlpi_phdr[i].p_memsz;
		area_add(relro > start ? relro : start, end);
	}
	return 0;
}

void
sides_record(void)
{
	dl_iterate_phdr(object_add, NULL);
	for (unsigned int i = 0; i < area_count; i++)
		memcpy(areas[i].first, areas[i].start, areas[i].len);
	if (area_count < 2)
		abort();
}

void
sides_reset(void)
{
	for (unsigned int i = 0; i < area_count; i++) {
		memcpy(areas[i].start, areas[i].first, areas[i].len);
		for (unsigned int side = 0; side < SIDES; side++)
			memcpy(areas[i].copy[side], areas[i].first, areas[i].len);
	}
	current = PRIMARY;
}

void
side_enter(unsigned int side)
{
	if (side == current)
		return;
	for (unsigned int i = 0; i < area_count; i++) {
		memcpy(areas[i].copy[current], areas[i].start, areas[i].len);
		memcpy(areas[i].start, areas[i].copy[side], areas[i].len);
	}
	current = side;
}

unsigned int
side_current(void)
{
	return current;
}
