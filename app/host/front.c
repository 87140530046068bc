/* SPDX-License-Identifier: BSD-3-Clause */

#include <stdio.h>
#include <string.h>

#include "elf_file.h"
#include "front.h"
#include "script.h"

#define EAL_FRONT "librte_bus_vfio_cdev.so"
#define LIBC_FRONT "libvfio_cdev_compat.so"

/* In every program that has a driver of DPDK in it (RTE_PMD_REGISTER_PCI()). */
#define DRIVER_MARK "PMD_INFO_STRING= "

/*
 * In librte_eal from 26.11 on: VFIO has other names there, and a cdev mode of its own
 * (doc/dpdk-26.11.rst).
 */
#define OWN_CDEV_MARK "dev_vfio_setup_device"

/* In what uses VFIO's groups, or physical addresses, without DPDK. */
#define VFIO_MARK "/dev/vfio/vfio"
#define PAGEMAP_MARK "/proc/self/pagemap"

/* What librte_eal must leave to the dynamic linker: the list of selfcheck.c. */
static const char *const hooks[] = { "rte_mem_virt2iova", "rte_fbarray_set_free" };

/* What Go's linker leaves in a program (debug/buildinfo), also in one that is stripped. */
static const char *const go_marks[] = { "\xff Go buildinf:", ".note.go.buildid" };

/* Go's strings do not end, and it may put a path together. */
#define GO_VFIO_MARK "/dev/vfio"

/*
 * Libraries with these marks that have no part in it: both fronts and the library that is
 * under them; mlx5's, which can use VFIO if it is told to; a garbage collector, which reads
 * of pagemap which pages were written to.
 */
static const char *const other_libraries[] = {
	EAL_FRONT, LIBC_FRONT, "librte_vfio_cdev.so", "libmlx5.so", "libgc.so",
};

/* The functions by which a file is opened; FORTIFY_SOURCE has the second ones. */
static const char *const open_functions[] = {
	"open",	    "open64",	  "openat",	"openat64",
	"__open_2", "__open64_2", "__openat_2", "__openat64_2",
};

#define ANY(is_one, names, file) any(is_one, names, sizeof(names) / sizeof((names)[0]), file)

static bool
any(bool (*is_one)(const struct elf_file *, const char *), const char *const *names, size_t count,
    const struct elf_file *file)
{
	bool found = false;

	for (size_t i = 0; i < count && !found; i++)
		found = is_one(file, names[i]);
	return found;
}

static int
file_open(const struct host *host, const char *path, struct elf_file *file)
{
	char real[PATH_MAX];
	int ret = host_path(host, real, "%s", path);

	return ret == 0 ? elf_file_open(real, file) : ret;
}

static bool
is_closed(const struct elf_file *file)
{
	bool closed = elf_file_is_symbolic(file);

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		closed |= !elf_file_imports(file, hooks[i]);
	return closed;
}

int
front_eal_is_closed(const struct host *host, const char *path)
{
	struct elf_file file;
	int ret = file_open(host, path, &file);

	if (ret < 0)
		return ret;
	ret = is_closed(&file);
	elf_file_close(&file);
	return ret;
}

bool
front_eal_has_own_mode(const struct host *host, const char *path)
{
	struct elf_file file;
	bool has;

	if (file_open(host, path, &file) < 0)
		return false;
	has = elf_file_contains(&file, OWN_CDEV_MARK);
	elf_file_close(&file);
	return has;
}

/* What an object shows; nothing if it cannot be read. */
struct traits {
	bool has_linker;
	bool has_dpdk; /* inside, which calls its own functions */
	bool has_vfio;
	bool has_pagemap;
	bool is_go;
	bool opens; /* by the C library */
	bool controls;
};

static void
traits_read(const struct loader *loader, const struct loader_object *object, struct traits *traits)
{
	struct elf_file file;

	*traits = (struct traits){ .has_linker = false };
	if (object->path == NULL || file_open(loader->host, object->path, &file) < 0)
		return;
	traits->has_linker = file.interpreter != NULL;
	traits->has_dpdk = elf_file_contains(&file, DRIVER_MARK) &&
		(object == loader->objects || is_closed(&file));
	traits->is_go = ANY(elf_file_contains, go_marks, &file);
	traits->has_vfio = elf_file_contains(&file, traits->is_go ? GO_VFIO_MARK : VFIO_MARK);
	traits->has_pagemap = elf_file_contains(&file, PAGEMAP_MARK);
	traits->opens = ANY(elf_file_imports, open_functions, &file);
	traits->controls = elf_file_imports(&file, "ioctl");
	elf_file_close(&file);
}

static bool
is_other(const struct loader_object *object)
{
	const char *slash = strrchr(object->name, '/');
	const char *name = slash != NULL ? slash + 1 : object->name;

	for (size_t i = 0; i < sizeof(other_libraries) / sizeof(other_libraries[0]); i++)
		if (strncmp(name, other_libraries[i], strlen(other_libraries[i])) == 0)
			return true;
	return false;
}

static void
choose(struct front_choice *choice, enum front_reason reason, const struct loader_object *object)
{
	*choice = (struct front_choice){
		.front = reason >= FRONT_NO_LINKER  ? FRONT_AUTO :
			reason <= FRONT_SHARED_DPDK ? FRONT_EAL :
						      FRONT_LIBC,
		.reason = reason,
		.object = object,
	};
}

static bool
needs(const struct loader_object *object, const char *prefix)
{
	for (int i = 0; object->needed != NULL && object->needed[i] != NULL; i++)
		if (strncmp(object->needed[i], prefix, strlen(prefix)) == 0)
			return true;
	return false;
}

