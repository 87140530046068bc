/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf_file.h"
#include "loader.h"

/* A hostile program may need what needs more, and so on. */
#define MOST_OBJECTS 4096

#ifndef DF_1_NODEFLIB
#define DF_1_NODEFLIB 0x800
#endif

/* A library that is searched for: of which object it is needed, and what has been found. */
struct search {
	struct loader *loader;
	const struct loader_object *parent; /* NULL: no program */
	const char *name;
	struct loader_object *object;
};

static void
object_free(struct loader_object *object)
{
	for (char **name = object->needed; name != NULL && *name != NULL; name++)
		free(*name);
	free(object->needed);
	free(object->name);
	free(object->path);
	free(object->soname);
	free(object->rpath);
	free(object->runpath);
	*object = (struct loader_object){ .parent = -1 };
}

/* A copy of a dynamic text; false: there is no memory. */
static bool
text_copy(const struct elf_file *file, Elf64_Sxword tag, char **copy)
{
	size_t index = 0;
	const char *text = elf_file_text(file, tag, &index);

	*copy = text != NULL ? strdup(text) : NULL;
	return text == NULL || *copy != NULL;
}

static bool
needed_copy(const struct elf_file *file, struct loader_object *object)
{
	size_t index = 0, count = 0;
	const char *name;
	char **needed;

	object->needed = calloc(1, sizeof(*object->needed));
	while (object->needed != NULL && (name = elf_file_text(file, DT_NEEDED, &index)) != NULL &&
	       count < MOST_OBJECTS) {
		needed = realloc(object->needed, (count + 2) * sizeof(*needed));
		if (needed == NULL)
			return false;
		object->needed = needed;
		needed[count + 1] = NULL;
		needed[count] = strdup(name);
		if (needed[count++] == NULL)
			return false;
	}
	return object->needed != NULL;
}

/* Where there is a DT_RUNPATH the DT_RPATH is ignored (elf/get-dynamic-info.h). */
static int
object_read(const struct elf_file *file, struct loader_object *object)
{
	struct stat st;

	if (fstat(file->fd, &st) == 0) {
		object->dev = st.st_dev;
		object->ino = st.st_ino;
	}
	object->no_default = (elf_file_number(file, DT_FLAGS_1) & DF_1_NODEFLIB) != 0;
	if (!text_copy(file, DT_SONAME, &object->soname) ||
	    !text_copy(file, DT_RUNPATH, &object->runpath) ||
	    (object->runpath == NULL && !text_copy(file, DT_RPATH, &object->rpath)) ||
	    !needed_copy(file, object))
		return -ENOMEM;
	return 0;
}

/*
 * One place (open_verify()): what is of another class or machine is passed over, as if
 * it were not there, but a file that is none of ELF ends the search and the program.
 * -ENOENT: go on; -ELOOP and the like: not with this list of directories (open_path()).
 */
static int
place_try(struct search *search, const char *path)
{
	struct loader_object *object = search->object;
	struct elf_file file;
	char full[PATH_MAX];
	int ret;

	ret = host_path(search->loader->host, full, "%s", path);
	if (ret < 0)
		return ret;
	ret = elf_file_open(full, &file);
	if (ret == -EACCES || ret == -ENOTDIR ||
	    (ret == -ENOEXEC && (file.kind == ELF_FILE_32_BIT || file.kind == ELF_FILE_FOREIGN)))
		return -ENOENT;
	if (ret < 0 && ret != -ENOEXEC)
		return ret;
	object->err = ret;
	object->path = strdup(path);
	if (ret == 0) {
		object->err = object_read(&file, object);
		elf_file_close(&file);
	}
	return object->path == NULL || object->err == -ENOMEM ? -ENOMEM : 0;
}

/* A directory, which is empty or ends with a slash, and before it those of this processor. */
static int
dir_try(struct search *search, const char *dir)
{
	const struct loader_rules *rules = &search->loader->rules;
	char path[PATH_MAX];
	int len, ret = -ENOENT;

	for (unsigned int i = 0; i <= rules->n_hwcaps && ret == -ENOENT; i++) {
		if (i < rules->n_hwcaps)
			len = snprintf(path, sizeof(path), "%sglibc-hwcaps/%s/%s", dir,
				       rules->hwcaps[i], search->name);
		else
			len = snprintf(path, sizeof(path), "%s%s", dir, search->name);
		ret = len < PATH_MAX ? place_try(search, path) : -ENAMETOOLONG;
	}
	return ret;
}

