/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * DPDK as it is installed, and whether a program of it would call the library. The
 * library finds out for itself too, once it runs: drivers/bus/vfio_cdev/selfcheck.c.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "check_private.h"
#include "elf_file.h"
#include "launch.h"
#include "loader.h"
#include "script.h"

#define EAL "librte_eal.so."
#define LIBRARY "librte_bus_vfio_cdev.so" /* as users call it */
/* ABI 23 is that of 22.11 (DPDK's ABI_VERSION). The last one that was tried is 25.11's. */
#define FIRST_ABI 23
#define LAST_ABI 26

/* In every program that has a driver of DPDK in it (RTE_PMD_REGISTER_PCI()). */
#define DRIVER_MARK "PMD_INFO_STRING= "

/*
 * In librte_eal from 26.11 on: VFIO has other names there, and a cdev mode of its own
 * (doc/dpdk-26.11.rst).
 */
#define OWN_CDEV_MARK "dev_vfio_setup_device"
#define OWN_CDEV_CURE \
	"use DPDK 22.11 to 26.07: 26.11 and later have a cdev mode of their own, and do not " \
	"call the library"

/* What librte_eal must leave to the dynamic linker: the list of selfcheck.c. */
static const char *const hooks[] = { "rte_mem_virt2iova", "rte_fbarray_set_free" };

/* The ABI of "librte_eal.so.23", or 0. */
static unsigned int
abi_parse(const char *name)
{
	unsigned int abi;
	char end;

	return sscanf(name, EAL "%u%c", &abi, &end) == 1 && abi < 1000 ? abi : 0;
}

/* The release: the file that the name links to has the minor ABI (librte_eal.so.23.1). */
static void
release_add(const struct host *host, const char *path, unsigned int abi, struct text *text)
{
	static const char *const later[] = { "11", "03", "07" };
	unsigned int major, minor;
	char target[64];

	if (host_link(host, target, sizeof(target), "%s", path) > 0 &&
	    sscanf(target, EAL "%u.%u", &major, &minor) == 2 && major == abi && minor < 3)
		text_add(text, "DPDK %u.%s", minor == 0 ? abi - 1 : abi, later[minor]);
	else
		text_add(text, "DPDK %u.11", abi - 1);
}

static bool
file_contains(const struct host *host, const char *path, const char *text)
{
	struct elf_file file;
	char real[PATH_MAX];
	bool contains;

	if (host_path(host, real, "%s", path) < 0 || elf_file_open(real, &file) < 0)
		return false;
	contains = elf_file_contains(&file, text);
	elf_file_close(&file);
	return contains;
}

/* Of the librte_eal at this path. *cure is NULL for one that passes. */
static enum check_verdict
release_judge(const struct host *host, const char *path, unsigned int abi, const char **cure)
{
	*cure = NULL;
	if (abi < FIRST_ABI) {
		*cure = "use DPDK 22.11 or later";
		return CHECK_FAIL;
	}
	if (file_contains(host, path, OWN_CDEV_MARK))
		*cure = OWN_CDEV_CURE;
	else if (abi > LAST_ABI)
		*cure = "run dpdk-test-vfio-cdev before you rely on it";
	return *cure != NULL ? CHECK_WARN : CHECK_PASS;
}

/* The program's own release counts, wherever it comes from. */
static bool
own_add(struct checkup *c)
{
	const struct loader_object *eal;
	struct text text = { 0 };
	char path[PATH_MAX];
	enum check_verdict verdict;
	struct loader loader;
	const char *cure;
	unsigned int abi;
	bool found;

	if (c->options->app == NULL ||
	    launch_find_program(c->host, c->options->app, path, sizeof(path)) < 0 ||
	    script_resolve(c->host, path) < 0)
		return false;
	loader_open(c->host, path, &loader);
	eal = loader_find(&loader, EAL);
	found = eal != NULL && eal->path != NULL;
	if (found) {
		abi = abi_parse(eal->name);
		release_add(c->host, eal->path, abi, &text);
		verdict = release_judge(c->host, eal->path, abi, &cure);
		checkup_add(c, verdict, cure, "the program loads %s (%s)", text.buf, eal->path);
	}
	loader_close(&loader);
	return found;
}

