/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Preloaded after the backend: an EAL that is told wrong physical addresses,
 * as it would be if a page moved after it was asked for.
 *
 * LIE=shift	every address is one hugepage too high
 * LIE=repeat	every page has the address of the first
 */

#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <rte_memory.h>

#define HUGEPAGE (UINT64_C(2) << 20)

phys_addr_t
rte_mem_virt2phy(const void *virt)
{
	static phys_addr_t first;
	const char *lie = getenv("LIE");
	phys_addr_t (*stock)(const void *);
	phys_addr_t phys;

	*(void **)&stock = dlsym(RTLD_NEXT, "rte_mem_virt2phy");
	phys = stock(virt);
	/* The EAL first asks for its own stack, to see whether it can ask at all. */
	if (lie == NULL || phys == RTE_BAD_PHYS_ADDR || phys % HUGEPAGE != 0)
		return phys;
	if (first == 0)
		first = phys;
	return strcmp(lie, "shift") == 0 ? phys + HUGEPAGE : first;
}