/* The length of a token behind a dollar, or 0 (is_dst()). */
static size_t
token_len(const char *text, const char *token)
{
	const bool is_curly = *text == '{';
	const size_t len = strlen(token);
	char end;

	text += is_curly;
	if (strncmp(text, token, len) != 0)
		return 0;
	end = text[len];
	if (is_curly)
		return end == '}' ? len + 2 : 0;
	return (end >= 'A' && end <= 'Z') || (end >= 'a' && end <= 'z') ||
			(end >= '0' && end <= '9') || end == '_' ?
		0 :
		len;
}

/* The directory of an object; the kernel gives that of a program, without links in it. */
static int
origin_find(const struct search *search, char origin[PATH_MAX])
{
	const char *path = search->parent != NULL ? search->parent->path : NULL;
	const char *root = search->loader->host->root;
	char full[PATH_MAX], *slash;

	if (path == NULL)
		return -ENOENT;
	if (search->parent == search->loader->objects) {
		if (host_path(search->loader->host, full, "%s", path) < 0 ||
		    realpath(full, origin) == NULL)
			return -ENOENT;
		if (strncmp(origin, root, strlen(root)) == 0)
			memmove(origin, origin + strlen(root), strlen(origin + strlen(root)) + 1);
	} else if (path[0] == '/') {
		snprintf(origin, PATH_MAX, "%s", path);
	} else {
		if (getcwd(full, sizeof(full)) == NULL ||
		    snprintf(origin, PATH_MAX, "%s/%s", full, path) >= PATH_MAX)
			return -ENOENT;
	}
	slash = strrchr(origin, '/');
	slash[slash == origin] = '\0';
	return 0;
}

/* What stands for a token, whose length is given; NULL: it is unknown. */
static const char *
token_value(const struct search *search, const char *text, char origin[PATH_MAX], size_t *len)
{
	const struct loader_rules *rules = &search->loader->rules;

	*len = token_len(text, "ORIGIN");
	if (*len > 0)
		return origin_find(search, origin) == 0 ? origin : NULL;
	*len = token_len(text, "PLATFORM");
	if (*len > 0)
		return rules->platform[0] != '\0' ? rules->platform : NULL;
	*len = token_len(text, "LIB");
	return *len > 0 && rules->lib[0] != '\0' ? rules->lib : NULL;
}

/* A text with its tokens replaced (_dl_dst_substitute()), or "" where one is unknown. */
static void
text_expand(const struct search *search, const char *text, size_t size, char out[PATH_MAX])
{
	char origin[PATH_MAX], copy[PATH_MAX];
	const char *value, *from = copy;
	size_t used = 0, len = 0;

	out[0] = '\0';
	if (size >= sizeof(copy))
		return;
	memcpy(copy, text, size);
	copy[size] = '\0';
	for (; *from != '\0'; from += len + 1) {
		len = 0;
		value = *from == '$' ? token_value(search, from + 1, origin, &len) : NULL;
		if (len == 0)
			used += snprintf(out + used, PATH_MAX - used, "%c", *from);
		else if (value != NULL)
			used += snprintf(out + used, PATH_MAX - used, "%s", value);
		if ((len > 0 && value == NULL) || used >= PATH_MAX - 1) {
			out[0] = '\0';
			return;
		}
	}
}

/* A list of directories (fillin_rpath()): an empty element is the working directory. */
static int
dirs_try(struct search *search, const char *dirs, const char *separators,
	 const struct loader_object *owner)
{
	const struct search expanding = { .loader = search->loader, .parent = owner };
	size_t size, len;
	char dir[PATH_MAX];
	int ret = -ENOENT;

	if (dirs == NULL || dirs[0] == '\0')
		return -ENOENT;
	for (;; dirs += size + 1) {
		size = strcspn(dirs, separators);
		text_expand(&expanding, dirs, size, dir);
		len = strlen(dir);
		while (len > 1 && dir[len - 1] == '/')
			len--;
		if (len > 0 && dir[len - 1] != '/' && len < sizeof(dir) - 1)
			dir[len++] = '/';
		dir[len] = '\0';
		if (size == 0 || len > 0)
			ret = dir_try(search, dir);
		if (ret != -ENOENT || dirs[size] == '\0')
			return ret;
	}
}

