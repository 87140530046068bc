/* SPDX-License-Identifier: BSD-3-Clause */

/* What the EAL's options of a program tell the checks. */

#ifndef EAL_ARGS_H
#define EAL_ARGS_H

#include <stdbool.h>

#include "host.h"

struct eal_args {
	char (*addrs)[RTE_VFIO_CDEV_ADDR_LEN];
	const char **devices; /* of PCI that it may use, NULL-terminated; none: all */
	const char **blocked; /* that it may not use, NULL-terminated */
	unsigned int n_devices, n_blocked;
	bool no_devices; /* it may use none of PCI, as it starts */
	bool no_pci;	 /* nor later */
	bool no_huge;	 /* it uses no hugepages */
	bool joins;	 /* it is, or may be, a secondary */
};

/*
 * Read a program's name and the words behind it, NULL-terminated, up to the "--" that
 * ends the EAL's. Returns 0, or prints what is wrong and returns CMD_TROUBLE;
 * eal_args_free() it either way.
 */
int
eal_args_read(const struct host *host, char *const *words, struct eal_args *args);

void
eal_args_free(struct eal_args *args);

#endif /* EAL_ARGS_H */
