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

static void
sections_look(struct elf_file *file)
{
	const Elf64_Shdr *header;
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(file->elf, section)) != NULL) {
		header = elf64_getshdr(section);
		if (header == NULL || header->sh_type != SHT_DYNAMIC)
			continue;
		file->dynamic = elf_getdata(section, NULL);
		file->strings = header->sh_link;
	}
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

static void
segments_look(struct elf_file *file)
{
	const Elf64_Phdr *segments = elf64_getphdr(file->elf);
	size_t count = 0;

	if (segments == NULL || elf_getphdrnum(file->elf, &count) != 0)
		return;
	for (size_t i = 0; i < count; i++)
		if (segments[i].p_type == PT_INTERP)
			file->interpreter = text_at(file, segments[i].p_offset);
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
	segments_look(file);
	sections_look(file);
	return 0;

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
static const Elf64_Dyn *
dynamic_next(const struct elf_file *file, Elf64_Sxword tag, size_t *index)
{
	const Elf64_Dyn *entries = file->dynamic != NULL ? file->dynamic->d_buf : NULL;
	size_t count = entries != NULL ? file->dynamic->d_size / sizeof(*entries) : 0;

	while (*index < count && entries[*index].d_tag != DT_NULL)
		if (entries[(*index)++].d_tag == tag)
			return &entries[*index - 1];
	return NULL;
}

const char *
elf_file_text(const struct elf_file *file, Elf64_Sxword tag, size_t *index)
{
	const Elf64_Dyn *entry = dynamic_next(file, tag, index);

	return entry != NULL ? elf_strptr(file->elf, file->strings, entry->d_un.d_val) : NULL;
}

uint64_t
elf_file_number(const struct elf_file *file, Elf64_Sxword tag)
{
	size_t index = 0;
	const Elf64_Dyn *entry = dynamic_next(file, tag, &index);

	return entry != NULL ? entry->d_un.d_val : 0;
}

bool
elf_file_is_symbolic(const struct elf_file *file)
{
	size_t index = 0;

	return dynamic_next(file, DT_SYMBOLIC, &index) != NULL ||
		(elf_file_number(file, DT_FLAGS) & DF_SYMBOLIC) != 0;
}

/* The name of a relocation's symbol, or NULL. */
static const char *
relocation_name(const struct elf_file *file, const Elf64_Shdr *relocations,
		const Elf64_Rela *relocation)
{
	Elf_Scn *symbols = elf_getscn(file->elf, relocations->sh_link);
	const Elf64_Shdr *header = symbols != NULL ? elf64_getshdr(symbols) : NULL;
	const Elf_Data *data = header != NULL ? elf_getdata(symbols, NULL) : NULL;
	size_t i = ELF64_R_SYM(relocation->r_info);

	if (data == NULL || data->d_buf == NULL || header->sh_type != SHT_DYNSYM ||
	    i >= data->d_size / sizeof(Elf64_Sym))
		return NULL;
	return elf_strptr(file->elf, header->sh_link, ((const Elf64_Sym *)data->d_buf)[i].st_name);
}

static bool
relocations_have(const struct elf_file *file, Elf_Scn *section, const char *function)
{
	const Elf64_Shdr *header = elf64_getshdr(section);
	const Elf64_Rela *relocation;
	const Elf_Data *data;
	const char *name;

	if (header == NULL || header->sh_type != SHT_RELA)
		return false;
	data = elf_getdata(section, NULL);
	if (data == NULL || data->d_buf == NULL)
		return false;
	relocation = data->d_buf;
	for (size_t left = data->d_size; left >= sizeof(*relocation);
	     left -= sizeof(*relocation), relocation++) {
		name = relocation_name(file, header, relocation);
		if (name != NULL && strcmp(name, function) == 0)
			return true;
	}
	return false;
}

bool
elf_file_imports(const struct elf_file *file, const char *function)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(file->elf, section)) != NULL)
		if (relocations_have(file, section, function))
			return true;
	return false;
}

bool
elf_file_contains(const struct elf_file *file, const char *text)
{
	size_t size = 0;
	const char *content = elf_rawfile(file->elf, &size);

	return content != NULL && memmem(content, size, text, strlen(text)) != NULL;
}
