/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"

#if defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__powerpc64__)
#define MACHINE EM_PPC64
#elif defined(__riscv)
#define MACHINE EM_RISCV
#else
#define MACHINE EM_X86_64
#endif

/* What the dynamic linker tells apart (glibc, elf/dl-load.c: open_verify()). */
static enum elf_file_kind
kind_find(Elf *elf)
{
	const char *ident = elf_getident(elf, NULL);
	const int order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;
	const Elf64_Ehdr *header;

	if (elf_kind(elf) != ELF_K_ELF || ident == NULL)
		return ELF_FILE_NONE;
	if (ident[EI_CLASS] == ELFCLASS32)
		return ELF_FILE_32_BIT;
	header = elf64_getehdr(elf);
	if (header == NULL)
		return ELF_FILE_NONE;
	return ident[EI_DATA] == order && header->e_machine == MACHINE ? ELF_FILE_OURS :
									 ELF_FILE_FOREIGN;
}

/* Bytes of the file itself: numbers are those of this machine. */
static bool
bytes_read(const struct elf_file *file, uint64_t offset, void *to, size_t len)
{
	size_t size = 0;
	const char *content = elf_rawfile(file->elf, &size);

	if (content == NULL || offset > size || size - offset < len)
		return false;
	memcpy(to, content + offset, len);
	return true;
}

/* A text of the file itself, if it ends in it. */
static const char *
text_at(const struct elf_file *file, uint64_t offset)
{
	size_t size = 0;
	const char *content = elf_rawfile(file->elf, &size);

	if (content == NULL || offset >= size ||
	    memchr(content + offset, '\0', size - offset) == NULL)
		return NULL;
	return content + offset;
}

/* A segment's header; wherever a file says that it is, it need not be aligned. */
static bool
segment_read(const struct elf_file *file, size_t index, Elf64_Phdr *segment)
{
	const Elf64_Ehdr *header = elf64_getehdr(file->elf);

	return index < header->e_phnum && header->e_phoff < UINT64_MAX / 2 &&
		bytes_read(file, header->e_phoff + index * sizeof(*segment), segment,
			   sizeof(*segment));
}

/* Does a file have the bytes of its segment? Those of its last page need not be there. */
static bool
segment_is_whole(const struct elf_file *file, const Elf64_Phdr *segment)
{
	size_t size = 0;

	elf_rawfile(file->elf, &size);
	size += (size_t)sysconf(_SC_PAGESIZE) - 1;
	return segment->p_type != PT_LOAD ||
		(segment->p_offset <= size && segment->p_filesz <= size - segment->p_offset);
}

/* False: the file is cut off. */
static bool
segments_look(struct elf_file *file)
{
	const Elf64_Ehdr *header = elf64_getehdr(file->elf);
	Elf64_Phdr segment;

	for (size_t i = 0; i < header->e_phnum; i++) {
		if (!segment_read(file, i, &segment) || !segment_is_whole(file, &segment))
			return false;
		if (segment.p_type == PT_INTERP)
			file->interpreter = text_at(file, segment.p_offset);
		if (segment.p_type == PT_DYNAMIC) {
			file->dynamic = segment.p_offset;
			file->n_dynamic = segment.p_filesz / sizeof(Elf64_Dyn);
		}
	}
	return true;
}

int
elf_file_open(const char *path, struct elf_file *file)
{
	int err;

	*file = (struct elf_file){ .fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) };
	if (file->fd < 0)
		return -errno;
	err = -ENOEXEC;
	if (elf_version(EV_CURRENT) == EV_NONE)
		goto err_close;
	file->elf = elf_begin(file->fd, ELF_C_READ_MMAP, NULL);
	if (file->elf == NULL)
		goto err_close;
	file->kind = kind_find(file->elf);
	if (file->kind != ELF_FILE_OURS)
		goto err_end;
	if (segments_look(file))
		return 0;
	file->kind = ELF_FILE_NONE;

err_end:
	elf_end(file->elf);
err_close:
	close(file->fd);
	return err;
}

void
elf_file_close(struct elf_file *file)
{
	elf_end(file->elf);
	close(file->fd);
}

