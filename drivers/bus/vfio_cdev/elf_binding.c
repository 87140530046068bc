/* SPDX-License-Identifier: BSD-3-Clause */

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include "elf_binding.h"
#include "elf_slots.h"

struct slot_search {
	const char *function;
	void **slot;
};

static bool
slot_visit(const char *function, bool imported, void **slot, void *arg)
{
	struct slot_search *search = arg;

	(void)imported;
	search->slot = slot;
	return strcmp(function, search->function) == 0;
}

bool
elf_object_is_same(const void *left, const void *right)
{
	Dl_info a, b;

	return dladdr(left, &a) != 0 && dladdr(right, &b) != 0 && a.dli_fbase == b.dli_fbase;
}

/* The slot with the address of a function that the object at an address calls, or NULL. */
static void *const *
slot_of(const void *inside, const char *function)
{
	struct slot_search search = { .function = function };
	struct link_map *map;
	Dl_info info;

	if (dladdr1(inside, &info, (void **)&map, RTLD_DL_LINKMAP) == 0 ||
	    !elf_slots_walk(map, slot_visit, &search))
		return NULL;
	return search.slot;
}

bool
elf_binding_is_called(const void *inside, const char *function)
{
	return slot_of(inside, function) != NULL;
}

/*
 * The slot of a call that is not bound yet points into the object's own PLT, where no
 * function begins; it will be bound as in any other object.
 */
bool
elf_binding_is_internal(const void *inside, const char *function)
{
	void *const *slot = slot_of(inside, function);
	Dl_info info;

	if (slot == NULL)
		return true;
	return elf_object_is_same(*slot, inside) && dladdr(*slot, &info) != 0 &&
		info.dli_saddr == *slot;
}

bool
elf_object_is(const void *code, const char *name)
{
	const size_t len = strlen(name);
	const char *base;
	Dl_info info;

	if (dladdr(code, &info) == 0 || info.dli_fname == NULL)
		return false;
	base = strrchr(info.dli_fname, '/');
	base = base != NULL ? base + 1 : info.dli_fname;
	return strncmp(base, name, len) == 0 && strncmp(base + len, ".so", 3) == 0;
}

/* Not memmem(): a sanitizer has red zones between the variables. */
__attribute__((no_sanitize_address, no_sanitize_thread)) static bool
part_has(const char *part, size_t size, const char *text)
{
	size_t same;

	for (size_t i = 0; i < size; i++) {
		for (same = 0; text[same] != '\0' && i + same < size; same++)
			if (part[i + same] != text[same])
				break;
		if (text[same] == '\0')
			return true;
	}
	return false;
}

struct text_search {
	const void *inside;
	const char *text;
	bool found;
};

/* Stops at the object with the address. */
static int
object_search(struct dl_phdr_info *object, size_t size, void *arg)
{
	const Elf64_Phdr *end = object->dlpi_phdr + object->dlpi_phnum;
	struct text_search *search = arg;
	bool is_inside = false;
	const char *start;

	(void)size;
	for (const Elf64_Phdr *part = object->dlpi_phdr; part < end; part++) {
		start = (const char *)object->dlpi_addr + part->p_vaddr;
		is_inside |= part->p_type == PT_LOAD && (const char *)search->inside >= start &&
			(const char *)search->inside < start + part->p_memsz;
	}
	for (const Elf64_Phdr *part = object->dlpi_phdr; part < end && is_inside; part++)
		if (part->p_type == PT_LOAD && (part->p_flags & PF_R) != 0)
			search->found |= part_has((const char *)object->dlpi_addr + part->p_vaddr,
						  part->p_filesz, search->text);
	return is_inside;
}

bool
elf_object_has(const void *inside, const char *text)
{
	struct text_search search = { .inside = inside, .text = text };

	dl_iterate_phdr(object_search, &search);
	return search.found;
}
