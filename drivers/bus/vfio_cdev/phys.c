/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Physical addresses. An address that is given may reach a device, so every address given
 * is pinned: before it is given, or, while no device can pin anything, as a pending
 * mapping that the first device pins and compares.
 *
 * The EAL requests the address of each page it is about to add (eal_memalloc.c,
 * alloc_seg). A page that it gives up without an event is removed from the memseg list's
 * array first (rte_fbarray_set_free()), and is unpinned there.
 */

#include <errno.h>
#include <string.h>

#include <linux/mempolicy.h>

#include "ctx.h"
#include "domain.h"
#include "eal_api.h"
#include "gate.h"
#include "log_sink.h"
#include "memseg.h"
#include "phys.h"
#include "pin.h"
#include "policy.h"
#include "prime.h"
#include "selfcheck.h"
#include "state.h"

/*
 * The EAL drops a page of another node without an event, right after it has requested its
 * address. The node is queried here as the EAL queries it, and the page is pinned
 * already: both get the same answer. An EAL without libnuma does not check.
 */
static bool
page_stays(const void *page, int socket)
{
	int node = socket;

	if (eal_api()->get_mempolicy == NULL ||
	    eal_api()->get_mempolicy(&node, NULL, 0, page, MPOL_F_NODE | MPOL_F_ADDR) != 0)
		return true;
	return node == socket;
}

/*
 * Before the EAL has chosen physical addresses, logged only if a device needs them: an
 * error for one that the EAL may use now, a warning for one that may be plugged in.
 */
static void
unavailable_report(void)
{
	const bool needed = eal_api()->iova_mode() == RTE_IOVA_PA;
	enum rte_vfio_cdev_log_level level = RTE_VFIO_CDEV_LOG_ERR;
	struct rte_vfio_cdev_info info;

	if (!needed && !prime_find_allowed(&info)) {
		if (!prime_find())
			return;
		level = RTE_VFIO_CDEV_LOG_WARNING;
	}
	if (!first_time(&backend.unavailable_logged))
		return;
	sink_log(
		level,
		"no physical addresses: pagemap is not used or cannot be read (CAP_SYS_ADMIN), and "
		"no device %s can give them; bind one without an IOMMU to vfio-pci, %s and give "
		"the process CAP_SYS_RAWIO and /dev/iommu",
		level == RTE_VFIO_CDEV_LOG_ERR ? "that the EAL may use" :
						 "without an IOMMU, none of which is allowed yet,",
		policy_prime() == NULL ? "allow it (-a)" : "name it in RTE_VFIO_CDEV_PRIME");
}

/* The address in pagemap, or RTE_BAD_PHYS_ADDR. */
static phys_addr_t
pagemap_phys(const void *virt)
{
	return policy_phys() != PHYS_IOAS ? eal_api()->virt2phy(virt) : RTE_BAD_PHYS_ADDR;
}

/* Of any page, at this moment: it is not pinned. */
static phys_addr_t
phys_transient(const void *virt)
{
	phys_addr_t phys = pagemap_phys(virt);
	struct rte_vfio_cdev_domain *domain;

	if (phys != RTE_BAD_PHYS_ADDR || policy_phys() == PHYS_PAGEMAP)
		return phys;
	domain = domain_of(NOIOMMU);
	if (domain == NULL || !prime_domain(domain))
		unavailable_report();
	else if (rte_vfio_cdev_domain_phys(domain, virt, &phys) < 0)
		phys = RTE_BAD_PHYS_ADDR;
	return phys;
}

/* The domain of a mode, if it has memory by its physical address; or NULL. */
static struct rte_vfio_cdev_domain *
physical_domain(enum rte_vfio_cdev_mode mode)
{
	struct rte_vfio_cdev_domain *domain;

	pthread_mutex_lock(&backend_lock);
	domain = mode != TRANSLATED ? backend.domains[mode] : NULL;
	pthread_mutex_unlock(&backend_lock);
	return domain;
}

/* Do addresses come from the IOAS? */
static bool
ioas_is_used(struct rte_vfio_cdev_domain *domain)
{
	return policy_phys() != PHYS_PAGEMAP && prime_domain(domain);
}

