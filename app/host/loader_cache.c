/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader_cache.h"

/*
 * glibc's sysdeps/generic/dl-cache.h: struct cache_file_new, struct file_entry_new.
 * Offsets of texts are from the beginning of the former, which an older format may
 * stand before.
 */
#define MAGIC "glibc-ld.so.cache1.1"
#define MOST (16 << 20)

struct cache_header {
	char magic[sizeof(MAGIC) - 1];
	uint32_t count;
	uint32_t strings_size;
	uint8_t flags;
	uint8_t padding[3];
	uint32_t extension;
	uint32_t unused[3];
};

struct cache_entry {
	int32_t flags;
	uint32_t name;
	uint32_t path;
	uint32_t os_version;
	uint64_t hwcap;
};

/* struct cache_extension, and cache_extension_tag_glibc_hwcaps: names that entries refer to. */
#define EXTENSION_MAGIC 0xeaa42174
#define TAG_HWCAPS 1
#define HWCAP_EXTENSION (UINT64_C(1) << 62)

/* _DL_CACHE_DEFAULT_ID of each architecture's dl-cache.h: FLAG_ELF_LIBC6 and the ABI. */
#if defined(__aarch64__)
#define FLAGS 0x0a03
#elif defined(__powerpc64__)
#define FLAGS 0x0503
#elif defined(__riscv)
#define FLAGS 0x1003
#else
#define FLAGS 0x0303
#endif

void
loader_cache_open(const struct host *host, const struct loader_rules *rules,
		  struct loader_cache *cache)
{
	char path[PATH_MAX];
	struct stat st;
	ssize_t len = -1;
	int fd;

	*cache = (struct loader_cache){ 0 };
	if (host_path(host, path, "%s", rules->cache) < 0)
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size > 0 && st.st_size <= MOST)
		cache->content = malloc(st.st_size + 1);
	if (cache->content != NULL)
		len = read(fd, cache->content, st.st_size);
	close(fd);
	if (len < 0) {
		loader_cache_close(cache);
		return;
	}
	cache->content[len] = '\0';
	cache->size = len;
}

void
loader_cache_close(struct loader_cache *cache)
{
	free(cache->content);
	*cache = (struct loader_cache){ 0 };
}

/* From the header of the new format on. */
static struct loader_cache
cache_new(const struct loader_cache *cache)
{
	struct loader_cache part = { 0 };
	char *found = cache->content != NULL ?
		memmem(cache->content, cache->size, MAGIC, strlen(MAGIC)) :
		NULL;

	if (found != NULL)
		part = (struct loader_cache){ found, cache->size - (found - cache->content) };
	return part.size >= sizeof(struct cache_header) ? part : (struct loader_cache){ 0 };
}

static const char *
text_at(const struct loader_cache *cache, uint32_t offset)
{
	return offset < cache->size ? cache->content + offset : "";
}

/* The name of a directory in glibc-hwcaps, or "". */
static const char *
hwcap_name(const struct loader_cache *cache, uint32_t number)
{
	uint32_t header[2], section[4], text, offset;

	memcpy(&offset, cache->content + offsetof(struct cache_header, extension), sizeof(offset));
	if (offset > cache->size || cache->size - offset < sizeof(header))
		return "";
	memcpy(header, cache->content + offset, sizeof(header));
	if (header[0] != EXTENSION_MAGIC)
		return "";
	offset += sizeof(header);
	for (uint32_t i = 0; i < header[1] && cache->size - offset >= sizeof(section); i++) {
		memcpy(section, cache->content + offset, sizeof(section));
		offset += sizeof(section);
		if (section[0] != TAG_HWCAPS || number >= section[3] / sizeof(text) ||
		    section[2] > cache->size || cache->size - section[2] < section[3])
			continue;
		memcpy(&text, cache->content + section[2] + number * sizeof(text), sizeof(text));
		return text_at(cache, text);
	}
	return "";
}

/*
 * The rank of an entry, 0 first; -1: not for this machine. Entries of the legacy
 * hardware capabilities, which glibc 2.37 took out, are left out.
 */
static int
entry_rank(const struct loader_cache *cache, const struct loader_rules *rules,
	   const struct cache_entry *entry)
{
	const char *name;

	if (entry->flags != FLAGS)
		return -1;
	if (entry->hwcap == 0)
		return LOADER_HWCAPS;
	if (entry->hwcap >> 32 != HWCAP_EXTENSION >> 32)
		return -1;
	name = hwcap_name(cache, (uint32_t)entry->hwcap);
	for (unsigned int i = 0; i < rules->n_hwcaps; i++)
		if (strcmp(name, rules->hwcaps[i]) == 0)
			return i;
	return -1;
}

/* elf/dl-cache.c: search_cache(). */
const char *
loader_cache_find(const struct loader_cache *whole, const struct loader_rules *rules,
		  const char *name)
{
	const struct loader_cache cache = cache_new(whole);
	int best = LOADER_HWCAPS + 1, rank;
	const char *found = NULL;
	struct cache_entry entry;
	uint32_t count = 0;

	if (cache.content != NULL)
		memcpy(&count, cache.content + offsetof(struct cache_header, count), sizeof(count));
	for (size_t at = sizeof(struct cache_header); count > 0 && cache.size - at >= sizeof(entry);
	     at += sizeof(entry), count--) {
		memcpy(&entry, cache.content + at, sizeof(entry));
		if (strcmp(text_at(&cache, entry.name), name) != 0)
			continue;
		rank = entry_rank(&cache, rules, &entry);
		if (rank < 0 || rank >= best)
			continue;
		best = rank;
		found = text_at(&cache, entry.path);
	}
	return found != NULL && found[0] == '/' ? found : NULL;
}
