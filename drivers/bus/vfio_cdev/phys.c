/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Physical addresses without pagemap, and without a moment in which a page that
 * has one could move. The EAL asks for the address of each page it is about to
 * add (eal_memalloc.c, alloc_seg); the page is pinned before it is told. What
 * the EAL then gives up without an event it takes out of the memseg list's
 * array first, which is where it is unpinned.
 */

#include <errno.h>
#include <string.h>

#include <linux/mempolicy.h>

#include "private.h"

/*
 * The EAL drops a page of another node right after it has asked for its address,
 * without an event. Asked in its own way, of a page that is pinned already: what
 * one of both finds is what the other does. An EAL without libnuma does not ask.
 */
static bool
page_is_kept(const void *page, int socket)
{
	int node = socket;

	if (eal_api()->get_mempolicy == NULL ||
	    eal_api()->get_mempolicy(&node, NULL, 0, page, MPOL_F_NODE | MPOL_F_ADDR) != 0)
		return true;
	return node == socket;
}

static void
unavailable_report(void)
{
	if (backend.unavailable_told)
		return;
	backend.unavailable_told = true;
	bus_log(RTE_VFIO_CDEV_LOG_ERR,
		"no physical addresses: pagemap is not used or cannot be read (CAP_SYS_ADMIN), and "
		"no device that the EAL may use can tell them; bind one without an IOMMU to "
		"vfio-pci, allow it (-a) and give the process CAP_SYS_RAWIO and /dev/iommu");
}

/* Of any page: known when asked, nothing keeps it there. */
static phys_addr_t
phys_transient(const void *virt)
{
	phys_addr_t phys = RTE_BAD_PHYS_ADDR;

	if (phys_get() != PHYS_IOAS)
		phys = eal_api()->virt2phy(virt);
	if (phys != RTE_BAD_PHYS_ADDR || phys_get() == PHYS_PAGEMAP)
		return phys;
	if (!domain_prime())
		unavailable_report();
	else if (rte_vfio_cdev_domain_phys(backend.domains[NOIOMMU], virt, &phys) < 0)
		phys = RTE_BAD_PHYS_ADDR;
	return phys;
}

/* Where pagemap says it is; the IOAS must agree once the page is pinned. */
static int
page_pin_by_pagemap(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t size,
		    uint64_t *phys)
{
	*phys = eal_api()->virt2phy(page);
	if (*phys == RTE_BAD_PHYS_ADDR)
		return -EPERM;
	if (rte_vfio_cdev_domain_lookup(domain, page, *phys, size) == 0)
		return 0;
	return rte_vfio_cdev_domain_map(domain, page, *phys, size, size);
}

static int
page_pin(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t size, uint64_t *phys)
{
	if (phys_get() == PHYS_PAGEMAP)
		return page_pin_by_pagemap(domain, page, size, phys);
	return rte_vfio_cdev_domain_pin_page(domain, page, size, size, phys);
}

/* Of a page that the EAL is about to add to a list. */
static phys_addr_t
phys_of_new(const struct rte_memseg_list *msl, const void *virt)
{
	const void *page = RTE_PTR_ALIGN_FLOOR(virt, msl->page_sz);
	uint64_t phys;

	if (!domain_prime())
		return phys_transient(virt);
	if (page_pin(backend.domains[NOIOMMU], page, msl->page_sz, &phys) < 0)
		return RTE_BAD_PHYS_ADDR;
	if (!page_is_kept(page, msl->socket_id)) {
		rte_vfio_cdev_domain_unmap(backend.domains[NOIOMMU], page, phys, msl->page_sz);
		return RTE_BAD_PHYS_ADDR;
	}
	return phys + RTE_PTR_DIFF(virt, page);
}

/*
 * Of memory that is not the EAL's. Whoever asks may give it to a device by this
 * address: after mapping it, or after handing it to the EAL as external memory.
 */
static phys_addr_t
phys_of_foreign(const void *virt)
{
	uint64_t phys;

	if (!domain_prime())
		return phys_transient(virt);
	if (rte_vfio_cdev_domain_hold(backend.domains[NOIOMMU], virt, &phys) < 0)
		return RTE_BAD_PHYS_ADDR;
	if (phys_get() == PHYS_PAGEMAP && eal_api()->virt2phy(virt) != phys)
		return RTE_BAD_PHYS_ADDR;
	return phys;
}

static phys_addr_t
phys_ask(const struct rte_memseg_list *msl, const void *virt)
{
	if (eal_api()->iova_mode() != RTE_IOVA_PA)
		return phys_transient(virt);
	return msl != NULL && !msl->external ? phys_of_new(msl, virt) : phys_of_foreign(virt);
}

phys_addr_t
phys_of(const void *virt)
{
	const struct rte_memseg_list *msl = NULL;
	const struct rte_memseg *ms;
	phys_addr_t phys;

	if (eal_api()->iova_mode() == RTE_IOVA_PA)
		msl = eal_api()->virt2memseg_list(virt);
	if (msl != NULL && !msl->external) {
		ms = eal_api()->virt2memseg(virt, msl);
		if (ms != NULL && ms->len != 0 && ms->iova != RTE_BAD_IOVA)
			return ms->iova + RTE_PTR_DIFF(virt, ms->addr);
	}
	/* A secondary has no device of its own, and the primary pins for both. */
	if (eal_api()->process_type() != RTE_PROC_PRIMARY)
		return eal_api()->virt2phy(virt);

	pthread_mutex_lock(&backend_lock);
	phys = phys_ask(msl, virt);
	pthread_mutex_unlock(&backend_lock);
	return phys;
}

void
phys_drop(const struct rte_fbarray *array, unsigned int idx)
{
	const struct rte_memseg_list *msl;
	const struct rte_memseg *ms;

	if (array->elt_sz != sizeof(*ms))
		return;
	ms = eal_api()->fbarray_get(array, idx);
	if (ms == NULL)
		return;
	msl = eal_api()->virt2memseg_list(ms->addr);
	if (msl == NULL || &msl->memseg_arr != array || msl->external)
		return;

	pthread_mutex_lock(&backend_lock);
	if (backend.domains[NOIOMMU] != NULL)
		memseg_unmap(NOIOMMU, ms);
	pthread_mutex_unlock(&backend_lock);
}
