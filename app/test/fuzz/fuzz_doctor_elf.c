/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Files that the doctor reads: programs and libraries. Whatever the bytes are, nothing is read
 * outside of them, every text ends in them, and each loop ends.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "elf_file.h"
#include "fuzz.h"

static const Elf64_Sxword tags[] = { DT_NEEDED, DT_RPATH,  DT_RUNPATH, DT_SONAME,
				     DT_FLAGS,	DT_STRTAB, DT_NULL,    0x6ffffef5 };

/* The length of a text, which ends in the file. */
static size_t
text_len(const struct elf_file *file, const char *text)
{
	size_t size = 0;
	const char *content = elf_rawfile(file->elf, &size);

	fuzz_require(text >= content && text < content + size);
	fuzz_require(strnlen(text, size - (size_t)(text - content)) <
		     size - (size_t)(text - content));
	return strlen(text);
}

static void
file_look(const struct elf_file *file, size_t size)
{
	size_t total = 0, index, count;
	const char *text;

	if (file->interpreter != NULL)
		total += text_len(file, file->interpreter);
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		index = 0;
		count = 0;
		while (index < file->n_dynamic) {
			const size_t before = index;

			text = elf_file_text(file, tags[i], &index);
			if (text == NULL && index == before)
				break;
			total += text != NULL ? text_len(file, text) : 0;
			fuzz_require(index > before && ++count <= size);
		}
		total += elf_file_number(file, tags[i]) != 0;
	}
	total += elf_file_is_symbolic(file);
	total += elf_file_imports(file, "rte_eal_init");
	total += elf_file_contains(file, "RTE_");
	fuzz_note("%zu\n", total);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_file file;
	char path[64];
	int fd, ret;

	fuzz_begin();
	fd = memfd_create("elf", MFD_CLOEXEC);
	fuzz_require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = elf_file_open(path, &file);
	fuzz_note("%d, kind %d\n", ret, (int)file.kind);
	fuzz_require(ret == 0 || ret == -ENOEXEC);
	fuzz_require((ret == 0) == (file.kind == ELF_FILE_OURS));
	if (ret == 0) {
		file_look(&file, size);
		elf_file_close(&file);
	}
	close(fd);
	return 0;
}