/* Any program that does not bring its own loads one of these: which one is not known. */
static void
installed_add(struct checkup *c, struct loader *loader)
{
	enum check_verdict best = CHECK_FAIL, one;
	struct text text = { 0 };
	const char *cure = NULL, *advice;
	char path[PATH_MAX];

	for (unsigned int abi = FIRST_ABI - 3; abi <= LAST_ABI + 3; abi++) {
		snprintf(path, sizeof(path), EAL "%u", abi);
		if (loader_search(loader, path, path) < 0)
			continue;
		one = release_judge(c->host, path, abi, &advice);
		if (one < best || text.len == 0) {
			best = one;
			cure = advice;
		}
		text_list(&text, "%s", "");
		release_add(c->host, path, abi, &text);
		text_add(&text, " (%s)", path);
	}
	if (text.len > 0 && best == CHECK_FAIL)
		checkup_add(c, CHECK_WARN,
			    "use DPDK 22.11 or later, or name the program that brings its own "
			    "with --app",
			    "found %s, which does not call the library", text.buf);
	else if (text.len > 0)
		checkup_add(c, best, cure, "found %s", text.buf);
	else if (c->options->app == NULL)
		checkup_add(c, CHECK_WARN,
			    "name the program that brings its own with --app, or install it: "
			    "apt-get install dpdk",
			    "the dynamic linker finds no " EAL "*");
}

void
check_dpdk(struct checkup *c)
{
	struct loader loader;

	if (own_add(c))
		return;
	loader_open(c->host, NULL, &loader);
	installed_add(c, &loader);
	loader_close(&loader);
}

/*
 * Does the process get rights from the file, so that the dynamic linker drops LD_PRELOAD
 * (AT_SECURE)? A file system mounted nosuid gives none; no_new_privs takes setuid away, but
 * not the effect of capabilities (fs/exec.c: bprm_fill_uid(); security/commoncap.c:
 * get_file_caps(), cap_bprm_creds_from_file()). For this user, who need not be the one that
 * runs it.
 */
static const char *
rights_find(const struct host *host, const char *real)
{
	char line[64];
	struct statvfs fs;
	struct stat st;

	if (stat(real, &st) < 0 || (statvfs(real, &fs) == 0 && (fs.f_flag & ST_NOSUID) != 0))
		return NULL;
	if ((((st.st_mode & S_ISUID) != 0 && st.st_uid != getuid()) ||
	     ((st.st_mode & S_ISGID) != 0 && st.st_gid != getgid())) &&
	    host_find(host, line, sizeof(line), "NoNewPrivs:*1", "/proc/self/status") < 0)
		return "is setuid or setgid";
	if (getxattr(real, "security.capability", NULL, 0) > 0 && getuid() != 0)
		return "has file capabilities";
	return NULL;
}

static bool
rights_add(struct checkup *c, const char *path)
{
	const char *rights = NULL;
	char real[PATH_MAX];

	if (host_path(c->host, real, "%s", path) == 0)
		rights = rights_find(c->host, real);
	if (rights != NULL)
		checkup_add(c, CHECK_FAIL,
			    "take the bit or the capabilities away (chmod u-s,g-s; setcap -r) and "
			    "start it with the rights that it needs (setpriv --ambient-caps, "
			    "systemd's AmbientCapabilities=), or link it with " LIBRARY,
			    "%s %s: the dynamic linker drops LD_PRELOAD", path, rights);
	return rights != NULL;
}

struct program {
	char path[PATH_MAX]; /* of the file that is run: a script's interpreter */
	bool is_script;
	struct elf_file file;
	struct loader loader;
};

/* What a script starts inherits the library, whatever its interpreter is. */
static void
script_add(struct checkup *c, const struct program *program, const char *what)
{
	checkup_add(c, CHECK_WARN,
		    "name the program that it starts, or start it with RTE_VFIO_CDEV=require, "
		    "which refuses devices that the library does not get",
		    "%s is a script of %s, which is %s: this check cannot see what it starts",
		    c->options->app, program->path, what);
}

/* Does it call its own functions, whatever is preloaded? -errno if it cannot be read. */
static int
eal_is_closed(const struct host *host, const char *eal)
{
	struct elf_file file;
	char real[PATH_MAX];
	bool closed;
	int ret = host_path(host, real, "%s", eal);

	if (ret == 0)
		ret = elf_file_open(real, &file);
	if (ret < 0)
		return ret;
	closed = elf_file_is_symbolic(&file);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		closed |= !elf_file_imports(&file, hooks[i]);
	elf_file_close(&file);
	return closed;
}

