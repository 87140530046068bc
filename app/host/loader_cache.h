/* SPDX-License-Identifier: BSD-3-Clause */

/* The cache of the dynamic linker that ldconfig writes. The file is hostile. */

#ifndef LOADER_CACHE_H
#define LOADER_CACHE_H

#include <stddef.h>

#include "loader_rules.h"

struct loader_cache {
	char *content; /* ends with a NUL; NULL: there is none that can be read */
	size_t size;
};

/* Without one the linker goes on. */
void
loader_cache_open(const struct host *host, const struct loader_rules *rules,
		  struct loader_cache *cache);

void
loader_cache_close(struct loader_cache *cache);

/* The path of a library, which need not be there; or NULL. It lives as long as the cache. */
const char *
loader_cache_find(const struct loader_cache *whole, const struct loader_rules *rules,
		  const char *name);

#endif /* LOADER_CACHE_H */