/* The next dynamic entry with a tag, from *index on, which is left behind it. */
static bool
dynamic_next(const struct elf_file *file, Elf64_Sxword tag, size_t *index, uint64_t *value)
{
	Elf64_Dyn entry;

	while (*index < file->n_dynamic &&
	       bytes_read(file, file->dynamic + *index * sizeof(entry), &entry, sizeof(entry)) &&
	       entry.d_tag != DT_NULL) {
		(*index)++;
		if (entry.d_tag == tag) {
			*value = entry.d_un.d_val;
			return true;
		}
	}
	return false;
}

uint64_t
elf_file_number(const struct elf_file *file, Elf64_Sxword tag)
{
	uint64_t value = 0;
	size_t index = 0;

	return dynamic_next(file, tag, &index, &value) ? value : 0;
}

/* Where the file has what the program finds at an address, or UINT64_MAX. */
static uint64_t
offset_find(const struct elf_file *file, uint64_t address)
{
	Elf64_Phdr segment;

	for (size_t i = 0; segment_read(file, i, &segment); i++)
		if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
		    address - segment.p_vaddr < segment.p_filesz)
			return address - segment.p_vaddr + segment.p_offset;
	return UINT64_MAX;
}

static const char *
string_at(const struct elf_file *file, uint64_t index)
{
	uint64_t offset = offset_find(file, elf_file_number(file, DT_STRTAB));

	return offset <= UINT64_MAX - index ? text_at(file, offset + index) : NULL;
}

const char *
elf_file_text(const struct elf_file *file, Elf64_Sxword tag, size_t *index)
{
	uint64_t value;

	return dynamic_next(file, tag, index, &value) ? string_at(file, value) : NULL;
}

bool
elf_file_is_symbolic(const struct elf_file *file)
{
	uint64_t value;
	size_t index = 0;

	return dynamic_next(file, DT_SYMBOLIC, &index, &value) ||
		(elf_file_number(file, DT_FLAGS) & DF_SYMBOLIC) != 0;
}

/* The symbols of a file, to look up the names of its relocations. */
struct symbols {
	const struct elf_file *file;
	uint64_t offset;
	uint64_t strings;
};

static bool
symbol_is(const struct symbols *symbols, uint64_t number, const char *function)
{
	Elf64_Sym symbol;
	const char *name;

	if (number == 0 || number > UINT32_MAX || symbols->offset >= UINT64_MAX / 2 ||
	    symbols->strings >= UINT64_MAX / 2 ||
	    !bytes_read(symbols->file, symbols->offset + number * sizeof(symbol), &symbol,
			sizeof(symbol)))
		return false;
	name = text_at(symbols->file, symbols->strings + symbol.st_name);
	return name != NULL && strcmp(name, function) == 0;
}

/* A table of relocations: by the tags of its address and of its size. */
static bool
relocations_have(const struct symbols *symbols, Elf64_Sxword table, Elf64_Sxword size,
		 const char *function)
{
	const struct elf_file *file = symbols->file;
	uint64_t offset = offset_find(file, elf_file_number(file, table));
	uint64_t count = elf_file_number(file, size) / sizeof(Elf64_Rela);
	Elf64_Rela relocation;

	for (; count > 0 && bytes_read(file, offset, &relocation, sizeof(relocation));
	     count--, offset += sizeof(relocation))
		if (symbol_is(symbols, ELF64_R_SYM(relocation.r_info), function))
			return true;
	return false;
}

bool
elf_file_imports(const struct elf_file *file, const char *function)
{
	const struct symbols symbols = {
		.file = file,
		.offset = offset_find(file, elf_file_number(file, DT_SYMTAB)),
		.strings = offset_find(file, elf_file_number(file, DT_STRTAB)),
	};

	return relocations_have(&symbols, DT_RELA, DT_RELASZ, function) ||
		relocations_have(&symbols, DT_JMPREL, DT_PLTRELSZ, function);
}

bool
elf_file_contains(const struct elf_file *file, const char *text)
{
	size_t size = 0;
	const char *content = elf_rawfile(file->elf, &size);

	return content != NULL && memmem(content, size, text, strlen(text)) != NULL;
}
