/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The dynamic linking of an ELF file, as the dynamic linker sees it: by its segments.
 * Sections may be stripped, or tell another story. The file is hostile.
 */

#ifndef ELF_FILE_H
#define ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libelf.h>

enum elf_file_kind {
	ELF_FILE_NONE,	  /* no ELF file, or cut off */
	ELF_FILE_32_BIT,  /* of the other class: also x32 */
	ELF_FILE_FOREIGN, /* of another byte order or processor */
	ELF_FILE_OURS,
};

struct elf_file {
	int fd;
	Elf *elf;
	enum elf_file_kind kind;
	const char *interpreter; /* the dynamic linker that it names, or NULL */
	uint64_t dynamic;	 /* where its dynamic entries are in the file */
	size_t n_dynamic;	 /* 0: none */
};

/* 0 or -errno; -ENOEXEC: not a 64-bit ELF file of this machine, but of file->kind. */
int
elf_file_open(const char *path, struct elf_file *file);

void
elf_file_close(struct elf_file *file);

/* The text of the next dynamic entry with this tag from *index on, or NULL. */
const char *
elf_file_text(const struct elf_file *file, Elf64_Sxword tag, size_t *index);

/* The value of the first dynamic entry with this tag, or 0. */
uint64_t
elf_file_number(const struct elf_file *file, Elf64_Sxword tag);

/* Was it linked with -Bsymbolic? */
bool
elf_file_is_symbolic(const struct elf_file *file);

/* Does it leave it to the dynamic linker which function of this name it calls? */
bool
elf_file_imports(const struct elf_file *file, const char *function);

/* Is a text anywhere in it? */
bool
elf_file_contains(const struct elf_file *file, const char *text);

#endif /* ELF_FILE_H */
