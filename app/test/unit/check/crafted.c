/* SPDX-License-Identifier: BSD-3-Clause */

#include <elf.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "asserts.h"
#include "crafted.h"
#include "elf_file.h"
#include "fake_sysfs.h"

/* Of this test, which is a program of this machine. */
static char interpreter[64];
static Elf64_Half machine;

const char *
crafted_interpreter(void)
{
	struct elf_file file;

	if (interpreter[0] != '\0')
		return interpreter;
	assert_int_equal(elf_file_open("/proc/self/exe", &file), 0);
	assert_non_null(file.interpreter);
	snprintf(interpreter, sizeof(interpreter), "%s", file.interpreter);
	machine = elf64_getehdr(file.elf)->e_machine;
	elf_file_close(&file);
	return interpreter;
}

char *
crafted_expand(const char *text, char out[PATH_MAX])
{
	size_t used = 0;

	for (out[0] = '\0'; *text != '\0'; text++)
		used += snprintf(out + used, PATH_MAX - used, *text == '@' ? "%s" : "%.1s",
				 *text == '@' ? fake_sysfs_root() : text);
	return out;
}

struct image {
	Elf64_Ehdr header;
	Elf64_Phdr segments[4];
	Elf64_Sym symbols[1 + CRAFTED_IMPORTS];
	Elf64_Rela relocations[CRAFTED_IMPORTS];
	uint32_t hash[4];
	Elf64_Dyn dynamic[24];
	char interpreter[64];
	char strings[4096];
};

#define AT(member) offsetof(struct image, member)

static struct image image;
static size_t strings_used;
static unsigned int n_dynamic;

static void
entry_add(Elf64_Sxword tag, uint64_t value)
{
	assert_true(n_dynamic < sizeof(image.dynamic) / sizeof(image.dynamic[0]) - 1);
	image.dynamic[n_dynamic].d_tag = tag;
	image.dynamic[n_dynamic++].d_un.d_val = value;
}

/* Where it is among the strings. */
static size_t
string_add(const char *text)
{
	const size_t at = strings_used;

	assert_true(at + strlen(text) + 1 < sizeof(image.strings));
	strcpy(image.strings + at, text);
	strings_used += strlen(text) + 1;
	return at;
}

static void
text_add(Elf64_Sxword tag, const char *text)
{
	char out[PATH_MAX];

	if (text != NULL)
		entry_add(tag, string_add(crafted_expand(text, out)));
}

static void
imports_make(const struct crafted *c)
{
	int count = 0;

	for (; count < CRAFTED_IMPORTS && c->imports[count] != NULL; count++) {
		image.symbols[1 + count].st_name = string_add(c->imports[count]);
		image.relocations[count].r_info = ELF64_R_INFO((Elf64_Xword)(1 + count), 7);
	}
	entry_add(DT_JMPREL, AT(relocations));
	entry_add(DT_PLTRELSZ, count * sizeof(image.relocations[0]));
}

static void
dynamic_make(const struct crafted *c)
{
	strings_used = 1;
	n_dynamic = 0;
	for (int i = 0; i < CRAFTED_NEEDED; i++)
		text_add(DT_NEEDED, c->needed[i]);
	text_add(DT_SONAME, c->soname);
	text_add(DT_RPATH, c->rpath);
	text_add(DT_RUNPATH, c->runpath);
	if (c->flags_1 != 0)
		entry_add(DT_FLAGS_1, c->flags_1);
	imports_make(c);
	for (int i = 0; i < CRAFTED_CONTENTS && c->contents[i] != NULL; i++)
		string_add(c->contents[i]);
	entry_add(DT_HASH, AT(hash));
	entry_add(DT_STRTAB, AT(strings));
	entry_add(DT_SYMTAB, AT(symbols));
	entry_add(DT_STRSZ, sizeof(image.strings));
	entry_add(DT_SYMENT, sizeof(image.symbols[0]));
}

