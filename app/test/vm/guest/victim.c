/* SPDX-License-Identifier: BSD-3-Clause */

/* victim [EAL OPTION...]: a process that has started the EAL, and waits to be killed. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_service_component.h>

int
main(int argc, char **argv)
{
	if (rte_eal_init(argc, argv) < 0)
		return EXIT_FAILURE;
	/* All that the EAL of a secondary leaves in the heap that it shares, when it is killed. */
	rte_service_finalize();
	printf("ready\n");
	fflush(stdout);
	pause();
	return EXIT_SUCCESS;
}