/* What has DPDK in it, and calls its own: the program or one of its libraries; or NULL. */
static const char *
inside_find(const struct checkup *c, const struct program *program)
{
	const struct loader *loader = &program->loader;
	const char *path;

	if (elf_file_contains(&program->file, DRIVER_MARK))
		return program->path;
	for (int i = 1; i < loader->count; i++) {
		path = loader->objects[i].path;
		if (path != NULL && file_contains(c->host, path, DRIVER_MARK) &&
		    eal_is_closed(c->host, path) > 0)
			return path;
	}
	return NULL;
}

/* Nothing of DPDK is linked dynamically. */
static void
unlinked_add(struct checkup *c, const struct program *program)
{
	const char *inside = inside_find(c, program);

	if (inside != NULL)
		checkup_add(c, CHECK_FAIL, "link it with DPDK's shared libraries",
			    "DPDK is linked into %s statically, and does not call the library",
			    inside);
	else if (program->is_script)
		script_add(c, program, "not linked with DPDK");
	else if (program->file.interpreter == NULL)
		checkup_add(c, CHECK_FAIL, "link it dynamically",
			    "%s is static: there is no dynamic linker to preload into it",
			    program->path);
	else
		checkup_add(c, CHECK_WARN,
			    "start it with RTE_VFIO_CDEV=require, which refuses "
			    "devices that the library does not get",
			    "%s is not linked with DPDK: if a plug-in brings it, this check cannot "
			    "find out whether it calls the library",
			    program->path);
}

/* The library would step aside (selfcheck.c), and leave devices to the EAL's own mode. */
static void
own_cdev_add(struct checkup *c, const struct loader_object *eal, const char *release)
{
	const char *policy = getenv("RTE_VFIO_CDEV");
	const bool required = c->options->require ||
		(policy != NULL && strcmp(policy, "require") == 0);

	checkup_add(c, required ? CHECK_FAIL : CHECK_WARN,
		    required ? "use DPDK 22.11 to 26.07, or start it without the library" :
			       "use DPDK 22.11 to 26.07; RTE_VFIO_CDEV=require refuses this one",
		    "the program is linked with %s (%s), which has a cdev mode of its own: it pins "
		    "no memory before its address is known, compares no address with the "
		    "kernel's, and binds without the VF token if the kernel refuses it; the "
		    "library steps aside",
		    release, eal->path);
}

static void
eal_add(struct checkup *c, const struct loader *loader, const struct loader_object *eal)
{
	const struct loader_object *library = loader_find(loader, LAUNCH_LIBRARY);
	const unsigned int abi = abi_parse(eal->name);
	int closed = eal_is_closed(c->host, eal->path);
	enum check_verdict verdict;
	struct text release = { 0 };
	const char *cure;

	if (closed < 0) {
		checkup_add(c, CHECK_FAIL, "install DPDK anew", "cannot read %s: %s", eal->path,
			    strerror(-closed));
		return;
	}
	release_add(c->host, eal->path, abi, &release);
	verdict = release_judge(c->host, eal->path, abi, &cure);
	if (file_contains(c->host, eal->path, OWN_CDEV_MARK))
		own_cdev_add(c, eal, release.buf);
	else if (closed != 0)
		checkup_add(c, CHECK_FAIL,
			    "use a librte_eal that is built without "
			    "-Bsymbolic-functions (and -Bsymbolic)",
			    "%s calls its own %s(): memory would not be pinned", eal->path,
			    hooks[0]);
	else if (library != NULL && library > eal)
		checkup_add(c, CHECK_WARN, "link it before DPDK, or preload it",
			    "the program is linked with " LIBRARY " behind librte_eal, which "
			    "calls it only where it is preloaded");
	else
		checkup_add(c, verdict, cure,
			    "the program is linked with %s (%s), which calls the library%s",
			    release.buf, eal->path,
			    library != NULL ? "" : " when that is preloaded");
}

