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
#include <sys/xattr.h>
#include <unistd.h>

#include "check_private.h"
#include "elf_file.h"
#include "loader.h"

#define EAL "librte_eal.so."
#define LIBRARY "librte_bus_vfio_cdev.so"
/* ABI 23 is that of 22.11 (DPDK's ABI_VERSION). The last one that was tried is 25.11's. */
#define FIRST_ABI 23
#define LAST_ABI 26

/* In every program that has a driver of DPDK in it (RTE_PMD_REGISTER_PCI()). */
#define DRIVER_MARK "PMD_INFO_STRING= "

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

static enum check_verdict
abi_judge(unsigned int abi, const char **cure)
{
	*cure = abi < FIRST_ABI ? "use DPDK 22.11 or later" :
				  "run dpdk-test-vfio-cdev before you rely on it";
	return abi < FIRST_ABI ? CHECK_FAIL : abi > LAST_ABI ? CHECK_WARN : CHECK_PASS;
}

void
check_dpdk(struct checkup *c)
{
	struct text text = { 0 };
	enum check_verdict verdict = CHECK_FAIL, one;
	const char *cure = NULL, *advice;
	char path[PATH_MAX];

	for (unsigned int abi = FIRST_ABI - 3; abi <= LAST_ABI + 3; abi++) {
		snprintf(path, sizeof(path), EAL "%u", abi);
		if (loader_find(c->host, NULL, path, path) < 0)
			continue;
		text_list(&text, "%s", "");
		release_add(c->host, path, abi, &text);
		text_add(&text, " (%s)", path);
		one = abi_judge(abi, &advice);
		if (one < verdict || cure == NULL) {
			verdict = one;
			cure = advice;
		}
	}
	if (text.len > 0)
		checkup_add(c, verdict, verdict != CHECK_PASS ? cure : NULL, "found %s", text.buf);
	else if (c->options->app == NULL)
		checkup_add(c, CHECK_WARN,
			    "apt-get install dpdk, or name the program that brings "
			    "its own with --app",
			    "the dynamic linker finds no " EAL "*");
}

/* As execvp() finds it. */
static int
program_find(const struct host *host, const char *name, char path[PATH_MAX])
{
	const char *dirs = getenv("PATH"), *end;

	if (strchr(name, '/') != NULL || dirs == NULL) {
		snprintf(path, PATH_MAX, "%s", name);
		return host_access(host, F_OK, "%s", path);
	}
	for (;; dirs = end + 1) {
		end = strchrnul(dirs, ':');
		snprintf(path, PATH_MAX, "%.*s/%s", (int)(end - dirs), dirs, name);
		if (host_access(host, X_OK, "%s", path) == 0)
			return 0;
		if (*end == '\0')
			return -ENOENT;
	}
}

/*
 * The dynamic linker drops LD_PRELOAD where the process gets rights from the file
 * (AT_SECURE). For this user, who need not be the one that runs it.
 */
static bool
rights_add(struct checkup *c, const char *path)
{
	static const char
		cure[] = "take the bit or the capabilities away (chmod u-s,g-s; setcap "
			 "-r) and start it with the rights that it needs, or link it with " LIBRARY;
	char real[PATH_MAX];
	struct stat st;

	if (host_path(c->host, real, "%s", path) < 0 || stat(real, &st) < 0)
		return false;
	if (((st.st_mode & S_ISUID) != 0 && st.st_uid != getuid()) ||
	    ((st.st_mode & S_ISGID) != 0 && st.st_gid != getgid())) {
		checkup_add(c, CHECK_FAIL, cure,
			    "%s is setuid or setgid: the dynamic linker "
			    "drops LD_PRELOAD",
			    path);
		return true;
	}
	if (getxattr(real, "security.capability", NULL, 0) > 0 && getuid() != 0) {
		checkup_add(c, CHECK_FAIL, cure,
			    "%s has file capabilities: the dynamic linker "
			    "drops LD_PRELOAD",
			    path);
		return true;
	}
	return false;
}

struct links {
	char eal[64];	    /* "librte_eal.so.23"; "" if nothing of DPDK is linked */
	bool has_library;   /* linked with the library */
	bool library_first; /* before librte_eal */
};