static int
pagemap_read(const void *virt, uint64_t *phys)
{
	*phys = pagemap_phys(virt);
	if (*phys != RTE_BAD_PHYS_ADDR)
		return 0;
	if (policy_phys() != PHYS_PAGEMAP)
		unavailable_report();
	return -EPERM;
}

/* Where it is mapped, of the domains of physical addresses. */
static void
page_unmap(const void *page, uint64_t phys, uint64_t size)
{
	struct rte_vfio_cdev_domain *domain;

	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		domain = physical_domain(mode);
		if (domain != NULL && rte_vfio_cdev_domain_lookup(domain, page, phys, size) == 0)
			rte_vfio_cdev_domain_unmap(domain, page, phys, size);
	}
}

/*
 * Pinned by io_uring, if there is a device without a cdev. If nothing can be pinned any more,
 * the address is stock's.
 */
static int
page_pin(const void *page, uint64_t size, uint64_t *phys)
{
	struct rte_vfio_cdev_domain *domain = pin_domain();
	int ret;

	if (domain == NULL)
		return pagemap_read(page, phys);
	lib_log_defer();
	ret = size != 0 ? rte_vfio_cdev_domain_pin_page(domain, page, size, phys) :
			  rte_vfio_cdev_domain_provide(domain, page, phys);
	lib_log_flush(size != 0 && pin_error_is_of_memory(ret));
	if (ret == 0)
		return 0;
	if (!pin_error_is_of_memory(ret))
		pin_give_up(ret);
	else if (size != 0)
		return ret;
	/* Also of read-only memory and of files', which no device can be given to write to. */
	return pagemap_read(page, phys);
}

/* Pinned; or pagemap's address, which is compared when the page is pinned. */
static int
page_map(struct rte_vfio_cdev_domain *domain, const void *page, uint64_t size, uint64_t *phys)
{
	int ret;

	if (ioas_is_used(domain))
		return rte_vfio_cdev_domain_pin_page(domain, page, size, phys);
	ret = page_pin(page, size, phys);
	if (ret < 0 || rte_vfio_cdev_domain_lookup(domain, page, *phys, size) == 0)
		return ret;
	ret = rte_vfio_cdev_domain_map(domain, page, *phys, size, size);
	if (ret < 0)
		page_unmap(page, *phys, size);
	return ret;
}

/* Of a page that the EAL is about to add to a list. */
static phys_addr_t
phys_of_new(struct rte_vfio_cdev_domain *domain, const struct rte_memseg_list *msl,
	    const void *virt)
{
	const void *page = RTE_PTR_ALIGN_FLOOR(virt, msl->page_sz);
	uint64_t phys;

	/* The page is at its final place: this is not --legacy-mem. */
	domain_keep_provisional_end();
	memseg_freed_reset();
	if (page_map(domain, page, msl->page_sz, &phys) < 0)
		return RTE_BAD_PHYS_ADDR;
	if (!page_stays(page, msl->socket_id)) {
		page_unmap(page, phys, msl->page_sz);
		return RTE_BAD_PHYS_ADDR;
	}
	return phys + RTE_PTR_DIFF(virt, page);
}

/*
 * Of memory that is not the EAL's. The caller may give it to a device by this address:
 * after mapping it, or after adding it to the EAL as external memory.
 */
static phys_addr_t
phys_of_foreign(struct rte_vfio_cdev_domain *domain, const void *virt)
{
	uint64_t phys;
	int ret;

	/* With --legacy-mem there is no callback with the EAL's memory lock held. */
	if (domain_keeps_provisional() && memseg_any_own())
		domain_keep_provisional_end();
	if (ioas_is_used(domain)) {
		ret = rte_vfio_cdev_domain_provide(domain, virt, &phys);
	} else {
		ret = page_pin(virt, 0, &phys);
		if (ret == 0)
			ret = rte_vfio_cdev_domain_expect(domain, virt, phys);
	}
	return ret < 0 ? RTE_BAD_PHYS_ADDR : phys;
}

void
phys_prepare(void)
{
	struct rte_vfio_cdev_domain *domain;

	if (!eal_api()->has_hugepages() || eal_api()->iova_mode() != RTE_IOVA_PA ||
	    eal_api()->process_type() != RTE_PROC_PRIMARY)
		return;
	domain = policy_phys() != PHYS_PAGEMAP && prime_find() ? domain_of(NOIOMMU) : NULL;
	if (domain == NULL || !prime_domain(domain))
		pin_domain();
}

