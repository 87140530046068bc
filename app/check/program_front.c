/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What is reported of a program by the front that it needs, and the one that it gets. The EAL
 * front finds out for itself too, once it runs: drivers/bus/vfio_cdev/selfcheck.c.
 */

#include <stdlib.h>
#include <string.h>

#include "check_private.h"
#include "front.h"
#include "launch.h"
#include "loader.h"

#define EAL_FRONT "librte_bus_vfio_cdev.so" /* as users call it */
#define LIBC_FRONT "the C library front (libvfio_cdev_compat.so)"
#define RUN_TAKES "\"dpdk-vfio-cdev run\" preloads " LIBC_FRONT
#define NEEDS_LIBC \
	"start it with \"dpdk-vfio-cdev run\" without --front and --library, which preloads " \
	"libvfio_cdev_compat.so instead of " EAL_FRONT "; do not link it with " EAL_FRONT

struct judged {
	struct checkup *c;
	const struct loader *loader;
	const struct front_choice *choice;
	const char *path; /* of what shows it */
	bool by_libc;	  /* it gets the C library front */
};

/* A plug-in brings what is behind the program's own objects. */
static const char *
owner_of(const struct judged *j)
{
	return j->choice->object - j->loader->objects >= j->loader->n_own ? "a plug-in" :
									    "the program";
}

static void
unknown_add(const struct judged *j)
{
	checkup_add(j->c, CHECK_WARN,
		    "name the plug-in with --app-plugin; or start it with RTE_VFIO_CDEV=require, "
		    "which refuses devices that the library does not get",
		    "%s is not linked with DPDK: if a plug-in brings it, this check cannot find "
		    "out whether it calls the library",
		    j->loader->objects[0].path);
}

static void
shared_add(const struct judged *j)
{
	const struct loader_object *library = loader_find(j->loader, LAUNCH_LIBRARY);
	const unsigned int abi = release_abi(j->choice->object->name);
	struct text release = { 0 };
	enum check_verdict verdict;
	const char *cure;

	release_add(j->c->host, j->path, abi, &release);
	verdict = release_judge(j->c->host, j->path, abi, &cure);
	if (j->by_libc)
		checkup_add(j->c, CHECK_PASS, NULL,
			    "%s is linked with %s (%s), whose calls of the C library " LIBC_FRONT
			    " answers",
			    owner_of(j), release.buf, j->path);
	else if (library != NULL && library > j->choice->object)
		checkup_add(j->c, CHECK_WARN, "link it before DPDK, or preload it",
			    "the program is linked with " EAL_FRONT " behind librte_eal, which "
			    "calls it only where it is preloaded");
	else
		checkup_add(j->c, verdict, cure,
			    "%s is linked with %s (%s), which calls the library%s: the EAL front "
			    "(" EAL_FRONT ")",
			    owner_of(j), release.buf, j->path,
			    library != NULL ? "" : " when that is preloaded");
}

static void
closed_add(const struct judged *j)
{
	if (j->by_libc)
		checkup_add(j->c, CHECK_PASS, NULL,
			    "%s calls its own functions of memory and of VFIO: " RUN_TAKES,
			    j->path);
	else
		checkup_add(j->c, CHECK_FAIL, NEEDS_LIBC,
			    "%s calls its own rte_mem_virt2iova(): memory would not be pinned",
			    j->path);
}

#define OWN_MODE "%s is linked with %s (%s), which has a cdev mode of its own: "
#define OWN_CDEV_CURE "use DPDK 22.11 to 26.07"

/*
 * The EAL front would step aside (selfcheck.c), and leave devices to the EAL's own mode. The
 * EAL prefers the group (doc/dpdk-26.11.rst), which the C library front answers.
 */
