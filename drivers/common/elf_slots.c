/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Only RELA, which all 64-bit architectures that DPDK runs on have; the libraries are not
 * built for 32-bit programs.
 */

#include <elf.h>
#include <stddef.h>

#include "elf_slots.h"

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

static bool
relocs_walk(const struct tables *tables, size_t table,
	    bool (*visit)(const char *function, bool imported, void **slot, void *arg), void *arg)
{
	const Elf64_Rela *rela = tables->relocs[table].first;
	const Elf64_Sym *symbol;

	for (size_t left = tables->relocs[table].bytes; left >= sizeof(*rela);
	     left -= sizeof(*rela), rela++) {
		symbol = &tables->symbols[ELF64_R_SYM(rela->r_info)];
		if (visit(tables->names + symbol->st_name, symbol->st_shndx == SHN_UNDEF,
			  (void **)(tables->base + rela->r_offset), arg))
			return true;
	}
	return false;
}

bool
elf_slots_walk(const struct link_map *map,
	       bool (*visit)(const char *function, bool imported, void **slot, void *arg),
	       void *arg)
{
	struct tables tables;

	tables_read(map, &tables);
	return relocs_walk(&tables, 0, visit, arg) || relocs_walk(&tables, 1, visit, arg);
}
