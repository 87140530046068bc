/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One run: the options, and what was found on the machine.
 *
 *	run --- options (as given)
 *	 |  --- host, devices (what there is)
 *	 |  --- placement (where programs run and have their memory)
 *	 |  --- progress (what is being done)
 *	 v
 *	report --- result
 *
 * Everything belongs to main(). A phase owns the programs that it starts and frees
 * them on each of its ways out; nothing is global but the stop signal.
 */

#ifndef APP_TEST_RUN_STATE_H
#define APP_TEST_RUN_STATE_H

#include <limits.h>
#include <stdbool.h>

#include "host.h"
#include "numa_place.h"
#include "progress.h"
#include "report.h"

#define OPTIONS_PHASES 32 /* at most */

struct options {
	char *devices; /* addresses with commas between; NULL: all */
	const char *testpmd;
	const char *library;   /* the backend that is preloaded */
	const char *json;      /* file, or NULL */
	const char *junit;     /* file, or NULL */
	unsigned int duration; /* seconds that packets flow in each way of a phase */
	unsigned int restarts; /* of the phase of that name */
	bool keep_going;
	bool compare;
	bool list_phases;
	bool chosen[OPTIONS_PHASES]; /* by the position in phases[] */
};

/* Of memory that io_uring pins. */
#define RUN_PIN_ONLY "pinned by io_uring, addresses from pagemap, not confirmed by an IOAS"

struct run {
	const struct options *options;
	char library[PATH_MAX]; /* of the options, absolute */
	struct host host;
	struct rte_vfio_cdev_info *devices;
	unsigned int count; /* of devices; a program's ports have their order */
	bool pin_only;	    /* none of them has a cdev: io_uring pins the memory */
	struct placement placement;
	struct progress progress;
	char runtime[64];	/* directory of our own for the programs' sockets */
	int lock;		/* on it, as long as the run goes on; -1: none */
	unsigned int leftovers; /* of earlier runs, that were removed */
	char dpdk[64];		/* release, once a program has reported it; or "" */
};

#endif /* APP_TEST_RUN_STATE_H */
