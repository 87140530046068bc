/* SPDX-License-Identifier: BSD-3-Clause */

/* Whether a front of the library would be in a program, and could be called. */

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
#include "front.h"
#include "launch.h"
#include "loader.h"
#include "script.h"

#define LIBRARY "librte_bus_vfio_cdev.so" /* as users call it */

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

/* What a plug-in brings; false if it cannot be loaded. */
static bool
plugin_add(struct checkup *c, struct loader *loader, const char *plugin)
{
	struct elf_file file;
	char real[PATH_MAX];
	int ret = host_path(c->host, real, "%s", plugin);

	if (ret == 0)
		ret = elf_file_open(real, &file);
	if (ret == 0) {
		elf_file_close(&file);
		ret = loader_add(loader, plugin);
	}
	if (ret < 0)
		checkup_add(c, CHECK_FAIL, "give the path of a plug-in of the program",
			    "the plug-in %s cannot be loaded: %s", plugin, strerror(-ret));
	return ret == 0;
}

static bool
plugins_add(struct checkup *c, struct loader *loader)
{
	const char *const *plugin = c->options->plugins;

	while (plugin != NULL && *plugin != NULL && plugin_add(c, loader, *plugin))
		plugin++;
	return plugin == NULL || *plugin == NULL;
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

/* A script may start anything: what its interpreter is not says nothing. */
static void
choice_add(struct checkup *c, const struct program *program)
{
	struct front_choice choice;

	front_choose(&program->loader, &choice);
	if (program->is_script &&
	    (choice.reason == FRONT_UNKNOWN || choice.reason >= FRONT_NO_LINKER))
		script_add(c, program, "not linked with DPDK");
	else
		program_front_add(c, &program->loader, &choice);
}

static void
program_add(struct checkup *c, struct program *program)
{
	int ret;

	if (rights_add(c, program->path))
		return;
	ret = loader_open(c->host, program->path, &program->loader);
	if (ret < 0)
		interpreter_add(c, program, ret);
	else if (plugins_add(c, &program->loader) && !missing_add(c, &program->loader))
		choice_add(c, program);
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
