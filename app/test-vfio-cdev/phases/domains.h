/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The domains of a program that have devices (/vfio_cdev/domains): one of those without an
 * IOMMU, one of those with. Each has all of the EAL's memory, pinned for itself: the kernel
 * counts a page twice where there are two (VmPin; drivers/iommu/iommufd/pages.c,
 * do_update_pinned(), for each map). Of devices without a cdev there is one that io_uring
 * pins, which has no devices; VmPin says nothing of it, for a process with CAP_IPC_LOCK has
 * 0 there since Linux 7.3 (io_uring/rsrc.c).
 */

#ifndef APP_TEST_DOMAINS_H
#define APP_TEST_DOMAINS_H

#include "proc_memory.h"
#include "program.h"

#define DOMAINS 8
#define DOMAIN_NAME 40

struct domain {
	char name[DOMAIN_NAME];
	bool noiommu;
	bool pin_only;	/* of memory that io_uring pins, without a device of its own */
	uint64_t bytes; /* that it has pinned */
};

struct domains {
	struct domain list[DOMAINS];
	unsigned int count;
};

/* Add those of an answer. 0, -EBADMSG, -EMSGSIZE. */
int
domains_parse(const json_t *answer, struct domains *domains);

/* VERDICT_FAIL if there is none. */
enum verdict
domains_read(struct program *program, struct domains *domains, struct result *result);

/* Are all hugepages pinned in each domain, by the library's count and by the kernel's? */
enum verdict
domains_verdict(const struct domains *domains, const struct proc_memory *memory,
		struct result *result);

/* The same of a program now; all hugepages of a DPDK program are the EAL's. */
enum verdict
domains_check_pins(struct program *program, struct proc_memory *memory, struct result *result);

#endif /* APP_TEST_DOMAINS_H */