/* An object that has DPDK in it, from this one on; a driver of a shared DPDK is none. */
static const struct loader_object *
inside_find(const struct loader *loader, int first)
{
	const struct loader_object *object;
	struct traits traits;

	for (int i = first; i < loader->count; i++) {
		object = &loader->objects[i];
		traits_read(loader, object, &traits);
		if (traits.has_dpdk && !needs(object, FRONT_DPDK) && !is_other(object))
			return object;
	}
	return NULL;
}

/* A librte_eal is there; plug-ins may bring another one, inside. */
static void
shared_choose(const struct loader *loader, const struct loader_object *eal,
	      struct front_choice *choice)
{
	const struct loader_object *inside = inside_find(loader, loader->n_own);

	if (inside != NULL)
		choose(choice, FRONT_DPDK_INSIDE, inside);
	else if (front_eal_has_own_mode(loader->host, eal->path))
		choose(choice, FRONT_OWN_CDEV_MODE, eal);
	else if (front_eal_is_closed(loader->host, eal->path) > 0)
		choose(choice, FRONT_CLOSED_DPDK, eal);
	else
		choose(choice, FRONT_SHARED_DPDK, eal);
}

/*
 * The first object that uses VFIO without DPDK. One that is written in Go makes its own
 * system calls, with cgo too. Others do where nothing in the process imports the functions of
 * the C library: such as a program in Rust with rustix's linux_raw.
 */
static void
driver_choose(const struct loader *loader, struct front_choice *choice)
{
	const struct loader_object *driver = NULL;
	struct traits traits, shown = { .has_linker = false };
	bool opens = false, controls = false;

	for (int i = 0; i < loader->count; i++) {
		if (is_other(&loader->objects[i]))
			continue;
		traits_read(loader, &loader->objects[i], &traits);
		opens |= traits.opens;
		controls |= traits.controls;
		if (driver == NULL && (traits.has_vfio || traits.has_pagemap)) {
			driver = &loader->objects[i];
			shown = traits;
		}
	}
	if (driver == NULL)
		choose(choice, FRONT_UNKNOWN, NULL);
	else if (shown.is_go)
		choose(choice, FRONT_GO, driver);
	else if (shown.has_vfio && (!opens || !controls))
		choose(choice, FRONT_OWN_SYSCALLS, driver);
	else
		choose(choice, FRONT_OWN_DRIVER, driver);
}

/* Is it linked with such a library? */
static bool
is_needed(const struct loader *loader, const char *prefix)
{
	for (int i = 0; i < loader->count; i++)
		if (needs(&loader->objects[i], prefix))
			return true;
	return false;
}

/* A process has one front: where the EAL's is linked in, it is that. */
void
front_choose(const struct loader *loader, struct front_choice *choice)
{
	const struct loader_object *eal = loader_find(loader, FRONT_DPDK), *inside;
	struct traits program;

	choose(choice, FRONT_UNKNOWN, NULL);
	if (loader->count == 0)
		return;
	traits_read(loader, loader->objects, &program);
	inside = eal == NULL ? inside_find(loader, 0) : NULL;
	if (!program.has_linker)
		choose(choice, program.is_go ? FRONT_GO : FRONT_NO_LINKER, loader->objects);
	else if (eal != NULL && eal->path != NULL)
		shared_choose(loader, eal, choice);
	else if (inside != NULL)
		choose(choice, FRONT_DPDK_INSIDE, inside);
	else
		driver_choose(loader, choice);
	if (choice->front == FRONT_LIBC && is_needed(loader, EAL_FRONT))
		choice->front = FRONT_EAL;
}

/* Both are given up with loader_close(). */
static void
find(const struct host *host, const char *program, const char *const *plugins,
     struct loader *loader, struct front_choice *choice)
{
	char path[PATH_MAX];
	bool is_found;

	*loader = (struct loader){ .host = host };
	choose(choice, FRONT_UNKNOWN, NULL);
	is_found = snprintf(path, sizeof(path), "%s", program) < PATH_MAX &&
		script_resolve(host, path) == 0 && loader_open(host, path, loader) == 0;
	for (; is_found && plugins != NULL && *plugins != NULL; plugins++)
		loader_add(loader, *plugins);
	if (is_found)
		front_choose(loader, choice);
}

enum front
front_find(const struct host *host, const char *program, const char *const *plugins)
{
	struct front_choice choice;
	struct loader loader;

	find(host, program, plugins, &loader, &choice);
	loader_close(&loader);
	return choice.front == FRONT_LIBC ? FRONT_LIBC : FRONT_EAL;
}

bool
front_has_dpdk(const struct host *host, const char *program)
{
	struct front_choice choice;
	struct loader loader;
	bool has;

	find(host, program, NULL, &loader, &choice);
	has = loader_find(&loader, FRONT_DPDK) != NULL || choice.reason == FRONT_DPDK_INSIDE;
	loader_close(&loader);
	return has;
}

enum front
front_by_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;

	if (strncmp(name, EAL_FRONT, strlen(EAL_FRONT)) == 0)
		return FRONT_EAL;
	return strncmp(name, LIBC_FRONT, strlen(LIBC_FRONT)) == 0 ? FRONT_LIBC : FRONT_AUTO;
}

enum front
front_by_file(const char *path)
{
	enum front front = front_by_name(path);
	const char *soname;
	struct elf_file file;
	size_t index = 0;

	if (front != FRONT_AUTO || elf_file_open(path, &file) < 0)
		return front;
	soname = elf_file_text(&file, DT_SONAME, &index);
	if (soname != NULL)
		front = front_by_name(soname);
	elf_file_close(&file);
	return front;
}

const char *
front_name(enum front front)
{
	static const char *const names[] = { "auto", "eal", "libc" };

	return front <= FRONT_LIBC ? names[front] : "?";
}