static void
own_mode_add(const struct judged *j)
{
	const char *policy = getenv("RTE_VFIO_CDEV");
	const bool required = j->c->options->require ||
		(policy != NULL && strcmp(policy, "require") == 0);
	const bool chosen = j->c->options->front == FRONT_LIBC;
	struct text release = { 0 };

	release_add(j->c->host, j->path, release_abi(j->choice->object->name), &release);
	if (j->by_libc)
		checkup_add(j->c, required && !chosen ? CHECK_FAIL : CHECK_WARN,
			    required ? OWN_CDEV_CURE "; --front libc starts it in spite of this" :
				       OWN_CDEV_CURE "; RTE_VFIO_CDEV=require refuses this one",
			    OWN_MODE "where it uses the group, as it does if it can, " LIBC_FRONT
				     " answers, which was not tried with a release of it; its own "
				     "mode passes by: no address is compared with the kernel's",
			    owner_of(j), release.buf, j->path);
	else
		checkup_add(j->c, required ? CHECK_FAIL : CHECK_WARN,
			    required ? OWN_CDEV_CURE ", or start it without the library" :
				       OWN_CDEV_CURE "; RTE_VFIO_CDEV=require refuses this one",
			    OWN_MODE "it pins no memory before its address is known, compares no "
				     "address with the kernel's, and binds without the VF token "
				     "if the kernel refuses it; the library steps aside",
			    owner_of(j), release.buf, j->path);
}

static void
inside_add(const struct judged *j)
{
	if (j->by_libc)
		checkup_add(j->c, CHECK_PASS, NULL, "DPDK is linked into %s statically: " RUN_TAKES,
			    j->path);
	else
		checkup_add(j->c, CHECK_FAIL, NEEDS_LIBC,
			    "DPDK is linked into %s statically, and does not call the library",
			    j->path);
}

static void
driver_add(const struct judged *j)
{
	if (j->by_libc)
		checkup_add(j->c, CHECK_PASS, NULL,
			    "%s uses VFIO or pagemap without DPDK: " RUN_TAKES, j->path);
	else
		checkup_add(j->c, CHECK_WARN, NEEDS_LIBC,
			    "%s uses VFIO or pagemap without DPDK, which the EAL front does not "
			    "reach",
			    j->path);
}

static void
static_add(const struct judged *j)
{
	checkup_add(j->c, CHECK_FAIL, "link it dynamically",
		    "%s is static: there is no dynamic linker to preload into it", j->path);
}

/* One that is chosen all the same may know better. */
static enum check_verdict
past_verdict(const struct judged *j)
{
	return j->c->options->front != FRONT_AUTO ? CHECK_WARN : CHECK_FAIL;
}

static void
syscalls_add(const struct judged *j)
{
	checkup_add(j->c, past_verdict(j),
		    "build it so that it calls the C library (rustix: the feature use-libc)",
		    "%s uses VFIO, and imports no open() or no ioctl() of the C library: it makes "
		    "its system calls itself, which pass by any library that is preloaded",
		    j->path);
}

static void
go_add(const struct judged *j)
{
	checkup_add(j->c, j->loader->rules.soname[0] == '\0' ? CHECK_FAIL : past_verdict(j),
		    "let it open the cdev itself, with librte_vfio_cdev and cgo for example",
		    "%s is written in Go, whose runtime makes its system calls itself, with cgo "
		    "too: they pass by any library that is preloaded",
		    j->path);
}

void
program_front_add(struct checkup *c, const struct loader *loader, const struct front_choice *choice)
{
	static void (*const adds[])(const struct judged *) = {
		[FRONT_UNKNOWN] = unknown_add,
		[FRONT_SHARED_DPDK] = shared_add,
		[FRONT_CLOSED_DPDK] = closed_add,
		[FRONT_OWN_CDEV_MODE] = own_mode_add,
		[FRONT_DPDK_INSIDE] = inside_add,
		[FRONT_OWN_DRIVER] = driver_add,
		[FRONT_NO_LINKER] = static_add,
		[FRONT_OWN_SYSCALLS] = syscalls_add,
		[FRONT_GO] = go_add,
	};
	const enum front front = c->options->front;
	const struct judged judged = {
		.c = c,
		.loader = loader,
		.choice = choice,
		.path = choice->object != NULL ? choice->object->path : NULL,
		.by_libc = (front != FRONT_AUTO ? front : choice->front) == FRONT_LIBC,
	};

	adds[choice->reason](&judged);
}