/* DT_RPATH of what needs it, of what needs that, and so on, and of the program. */
static int
rpaths_try(struct search *search)
{
	const struct loader_object *objects = search->loader->objects, *object = search->parent;
	int ret = -ENOENT;

	if (object == NULL || object->runpath != NULL)
		return -ENOENT;
	for (; ret < 0 && ret != -ENOMEM && object != NULL;
	     object = object->parent >= 0 ? &objects[object->parent] : NULL)
		ret = dirs_try(search, object->rpath, ":", object);
	return ret;
}

/* -z nodefaultlib: not in the system's directories either. */
static bool
path_is_system(const struct loader_rules *rules, const char *path)
{
	size_t len;

	for (const char *dir = rules->dirs; *dir != '\0'; dir += len + (dir[len] != '\0')) {
		len = strcspn(dir, ":");
		if (strncmp(path, dir, len) == 0)
			return true;
	}
	return false;
}

static int
cache_try(struct search *search)
{
	const struct loader *loader = search->loader;
	const char *path = loader_cache_find(&loader->cache, &loader->rules, search->name);

	if (path == NULL ||
	    (search->parent != NULL && search->parent->no_default &&
	     path_is_system(&loader->rules, path)))
		return -ENOENT;
	return place_try(search, path);
}

/* _dl_map_object(): what a list of directories ends with does not end the search. */
static int
places_try(struct search *search)
{
	const struct loader_object *parent = search->parent;
	int ret;

	ret = rpaths_try(search);
	if (ret < 0 && ret != -ENOMEM)
		ret = dirs_try(search, getenv("LD_LIBRARY_PATH"), ":;", search->loader->objects);
	if (ret < 0 && ret != -ENOMEM && parent != NULL)
		ret = dirs_try(search, parent->runpath, ":", parent);
	if (ret < 0 && ret != -ENOMEM)
		ret = cache_try(search);
	if (ret < 0 && ret != -ENOMEM && (parent == NULL || !parent->no_default))
		ret = dirs_try(search, search->loader->rules.dirs, ":", NULL);
	return ret;
}

/* A name with a slash is a path. */
static int
library_try(struct search *search)
{
	return strchr(search->name, '/') != NULL ? place_try(search, search->name) :
						   places_try(search);
}

/* Is it there already, by this name or as this file? The linker itself always is. */
static bool
object_is_loaded(const struct loader *loader, const char *name)
{
	const struct loader_object *object;

	if (strcmp(name, loader->rules.soname) == 0)
		return true;
	for (int i = 1; i < loader->count; i++) {
		object = &loader->objects[i];
		if (strcmp(object->name, name) == 0 ||
		    (object->path != NULL && strcmp(object->path, name) == 0) ||
		    (object->soname != NULL && strcmp(object->soname, name) == 0))
			return true;
	}
	return false;
}

static bool
file_is_loaded(const struct loader *loader, const struct loader_object *object)
{
	const struct loader_object *other;

	for (int i = 0; i < loader->count; i++) {
		other = &loader->objects[i];
		if (other->path != NULL && other->err == 0 && other->dev == object->dev &&
		    other->ino == object->ino)
			return true;
	}
	return false;
}

static int
object_add(struct loader *loader, struct loader_object *object)
{
	struct loader_object *objects;

	objects = realloc(loader->objects, (loader->count + 1) * sizeof(*objects));
	if (objects == NULL)
		return -ENOMEM;
	objects[loader->count++] = *object;
	loader->objects = objects;
	return 0;
}

/*
 * Load a library that an object needs; one that is not found is kept without a path.
 * Its name may have tokens (elf/dl-deps.c: expand_dst()).
 */
static int
library_load(struct loader *loader, int parent, const char *needed)
{
	struct loader_object object = { .parent = parent };
	char name[PATH_MAX];
	struct search search = {
		.loader = loader,
		.parent = &loader->objects[parent],
		.name = name,
		.object = &object,
	};
	int ret;

	text_expand(&search, needed, strlen(needed), name);
	if (object_is_loaded(loader, name))
		return 0;
	if (loader->count >= MOST_OBJECTS)
		return -ENOMEM;
	ret = name[0] != '\0' ? library_try(&search) : -ENOENT;
	if (ret == 0 && object.err == 0 && file_is_loaded(loader, &object)) {
		object_free(&object);
		return 0;
	}
	object.name = strdup(name);
	if (ret != -ENOMEM)
		ret = object.name != NULL ? object_add(loader, &object) : -ENOMEM;
	if (ret < 0)
		object_free(&object);
	return ret;
}

