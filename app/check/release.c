/* SPDX-License-Identifier: BSD-3-Clause */

/* DPDK's shared libraries, as they are installed, or as a program brings them. */

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "check_private.h"
#include "front.h"
#include "launch.h"
#include "loader.h"
#include "script.h"

/* ABI 23 is that of 22.11 (DPDK's ABI_VERSION). The last one that was tried is 25.11's. */
#define FIRST_ABI 23
#define LAST_ABI 26

/* Of librte_eal from 26.11 on (doc/dpdk-26.11.rst). */
#define OWN_CDEV_CURE \
	"use DPDK 22.11 to 26.07: 26.11 and later have a cdev mode of their own, and do not " \
	"call the library"

unsigned int
release_abi(const char *name)
{
	unsigned int abi;
	char end;

	return sscanf(name, FRONT_DPDK "%u%c", &abi, &end) == 1 && abi < 1000 ? abi : 0;
}

/* The release: the file that the name links to has the minor ABI (librte_eal.so.23.1). */
void
release_add(const struct host *host, const char *path, unsigned int abi, struct text *text)
{
	static const char *const later[] = { "11", "03", "07" };
	unsigned int major, minor;
	char target[64];

	if (host_link(host, target, sizeof(target), "%s", path) > 0 &&
	    sscanf(target, FRONT_DPDK "%u.%u", &major, &minor) == 2 && major == abi && minor < 3)
		text_add(text, "DPDK %u.%s", minor == 0 ? abi - 1 : abi, later[minor]);
	else
		text_add(text, "DPDK %u.11", abi - 1);
}

enum check_verdict
release_judge(const struct host *host, const char *path, unsigned int abi, const char **cure)
{
	*cure = NULL;
	if (abi < FIRST_ABI) {
		*cure = "use DPDK 22.11 or later";
		return CHECK_FAIL;
	}
	if (front_eal_has_own_mode(host, path))
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
	const char *const *plugin;
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
	for (plugin = c->options->plugins; plugin != NULL && *plugin != NULL; plugin++)
		loader_add(&loader, *plugin);
	eal = loader_find(&loader, FRONT_DPDK);
	found = eal != NULL && eal->path != NULL;
	if (found) {
		abi = release_abi(eal->name);
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
		snprintf(path, sizeof(path), FRONT_DPDK "%u", abi);
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
			    "the dynamic linker finds no " FRONT_DPDK "*");
}

/* What is installed does not matter to a program that has another one in it, or uses none. */
static bool
brings_other(const struct checkup *c)
{
	char path[PATH_MAX];

	return c->options->app != NULL && c->options->front != FRONT_EAL &&
		launch_find_program(c->host, c->options->app, path, sizeof(path)) == 0 &&
		front_find(c->host, path, c->options->plugins) == FRONT_LIBC;
}

void
check_dpdk(struct checkup *c)
{
	struct loader loader;

	if (own_add(c) || brings_other(c))
		return;
	loader_open(c->host, NULL, &loader);
	installed_add(c, &loader);
	loader_close(&loader);
}
