/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * One run: what the command line asked for and what was found on the machine.
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

#ifndef APP_TEST_RUN_H
#define APP_TEST_RUN_H

#include <stdbool.h>

#include "host.h"
#include "numa_place.h"
#include "options.h"
#include "progress.h"
#include "report.h"

struct run {
	const struct options *options;
	struct host host;
	struct rte_vfio_cdev_info *devices;
	unsigned int count;		/* of devices; a program's ports have their order */
	struct placement placement;
	struct progress progress;
	char runtime[64];		/* directory of our own for the programs' sockets */
	char dpdk[64];			/* release, once a program has told it; or "" */
};

/*
 * Find the devices, place the programs, make the directory. On an error the
 * result says why; run_close() either way.
 */
enum verdict
run_open(struct run *run, const struct options *options, struct result *result);

/* Run the chosen phases, each to its result; fills the report. */
void
run_phases(struct run *run, struct report *report);

void
run_close(struct run *run);

#endif /* APP_TEST_RUN_H */
