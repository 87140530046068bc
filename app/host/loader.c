/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "elf_file.h"
#include "loader.h"

#define ORIGIN "$ORIGIN"
#define MOST_CACHE (16 << 20)

/* Debian's ld.so has these built in, so that they need no cache. */
#if defined(__aarch64__)
#define MULTIARCH "aarch64-linux-gnu"
#elif defined(__powerpc64__)
#define MULTIARCH "powerpc64le-linux-gnu"
#else
#define MULTIARCH "x86_64-linux-gnu"
#endif
#define DIRS \
	"/lib/" MULTIARCH ":/usr/lib/" MULTIARCH ":/lib:/usr/lib:/lib64:/usr/lib64:/usr/local/lib"

/* Is there such a library in one of the directories, which colons part? */
static bool
dirs_have(const struct host *host, const char *dirs, const char *origin, const char *name,
	  char path[PATH_MAX])
{
	const char *end;
	int len;

	for (; dirs != NULL && *dirs != '\0'; dirs = *end != '\0' ? end + 1 : end) {
		end = strchrnul(dirs, ':');
		len = end - dirs;
		if (strncmp(dirs, ORIGIN, strlen(ORIGIN)) == 0)
			snprintf(path, PATH_MAX, "%s%.*s/%s", origin, len - (int)strlen(ORIGIN),
				 dirs + strlen(ORIGIN), name);
		else
			snprintf(path, PATH_MAX, "%.*s/%s", len, dirs, name);
		if (host_access(host, R_OK, "%s", path) == 0)
			return true;
	}
	return false;
}

/* A program's own directories. $ORIGIN is that of the file, not of a link to it. */
static bool
program_has(const struct host *host, const char *program, const char *name, char path[PATH_MAX])
{
	char *origin = realpath(program, NULL), *slash;
	struct elf_file file;
	size_t index = 0;
	const char *dirs;
	size_t root = strlen(host->root);
	bool found;

	if (origin == NULL || elf_file_open(program, &file) < 0) {
		free(origin);
		return false;
	}
	slash = strrchr(origin, '/');
	*slash = '\0';
	dirs = elf_file_text(&file, DT_RUNPATH, &index);
	index = 0;
	if (dirs == NULL)
		dirs = elf_file_text(&file, DT_RPATH, &index);
	/* Below another root a path has that root in it already. */
	found = dirs_have(host, dirs,
			  strncmp(origin, host->root, root) == 0 ? origin + root : origin, name,
			  path);
	elf_file_close(&file);
	free(origin);
	return found;
}

/* All of a file, to be freed, or NULL. */
static char *
file_load(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	char *content = NULL;
	struct stat st;

	if (file == NULL)
		return NULL;
	if (fstat(fileno(file), &st) == 0 && st.st_size > 0 && st.st_size <= MOST_CACHE)
		content = malloc(st.st_size);
	if (content != NULL)
		*size = fread(content, 1, st.st_size, file);
	fclose(file);
	return content;
}

/*
 * The cache has each library's path as a string that ends with a NUL, whatever the
 * format is of what is around them: the one that ends with the name is looked for.
 */
static bool
cache_has(const struct host *host, const char *name, char path[PATH_MAX])
{
	char file[PATH_MAX], wanted[256], *cache = NULL, *found, *start;
	size_t size = 0;
	bool has = false;

	if (host_path(host, file, "/etc/ld.so.cache") == 0)
		cache = file_load(file, &size);
	snprintf(wanted, sizeof(wanted), "/%s", name);
	for (char *from = cache; cache != NULL && !has; from = found + 1) {
		found = memmem(from, cache + size - from, wanted, strlen(wanted) + 1);
		if (found == NULL)
			break;
		for (start = found; start > cache && start[-1] != '\0';)
			start--;
		has = *start == '/' && strlen(start) < PATH_MAX &&
			host_access(host, R_OK, "%s", start) == 0;
		if (has)
			strcpy(path, start);
	}
	free(cache);
	return has;
}

int
loader_find(const struct host *host, const char *program, const char *name, char path[PATH_MAX])
{
	char wanted[256];

	snprintf(wanted, sizeof(wanted), "%s", name);
	if ((program != NULL && program_has(host, program, wanted, path)) ||
	    dirs_have(host, getenv("LD_LIBRARY_PATH"), "", wanted, path) ||
	    cache_has(host, wanted, path) || dirs_have(host, DIRS, "", wanted, path))
		return 0;
	return -ENOENT;
}
