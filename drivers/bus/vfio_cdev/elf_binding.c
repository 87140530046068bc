/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * How the dynamic linker has bound the calls of another object, read from its
 * relocations. Only RELA, which all 64-bit architectures that DPDK runs on have;
 * the backend is not built for 32-bit programs.
 */

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <string.h>

#include <rte_common.h>

#include "elf_binding.h"

_Static_assert(sizeof(void *) == 8, "relocations are read as those of 64-bit programs");

/* The part of an object's dynamic section that is used. */
struct tables {
	uintptr_t base;
	const Elf64_Sym *symbols;
	const char *names;
	struct {
		const Elf64_Rela *first;
		size_t bytes;
	} relocs[2]; /* of data, and of calls (PLT) */
};

/* On most architectures the C library has relocated the pointers in place. */
static const void *
tables_at(const struct tables *tables, const Elf64_Dyn *dyn)
{
	return (const void *)(dyn->d_un.d_ptr < tables->base ? tables->base + dyn->d_un.d_ptr :
							       dyn->d_un.d_ptr);
}

static void
tables_read(const struct link_map *map, struct tables *tables)
{
	*tables = (struct tables){ .base = map->l_addr };
	for (const Elf64_Dyn *dyn = map->l_ld; dyn->d_tag != DT_NULL; dyn++) {
		if (dyn->d_tag == DT_SYMTAB)
			tables->symbols = tables_at(tables, dyn);
		else if (dyn->d_tag == DT_STRTAB)
			tables->names = tables_at(tables, dyn);
		else if (dyn->d_tag == DT_RELA)
			tables->relocs[0].first = tables_at(tables, dyn);
		else if (dyn->d_tag == DT_RELASZ)
			tables->relocs[0].bytes = dyn->d_un.d_val;
		else if (dyn->d_tag == DT_JMPREL)
			tables->relocs[1].first = tables_at(tables, dyn);
		else if (dyn->d_tag == DT_PLTRELSZ)
			tables->relocs[1].bytes = dyn->d_un.d_val;
	}
}

/* The slot (GOT) with the address of a function that the object calls, or NULL. */
static void *const *
slot_find(const struct tables *tables, const char *function)
{
	const Elf64_Rela *rela;
	const char *name;

	for (size_t i = 0; i < RTE_DIM(tables->relocs); i++) {
		rela = tables->relocs[i].first;
		for (size_t left = tables->relocs[i].bytes; left >= sizeof(*rela);
		     left -= sizeof(*rela), rela++) {
			name = tables->names + tables->symbols[ELF64_R_SYM(rela->r_info)].st_name;
			if (strcmp(name, function) == 0)
				return (void *const *)(tables->base + rela->r_offset);
		}
	}
	return NULL;
}

bool
elf_object_is_same(const void *left, const void *right)
{
	Dl_info a, b;

	return dladdr(left, &a) != 0 && dladdr(right, &b) != 0 && a.dli_fbase == b.dli_fbase;
}

/* The same for the object at this address. */
static void *const *
slot_of(const void *inside, const char *function)
{
	struct link_map *map;
	struct tables tables;
	Dl_info info;

	if (dladdr1(inside, &info, (void **)&map, RTLD_DL_LINKMAP) == 0)
		return NULL;
	tables_read(map, &tables);
	return slot_find(&tables, function);
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