/*
 * The physical address of virt, or RTE_BAD_PHYS_ADDR. Where IOVAs are such addresses
 * it is a mapping from then on: one of the EAL's pages until the EAL gives it up, any other
 * as long as it is there and not mapped (rte_vfio_cdev_domain_provide()).
 */
static phys_addr_t
phys_of(const void *virt)
{
	const bool is_chosen = eal_api()->iova_mode() == RTE_IOVA_PA;
	const struct rte_memseg_list *msl = is_chosen ? eal_api()->virt2memseg_list(virt) : NULL;
	struct rte_vfio_cdev_domain *domain;
	const struct rte_memseg *ms;

	if (msl != NULL && !msl->external) {
		ms = eal_api()->virt2memseg(virt, msl);
		if (ms != NULL && memseg_is_used(msl, ms) && ms->iova != RTE_BAD_IOVA)
			return ms->iova + RTE_PTR_DIFF(virt, ms->addr);
	}
	/* A secondary has no device of its own, and the primary pins for both. */
	if (eal_api()->process_type() != RTE_PROC_PRIMARY)
		return pagemap_phys(virt);
	if (!is_chosen)
		return phys_transient(virt);
	domain = domain_of(NOIOMMU);
	if (domain == NULL)
		return RTE_BAD_PHYS_ADDR;
	return msl != NULL && !msl->external ? phys_of_new(domain, msl, virt) :
					       phys_of_foreign(domain, virt);
}

/* The EAL takes an element out of an array: unpin it if it is a page without an event. */
static void
phys_drop(const struct rte_fbarray *array, unsigned int idx)
{
	struct rte_vfio_cdev_domain *domain;
	const struct rte_memseg_list *msl;
	const struct rte_memseg *ms;

	if (array->elt_sz != sizeof(*ms))
		return;
	ms = eal_api()->fbarray_get(array, idx);
	if (ms == NULL)
		return;
	msl = eal_api()->virt2memseg_list(ms->addr);
	if (msl == NULL || &msl->memseg_arr != array || msl->external || !memseg_is_used(msl, ms))
		return;
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		domain = physical_domain(mode);
		if (domain != NULL && !memseg_is_freed(ms->addr, mode))
			memseg_unmap(domain, ms);
	}
}

/*
 * An EAL with a cdev mode of its own gets its own addresses, or, if a cdev is required, none:
 * it would give them to devices unpinned, from threads too that have kept CAP_SYS_RAWIO.
 */
static bool
addresses_are_refused(void)
{
	return policy_demands(POLICY_REQUIRE);
}

phys_addr_t
rte_mem_virt2phy(const void *virt)
{
	if (selfcheck_steps_aside())
		return addresses_are_refused() ? RTE_BAD_PHYS_ADDR : eal_api()->virt2phy(virt);
	GATE_ON_OR_STOCK_RET(RTE_BAD_PHYS_ADDR, eal_api()->virt2phy(virt));
	return phys_of(virt);
}

rte_iova_t
rte_mem_virt2iova(const void *virt)
{
	if (eal_api() != NULL && eal_api()->iova_mode() == RTE_IOVA_VA)
		return (uintptr_t)virt;
	return rte_mem_virt2phy(virt);
}

/*
 * The EAL tries with its stack, and starts with physical addresses only if that
 * works. A secondary needs none but those of the primary's memory, which it has.
 */
int
rte_eal_using_phys_addrs(void)
{
	if (selfcheck_steps_aside())
		return !addresses_are_refused() && eal_api()->using_phys_addrs();
	GATE_ON_OR_STOCK_RET(0, eal_api()->using_phys_addrs());
	return eal_api()->using_phys_addrs() ||
		(eal_api()->process_type() == RTE_PROC_SECONDARY && have_cdevs_of(NOIOMMU));
}

int
rte_fbarray_set_free(struct rte_fbarray *arr, unsigned int idx)
{
	if (eal_api() == NULL)
		return -1;
	if (arr != NULL && gate_is_usable() && !gate_is_off())
		phys_drop(arr, idx);
	return eal_api()->fbarray_set_free(arr, idx);
}