/* Each part of DPDK has the ABI of the EAL in its name. */
static void
links_read(const struct elf_file *file, struct links *links)
{
	const char *name, *so;
	size_t index = 0;

	*links = (struct links){ 0 };
	while ((name = elf_file_text(file, DT_NEEDED, &index)) != NULL) {
		if (strcmp(name, LIBRARY) == 0) {
			links->has_library = true;
			links->library_first = links->eal[0] == '\0';
			continue;
		}
		so = strstr(name, ".so.");
		if (strncmp(name, "librte_", strlen("librte_")) == 0 && so != NULL &&
		    strcmp(name, "librte_vfio_cdev.so.0") != 0 && links->eal[0] == '\0')
			snprintf(links->eal, sizeof(links->eal), EAL "%.16s", so + strlen(".so."));
	}
}

/* Nothing of DPDK is linked dynamically. */
static void
unlinked_add(struct checkup *c, const struct elf_file *file, const char *path)
{
	if (elf_file_contains(file, DRIVER_MARK))
		checkup_add(c, CHECK_FAIL, "link it with DPDK's shared libraries",
			    "DPDK is linked into %s statically, and does not call the library",
			    path);
	else if (!file->has_interpreter)
		checkup_add(c, CHECK_FAIL, "link it dynamically",
			    "%s is static: there is no dynamic linker to preload into it", path);
	else
		checkup_add(c, CHECK_WARN,
			    "start it with RTE_VFIO_CDEV=require, which refuses "
			    "devices that the library does not get",
			    "%s is not linked with DPDK: if a plug-in brings it, this check cannot "
			    "find out whether it calls the library",
			    path);
}

static void
eal_add(struct checkup *c, const struct links *links, const char *eal)
{
	struct text release = { 0 };
	unsigned int abi = abi_parse(links->eal);
	struct elf_file file;
	const char *cure;
	char real[PATH_MAX];
	bool own;
	int ret;

	ret = host_path(c->host, real, "%s", eal);
	if (ret == 0)
		ret = elf_file_open(real, &file);
	if (ret < 0) {
		checkup_add(c, CHECK_FAIL, "install DPDK anew", "cannot read %s: %s", eal,
			    strerror(-ret));
		return;
	}
	own = elf_file_is_symbolic(&file);
	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		own |= !elf_file_imports(&file, hooks[i]);
	elf_file_close(&file);
	release_add(c->host, eal, abi, &release);
	if (own)
		checkup_add(c, CHECK_FAIL,
			    "use a librte_eal that is built without "
			    "-Bsymbolic-functions (and -Bsymbolic)",
			    "%s calls its own %s(): memory would not be pinned", eal, hooks[0]);
	else if (links->has_library && !links->library_first)
		checkup_add(c, CHECK_WARN, "link it before DPDK, or preload it",
			    "the program is linked with " LIBRARY " behind librte_eal, which "
			    "calls it only where it is preloaded");
	else
		checkup_add(c, abi_judge(abi, &cure),
			    abi_judge(abi, &cure) != CHECK_PASS ? cure : NULL,
			    "the program is linked with %s (%s), which calls the library%s",
			    release.buf, eal, links->has_library ? "" : " when that is preloaded");
}

void
check_app(struct checkup *c)
{
	char path[PATH_MAX], real[PATH_MAX], eal[PATH_MAX];
	struct elf_file file;
	struct links links;
	int ret;

	if (c->options->app == NULL)
		return;
	ret = program_find(c->host, c->options->app, path);
	if (ret == 0)
		ret = host_path(c->host, real, "%s", path);
	if (ret == 0)
		ret = elf_file_open(real, &file);
	if (ret == -ENOEXEC) {
		checkup_add(c, CHECK_WARN, "name the program that it starts",
			    "%s is not a 64-bit program but perhaps a script", path);
		return;
	}
	if (ret < 0) {
		checkup_add(c, CHECK_FAIL, "give the path of a program", "cannot read %s: %s",
			    c->options->app, strerror(-ret));
		return;
	}
	links_read(&file, &links);
	if (!rights_add(c, path)) {
		if (links.eal[0] == '\0')
			unlinked_add(c, &file, path);
		else if (loader_find(c->host, real, links.eal, eal) < 0)
			checkup_add(c, CHECK_FAIL,
				    "install that release of DPDK, or set "
				    "LD_LIBRARY_PATH",
				    "%s needs %s, which is not found", path, links.eal);
		else
			eal_add(c, &links, eal);
	}
	elf_file_close(&file);
}
