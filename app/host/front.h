/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which front of the library a program needs, by what is in its file, its libraries and the
 * plug-ins that are named. Nothing is run.
 *
 *	EAL front        librte_bus_vfio_cdev.so replaces functions of a shared librte_eal
 *	C library front  libvfio_cdev_compat.so answers open(), ioctl() and read(), by which
 *	                 a DPDK that is inside, and drivers without DPDK, reach VFIO
 */

#ifndef APP_FRONT_H
#define APP_FRONT_H

#include <stdbool.h>

#include "loader.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The DPDK that is linked dynamically. */
#define FRONT_DPDK "librte_eal.so."

enum front {
	FRONT_AUTO, /* none is named, or known */
	FRONT_EAL,
	FRONT_LIBC,
};

enum front_reason {
	FRONT_UNKNOWN,	     /* nothing shows: FRONT_EAL, as it does no harm */
	FRONT_SHARED_DPDK,   /* librte_eal calls the library: FRONT_EAL */
	FRONT_CLOSED_DPDK,   /* librte_eal calls its own functions: FRONT_LIBC */
	FRONT_OWN_CDEV_MODE, /* librte_eal of 26.11 or later: FRONT_LIBC */
	FRONT_DPDK_INSIDE,   /* FRONT_LIBC */
	FRONT_OWN_DRIVER,    /* VFIO or pagemap without DPDK: FRONT_LIBC */
	/* From here on neither works. */
	FRONT_NO_LINKER,    /* a static program */
	FRONT_OWN_SYSCALLS, /* VFIO without the C library */
	FRONT_GO,	    /* likewise, by Go's runtime */
};

struct front_choice {
	enum front front; /* FRONT_AUTO: neither works */
	enum front_reason reason;
	const struct loader_object *object; /* that shows it, of the loader; or NULL */
};

/* Of a program with its libraries and plug-ins. */
void
front_choose(const struct loader *loader, struct front_choice *choice);

/*
 * The front for a program, or the interpreter of a script, and for plug-ins (NULL-terminated,
 * or NULL); FRONT_EAL where none can be known, or works.
 */
enum front
front_find(const struct host *host, const char *program, const char *const *plugins);

/* Has the program, or what it is linked with, a DPDK in it? */
bool
front_has_dpdk(const struct host *host, const char *program);

/* Does the librte_eal at this path call its own functions, whatever is preloaded? Or -errno. */
int
front_eal_is_closed(const struct host *host, const char *path);

/* Has it a cdev mode of its own (doc/dpdk-26.11.rst)? */
bool
front_eal_has_own_mode(const struct host *host, const char *path);

/* The front that a file is, by the last component of its path; FRONT_AUTO: of neither. */
enum front
front_by_name(const char *path);

/* The same, and by the SONAME of a file with another name. */
enum front
front_by_file(const char *path);

/* "eal", "libc" or "auto". */
const char *
front_name(enum front front);

#ifdef __cplusplus
}
#endif

#endif /* APP_FRONT_H */