/* A library without which the program does not start; this one comes with LD_PRELOAD. */
static bool
missing_add(struct checkup *c, const struct loader *loader)
{
	const struct loader_object *object;

	for (int i = 1; i < loader->count; i++) {
		object = &loader->objects[i];
		if (strcmp(object->name, LAUNCH_LIBRARY) == 0)
			continue;
		if (object->path == NULL) {
			checkup_add(c, CHECK_FAIL,
				    strncmp(object->name, "librte_", strlen("librte_")) == 0 ?
					    "install that release of DPDK, or set LD_LIBRARY_PATH" :
					    "install it, or set LD_LIBRARY_PATH",
				    "%s needs %s, which is not found",
				    loader->objects[object->parent].path, object->name);
			return true;
		}
		if (object->err < 0) {
			checkup_add(c, CHECK_FAIL, "install it anew", "cannot read %s: %s",
				    object->path, strerror(-object->err));
			return true;
		}
	}
	return false;
}

/* A linker that does not work as glibc's: what it finds is not known. */
static void
interpreter_add(struct checkup *c, const struct program *program, int err)
{
	if (err == -ENOTSUP)
		checkup_add(c, CHECK_WARN,
			    "start it with RTE_VFIO_CDEV=require, which refuses "
			    "devices that the library does not get",
			    "the dynamic linker of %s is %s, which is none of glibc as this check "
			    "knows it: which DPDK it finds, and whether it preloads the library, "
			    "is not known",
			    program->path, program->file.interpreter);
	else
		checkup_add(c, CHECK_FAIL, "install it, or give the path of another program",
			    "the dynamic linker of %s, %s, cannot be used: %s", program->path,
			    program->file.interpreter, strerror(-err));
}

static void
program_add(struct checkup *c, struct program *program)
{
	const struct loader_object *eal;
	int ret;

	if (rights_add(c, program->path))
		return;
	ret = loader_open(c->host, program->path, &program->loader);
	eal = loader_find(&program->loader, EAL);
	if (ret < 0)
		interpreter_add(c, program, ret);
	else if (!missing_add(c, &program->loader)) {
		if (eal != NULL)
			eal_add(c, &program->loader, eal);
		else
			unlinked_add(c, program);
	}
	loader_close(&program->loader);
}

/* A file that the kernel cannot run as one of this machine's programs. */
static void
kind_add(struct checkup *c, const struct program *program)
{
	const enum elf_file_kind kind = program->file.kind;

	if (program->is_script)
		script_add(c, program, "no 64-bit program of this machine");
	else if (kind == ELF_FILE_NONE)
		checkup_add(c, CHECK_FAIL, "give the path of a program",
			    "%s is no program that the kernel can run", program->path);
	else
		checkup_add(c, CHECK_FAIL, "use the build for this machine, of 64 bits",
			    "%s is %s: the library cannot be loaded into it", program->path,
			    kind == ELF_FILE_32_BIT ? "a 32-bit program" :
						      "a program for another processor");
}

/* Why no program can be found that is run. */
static void
unresolved_add(struct checkup *c, const char *path, int err)
{
	const char *app = c->options->app;

	if (err == -ENOEXEC)
		checkup_add(c, CHECK_WARN, "name the program that it starts",
			    "%s is neither a program nor a script that names its interpreter "
			    "(#!): this check cannot see what a shell would make of it",
			    app);
	else if (err == -EINVAL)
		checkup_add(c, CHECK_WARN, "name the program that it starts",
			    "%s is a script of env with options that this check does not know",
			    app);
	else
		checkup_add(c, CHECK_FAIL, "correct its first line, or install what that names",
			    "%s is a script of %s: %s", app, path, strerror(-err));
}

void
check_app(struct checkup *c)
{
	struct program program = { .is_script = false };
	char real[PATH_MAX], found[PATH_MAX];
	int ret;

	if (c->options->app == NULL)
		return;
	ret = launch_find_program(c->host, c->options->app, found, sizeof(found));
	if (ret < 0) {
		checkup_add(c, CHECK_FAIL, "give the path of a program", "cannot read %s: %s",
			    c->options->app, strerror(-ret));
		return;
	}
	strcpy(program.path, found);
	ret = script_resolve(c->host, program.path);
	if (ret < 0) {
		unresolved_add(c, program.path, ret);
		return;
	}
	program.is_script = strcmp(program.path, found) != 0;
	ret = host_path(c->host, real, "%s", program.path);
	if (ret == 0)
		ret = elf_file_open(real, &program.file);
	if (ret == -ENOEXEC)
		kind_add(c, &program);
	else if (ret < 0)
		checkup_add(c, CHECK_FAIL, "give the path of a program", "cannot read %s: %s",
			    program.path, strerror(-ret));
	else
		program_add(c, &program);
	if (ret == 0)
		elf_file_close(&program.file);
}
