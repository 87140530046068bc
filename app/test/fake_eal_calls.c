/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the EAL calls of its own functions, through whatever stands in front of
 * them. Apart from fake_eal.c, where a compiler may know better where they lead.
 */

#include <rte_fbarray.h>
#include <rte_memory.h>

#include "fake_eal.h"

rte_iova_t
fake_eal_ask(const void *virt)
{
	return rte_mem_virt2iova(virt);
}

void
fake_eal_drop(void *addr)
{
	struct rte_memseg_list *msl = rte_mem_virt2memseg_list(addr);

	rte_fbarray_set_free(&msl->memseg_arr,
			     ((char *)addr - (char *)msl->base_va) / msl->page_sz);
}
