/* SPDX-License-Identifier: BSD-3-Clause */

#include <dlfcn.h>
#include <string.h>

#include "elf_slots.h"
#include "slots.h"

const char *
file_of(const void *address)
{
	const char *slash;
	Dl_info info;

	if (dladdr(address, &info) == 0)
		return "";
	slash = strrchr(info.dli_fname, '/');
	return slash != NULL ? slash + 1 : info.dli_fname;
}

struct search {
	const char *function;
	void **slot;
};

static bool
slot_visit(const char *function, bool imported, void **slot, void *arg)
{
	struct search *search = arg;

	(void)imported;
	if (strcmp(function, search->function) == 0)
		search->slot = slot;
	return search->slot != NULL;
}

void **
slot_of(const struct link_map *map, const char *function)
{
	struct search search = { .function = function };

	elf_slots_walk(map, slot_visit, &search);
	return search.slot;
}

const struct link_map *
map_of(void *handle)
{
	const struct link_map *map = NULL;

	return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 ? map : NULL;
}
