/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The EAL's calls of its own functions, through the backend in front of them. Apart
 * from fake_eal.c, where a compiler may bind them directly.
 */

#include <linux/mempolicy.h>

#include <rte_fbarray.h>
#include <rte_memory.h>

#include "fake_eal.h"

int
rte_eal_using_phys_addrs(void)
{
	return rte_mem_virt2phy(fake_eal()) != RTE_BAD_PHYS_ADDR;
}

rte_iova_t
fake_eal_ask(const void *virt)
{
	return rte_mem_virt2iova(virt);
}

long
get_mempolicy(int *mode, unsigned long *nodemask, unsigned long maxnode, const void *addr,
	      unsigned int flags);

int
fake_eal_node(const void *page)
{
	int node = -1;

	get_mempolicy(&node, NULL, 0, page, MPOL_F_NODE | MPOL_F_ADDR);
	return node;
}

void
fake_eal_drop(void *addr)
{
	struct rte_memseg_list *msl = rte_mem_virt2memseg_list(addr);

	rte_fbarray_set_free(&msl->memseg_arr,
			     ((char *)addr - (char *)msl->base_va) / msl->page_sz);
}