static Elf64_Phdr
segment(uint32_t type, size_t offset, size_t size)
{
	return (Elf64_Phdr){
		.p_type = type,
		.p_flags = PF_R | PF_W,
		.p_offset = offset,
		.p_vaddr = offset,
		.p_paddr = offset,
		.p_filesz = size,
		.p_memsz = size,
		.p_align = type == PT_LOAD ? 0x10000 : 8,
	};
}

static void
image_make(const struct crafted *c)
{
	const char *name = crafted_interpreter();
	const int order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB;

	image = (struct image){
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
				     c->is_32_bit ? ELFCLASS32 : ELFCLASS64, order, EV_CURRENT },
			.e_type = ET_DYN,
			.e_machine = c->is_foreign ? EM_SPARCV9 : machine,
			.e_version = EV_CURRENT,
			.e_phoff = AT(segments),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 4,
			.e_shentsize = sizeof(Elf64_Shdr),
		},
		.segments = {
			segment(PT_PHDR, AT(segments), sizeof(image.segments)),
			segment(c->is_static ? PT_NULL : PT_INTERP, AT(interpreter),
				strlen(name) + 1),
			segment(PT_LOAD, 0, sizeof(image)),
			segment(PT_DYNAMIC, AT(dynamic), sizeof(image.dynamic)),
		},
		.hash = { 1, 1 },
	};
	snprintf(image.interpreter, sizeof(image.interpreter), "%s", name);
	dynamic_make(c);
}

void
crafted_write(const struct crafted *c)
{
	char path[PATH_MAX];
	FILE *file;

	image_make(c);
	crafted_expand(c->path, path);
	fake_sysfs_write("", "%s", path + strlen(fake_sysfs_root()) + 1);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(&image, sizeof(image), 1, file), 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

/* Of a library for this machine: glibc's _DL_CACHE_DEFAULT_ID. */
#if defined(__aarch64__)
#define CACHE_FLAGS 0x0a03
#elif defined(__powerpc64__)
#define CACHE_FLAGS 0x0503
#else
#define CACHE_FLAGS 0x0303
#endif

void
crafted_cache_write(const char *name, const char *library, const char *hwcap)
{
	struct {
		char magic[20];
		uint32_t count, strings_size, flags, extension, unused[3];
		struct {
			int32_t flags;
			uint32_t name, path, os_version;
			uint64_t hwcap;
		} entries[3];
		uint32_t extensions[2], section[4], hwcap;
		char strings[4][64];
	} cache = {
		.count = 3,
		.strings_size = sizeof(cache.strings),
		.extension = (char *)cache.extensions - (char *)&cache,
		.extensions = { 0xeaa42174, 1 },
		.section = { 1, 0, (char *)&cache.hwcap - (char *)&cache, sizeof(cache.hwcap) },
		.hwcap = cache.strings[3] - (char *)&cache,
	};
	char path[PATH_MAX];
	FILE *file;

	memcpy(cache.magic, "glibc-ld.so.cache1.1", sizeof(cache.magic));
	for (int i = 0; i < 3; i++) {
		cache.entries[i].flags = i == 0 ? 0x0003 : CACHE_FLAGS;
		cache.entries[i].name = cache.strings[0] - (char *)&cache;
		cache.entries[i].path = cache.strings[i == 2] - (char *)&cache;
	}
	cache.entries[1].hwcap = UINT64_C(1) << 62;
	cache.entries[1].path = cache.strings[2] - (char *)&cache;
	snprintf(cache.strings[0], 64, "%s", name);
	snprintf(cache.strings[1], 64, "%s", library);
	snprintf(cache.strings[2], 64, "/processor/%s", name);
	snprintf(cache.strings[3], 64, "%s", hwcap != NULL ? hwcap : "no-such-processor");
	fake_sysfs_write("", "etc/ld.so.cache");
	crafted_expand("@/etc/ld.so.cache", path);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(&cache, sizeof(cache), 1, file), 1);
	assert_int_equal(fclose(file), 0);
}