/* elf/rtld.c: do_preload() leaves out what cannot be loaded. */
static int
preloads_load(struct loader *loader)
{
	const char *names = getenv("LD_PRELOAD");
	const struct loader_object *last;
	char name[PATH_MAX];
	size_t len;
	int ret = 0;

	for (; names != NULL && *names != '\0' && ret == 0; names += len + (names[len] != '\0')) {
		len = strcspn(names, " :");
		if (len == 0 || len >= sizeof(name))
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)len, names);
		ret = library_load(loader, 0, name);
		last = &loader->objects[loader->count - 1];
		if (last->path == NULL || last->err < 0)
			object_free(&loader->objects[--loader->count]);
	}
	return ret;
}

static int
program_load(struct loader *loader, const char *program, const struct elf_file *file)
{
	struct loader_object object = { .parent = -1 };
	int ret = object_read(file, &object);

	object.name = strdup(program);
	object.path = strdup(program);
	if (ret == 0)
		ret = object.name != NULL && object.path != NULL ? object_add(loader, &object) :
								   -ENOMEM;
	if (ret < 0)
		object_free(&object);
	return ret;
}

/* elf/dl-deps.c: _dl_map_object_deps(), of the objects from one on. */
static int
needed_load(struct loader *loader, int first)
{
	int ret = 0;

	for (int i = first; i < loader->count && ret == 0; i++)
		for (int n = 0; ret == 0 && loader->objects[i].needed != NULL &&
		     loader->objects[i].needed[n] != NULL;
		     n++)
			ret = library_load(loader, i, loader->objects[i].needed[n]);
	return ret;
}

int
loader_open(const struct host *host, const char *program, struct loader *loader)
{
	char path[PATH_MAX];
	struct elf_file file;
	int ret = 0;

	*loader = (struct loader){ .host = host };
	if (program == NULL) {
		ret = loader_rules_read(host, NULL, &loader->rules);
		loader_cache_open(host, &loader->rules, &loader->cache);
		return ret;
	}
	ret = host_path(host, path, "%s", program);
	if (ret == 0)
		ret = elf_file_open(path, &file);
	if (ret < 0)
		return ret;
	ret = program_load(loader, program, &file);
	if (ret == 0 && file.interpreter != NULL) {
		ret = loader_rules_read(host, file.interpreter, &loader->rules);
		loader_cache_open(host, &loader->rules, &loader->cache);
		if (ret == 0)
			ret = preloads_load(loader);
		if (ret == 0)
			ret = needed_load(loader, 0);
	}
	loader->n_own = loader->count;
	elf_file_close(&file);
	return ret;
}

int
loader_add(struct loader *loader, const char *plugin)
{
	const int first = loader->count;
	const struct loader_object *object;
	char path[PATH_MAX];
	int ret;

	if (first == 0 ||
	    snprintf(path, sizeof(path), "%s%s", strchr(plugin, '/') != NULL ? "" : "./", plugin) >=
		    PATH_MAX)
		return -ENOENT;
	ret = library_load(loader, 0, path);
	if (ret < 0 || loader->count == first)
		return ret;
	object = &loader->objects[first];
	if (object->path == NULL || object->err < 0) {
		object_free(&loader->objects[--loader->count]);
		return -ENOENT;
	}
	return needed_load(loader, first);
}

void
loader_close(struct loader *loader)
{
	for (int i = 0; i < loader->count; i++)
		object_free(&loader->objects[i]);
	free(loader->objects);
	loader_cache_close(&loader->cache);
	*loader = (struct loader){ .host = loader->host };
}

const struct loader_object *
loader_find(const struct loader *loader, const char *prefix)
{
	for (int i = 1; i < loader->count; i++)
		if (strncmp(loader->objects[i].name, prefix, strlen(prefix)) == 0)
			return &loader->objects[i];
	return NULL;
}

int
loader_search(struct loader *loader, const char *name, char path[PATH_MAX])
{
	struct loader_object object = { .parent = -1 };
	struct search search = { .loader = loader, .name = name, .object = &object };
	int ret = library_try(&search);

	if (ret == 0)
		snprintf(path, PATH_MAX, "%s", object.path);
	object_free(&object);
	return ret == -ENOMEM ? ret : ret < 0 ? -ENOENT : 0;
}
