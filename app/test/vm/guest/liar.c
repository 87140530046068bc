/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Preloaded after the backend: gives the EAL wrong physical addresses, as it
 * would get if a page moved after the request.
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
	/* The EAL first requests an address of its stack, to see whether there are any. */
	if (lie == NULL || phys == RTE_BAD_PHYS_ADDR || phys % HUGEPAGE != 0)
		return phys;
	if (first == 0)
		first = phys;
	return strcmp(lie, "shift") == 0 ? phys + HUGEPAGE : first;
}
