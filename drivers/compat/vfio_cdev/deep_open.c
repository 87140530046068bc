/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * With RTLD_DEEPBIND a plug-in looks up functions among the libraries that it is linked with,
 * the C library too, before it looks among preloaded ones (glibc, elf/dl-open.c). So those
 * calls of it that this library stands in front of are bound to this library here; all others
 * stay as they are.
 */

#include <dlfcn.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "deep_open.h"
#include "elf_slots.h"
#include "log_sink.h"
#include "next.h"
#include "policy.h"

static const void *
object_of(const void *address)
{
	Dl_info info;

	return dladdr(address, &info) != 0 ? info.dli_fbase : NULL;
}

/* Two threads must not change the protection of one page at a time. */
static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;

struct relro {
	const void *slot;
	uintptr_t base; /* of the object */
	bool found;
};

/* Is the slot in pages that are read-only once they are filled in (PT_GNU_RELRO)? */
static int
object_visit(struct dl_phdr_info *object, size_t size, void *arg)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	struct relro *relro = arg;
	const uintptr_t slot = (uintptr_t)relro->slot;
	uintptr_t start, end;

	(void)size;
	for (int i = 0; object->dlpi_addr == relro->base && i < object->dlpi_phnum; i++) {
		start = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
		end = (start + object->dlpi_phdr[i].p_memsz) & ~(page - 1);
		relro->found |= object->dlpi_phdr[i].p_type == PT_GNU_RELRO && slot >= start &&
			slot < end;
	}
	return relro->found;
}

static int
slot_write(const struct link_map *map, void **slot, void *function)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *start = (void *)((uintptr_t)slot & ~(page - 1));
	struct relro relro = { .slot = slot, .base = map->l_addr };

	dl_iterate_phdr(object_visit, &relro);
	if (relro.found && mprotect(start, page, PROT_READ | PROT_WRITE) < 0)
		return -errno;
	__atomic_store_n(slot, function, __ATOMIC_RELEASE);
	if (relro.found)
		mprotect(start, page, PROT_READ);
	return 0;
}

struct plugin {
	void *handle;
	const struct link_map *map;
	const char *failed; /* a function whose slot could not be written */
	int err;
};

/* A function of the plug-in's own, or of another library of it, stays. */
static bool
slot_visit(const char *function, bool imported, void **slot, void *arg)
{
	struct plugin *plugin = arg;
	void *first = imported ? dlsym(RTLD_DEFAULT, function) : NULL;
	int ret;

	if (first == NULL || *slot == first ||
	    object_of(first) != object_of((void *)(uintptr_t)deep_open) ||
	    object_of(dlsym(plugin->handle, function)) !=
		    object_of((void *)(uintptr_t)gnu_get_libc_version))
		return false;
	ret = slot_write(plugin->map, slot, first);
	if (ret < 0) {
		plugin->failed = function;
		plugin->err = ret;
	}
	return false;
}

/* The libraries that were loaded with it come behind it. */
static void
plugin_bind(struct plugin *plugin)
{
	const struct link_map *map;

	if (dlinfo(plugin->handle, RTLD_DI_LINKMAP, &map) < 0)
		return;
	for (plugin->map = map; plugin->map != NULL; plugin->map = plugin->map->l_next)
		elf_slots_walk(plugin->map, slot_visit, plugin);
	if (plugin->failed != NULL)
		sink_log(RTE_VFIO_CDEV_LOG_WARNING,
			 "%s: %s() of it is not reached, since it was opened with RTLD_DEEPBIND: "
			 "%s; open it without that",
			 map->l_name, plugin->failed, strerror(-plugin->err));
}

void *
deep_open(const char *file, int flags)
{
	struct plugin plugin = { .handle = next.dlopen(file, flags) };

	if (plugin.handle == NULL || policy_get() == POLICY_OFF)
		return plugin.handle;
	pthread_mutex_lock(&slots_lock);
	plugin_bind(&plugin);
	pthread_mutex_unlock(&slots_lock);
	dlerror(); /* look-ups that found nothing are not the caller's */
	return plugin.handle;
}
