/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "elf_file.h"
#include "loader_rules.h"

/* Of glibc only (elf/dl-cache.c); a file of that format is at most so large. */
#define CACHE_MAGIC "glibc-ld.so.cache"
#define CACHE_NAME "/ld.so.cache"

/* Where each architecture's ABI has it (sysdeps: RTLDLIST of ldd). */
#if defined(__aarch64__)
#define INTERPRETER "/lib/ld-linux-aarch64.so.1"
#elif defined(__powerpc64__)
#define INTERPRETER "/lib64/ld64.so.2"
#elif defined(__riscv)
#define INTERPRETER "/lib/ld-linux-riscv64-lp64d.so.1"
#else
#define INTERPRETER "/lib64/ld-linux-x86-64.so.2"
#endif

/* "/lib/x86_64-linux-gnu/": the beginning of SYSTEM_DIRS, each of which ends with a NUL. */
static bool
text_is_dir(const char *text, size_t len)
{
	return len > 2 && text[0] == '/' && text[len - 1] == '/' &&
		memchr(text, ':', len) == NULL && memmem(text, len, "/lib", 4) != NULL;
}

/* The first texts in a file that are such directories, one behind the other. */
static void
dirs_read(const char *content, size_t size, struct loader_rules *rules)
{
	size_t used = 0, len;

	for (size_t at = 0; at < size; at += len + 1) {
		len = strnlen(content + at, size - at);
		if (!text_is_dir(content + at, len)) {
			if (used > 0)
				return;
			continue;
		}
		if (used + len + 2 > sizeof(rules->dirs))
			return;
		used += snprintf(rules->dirs + used, sizeof(rules->dirs) - used, "%s%.*s",
				 used > 0 ? ":" : "", (int)len, content + at);
	}
}

/*
 * The last part of the first of them: "lib64" of "/lib64/" (glibc, elf/Makefile:
 * DL_DST_LIB); Debian has all from "lib" on.
 */
static void
lib_read(struct loader_rules *rules)
{
	const char *lib = rules->dirs, *next = lib, *end = strchrnul(rules->dirs, ':');

	while ((next = strstr(next, "/lib")) != NULL && next < end)
		lib = next++;
	if (end > lib + 1)
		snprintf(rules->lib, sizeof(rules->lib), "%.*s", (int)(end - lib - 2), lib + 1);
}

static void
cache_read(const char *content, size_t size, struct loader_rules *rules)
{
	const char *name = memmem(content, size, CACHE_NAME, sizeof(CACHE_NAME)), *start = name;

	if (name == NULL)
		return;
	while (start > content && start[-1] != '\0')
		start--;
	if (*start == '/' && strlen(start) < sizeof(rules->cache))
		strcpy(rules->cache, start);
}

#if defined(__x86_64__)
/* As sysdeps/x86_64/dl-hwcaps_subdirs.c, by those of the features that compilers know. */
static void
processor_read(bool has_haswell, struct loader_rules *rules)
{
	bool v2 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt");
	bool v3 = v2 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
		__builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
	bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		__builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
		__builtin_cpu_supports("avx512vl");

	if (v4)
		rules->hwcaps[rules->n_hwcaps++] = "x86-64-v4";
	if (v3)
		rules->hwcaps[rules->n_hwcaps++] = "x86-64-v3";
	if (v2)
		rules->hwcaps[rules->n_hwcaps++] = "x86-64-v2";
	/* sysdeps/x86/cpu-features.c: of Intel's processors only. */
	if (has_haswell && v3 && __builtin_cpu_is("intel"))
		snprintf(rules->platform, sizeof(rules->platform), "haswell");
}
#else
static void
processor_read(bool has_haswell, struct loader_rules *rules)
{
	(void)has_haswell;
	(void)rules;
}
#endif

static int
file_read(const struct elf_file *file, struct loader_rules *rules)
{
	const char *platform = (const char *)getauxval(AT_PLATFORM), *name;
	size_t size = 0, index = 0;
	const char *content = elf_rawfile(file->elf, &size);

	if (content == NULL || memmem(content, size, CACHE_MAGIC, strlen(CACHE_MAGIC)) == NULL)
		return -ENOTSUP;
	dirs_read(content, size, rules);
	lib_read(rules);
	cache_read(content, size, rules);
	snprintf(rules->platform, sizeof(rules->platform), "%s", platform != NULL ? platform : "");
	processor_read(memmem(content, size, "\0haswell", 9) != NULL, rules);
	name = elf_file_text(file, DT_SONAME, &index);
	snprintf(rules->soname, sizeof(rules->soname), "%s", name != NULL ? name : "");
	return rules->dirs[0] != '\0' && rules->cache[0] != '\0' ? 0 : -ENOTSUP;
}

int
loader_rules_read(const struct host *host, const char *interpreter, struct loader_rules *rules)
{
	struct elf_file file;
	char path[PATH_MAX];
	int ret;

	*rules = (struct loader_rules){ 0 };
	ret = host_path(host, path, "%s", interpreter != NULL ? interpreter : INTERPRETER);
	if (ret == 0)
		ret = elf_file_open(path, &file);
	if (ret < 0)
		return ret == -ENOEXEC ? -ENOTSUP : ret;
	ret = file_read(&file, rules);
	elf_file_close(&file);
	return ret;
}
