/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory of the application in the default container. Return values and rte_errno
 * are those of lib/eal/linux/eal_vfio.c.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ctx.h"
#include "default_map.h"
#include "domain.h"
#include "eal_api.h"
#include "log_sink.h"
#include "pin.h"
#include "state.h"
#include "vfio_cdev_front.h"

/*
 * Can devices of a mode use the memory? Those without an IOMMU are not set up where
 * IOVAs are virtual addresses; there may be a domain all the same, since an address
 * was requested.
 */
static bool
mode_has_memory(enum rte_vfio_cdev_mode mode)
{
	return mode == TRANSLATED || eal_api()->iova_mode() == RTE_IOVA_PA;
}

/* Memory mapped before the first device of a mode is kept for that device. */
static bool
mode_wants_memory(enum rte_vfio_cdev_mode mode)
{
	int count = 0;

	if (!mode_has_memory(mode) || eal_api()->process_type() != RTE_PROC_PRIMARY)
		return false;
	if (!backend.wanted[mode] && !backend.attached[mode] && mode != PIN_ONLY)
		count = vfio_cdev_count(backend_ctx(), mode);
	backend.wanted[mode] |= backend.attached[mode] || count > 0;
	/* An error: there may be some. */
	return backend.wanted[mode] || count < 0;
}

/* The domains that memory of the default container is mapped in. */
struct targets {
	struct rte_vfio_cdev_domain *domains[RTE_VFIO_CDEV_MODES]; /* or NULL */
	bool spare[RTE_VFIO_CDEV_MODES]; /* only another mode has devices yet */
	bool stock;			 /* stock has devices */
	bool pinning;			 /* for those of stock, io_uring pins */
	bool failed;			 /* a domain could not be created */
};

static struct targets
targets_get(bool spares)
{
	struct targets targets = { 0 };
	bool any;

	pthread_mutex_lock(&backend_lock);
	any = backend.attached[NOIOMMU] || backend.attached[TRANSLATED];
	targets.pinning = backend.attached[PIN_ONLY];
	targets.stock = backend.stock_devices != 0 || (targets.pinning && !any);
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		targets.spare[mode] = mode != PIN_ONLY && !backend.attached[mode] && any;
		if ((!spares && targets.spare[mode]) || !mode_wants_memory(mode))
			continue;
		targets.domains[mode] = domain_open(mode);
		targets.failed |= targets.domains[mode] == NULL;
	}
	pthread_mutex_unlock(&backend_lock);
	return targets;
}

/* Without an IOMMU, IOVA 0 means that the memory is mapped at its physical address. */
static uint64_t
mode_iova(enum rte_vfio_cdev_mode mode, uint64_t iova)
{
	return mode != TRANSLATED && iova == 0 ? RTE_VFIO_CDEV_IOVA_ANY : iova;
}

static int
target_unmap(const struct targets *targets, enum rte_vfio_cdev_mode mode, uint64_t vaddr,
	     uint64_t iova, uint64_t len)
{
	return rte_vfio_cdev_domain_unmap(targets->domains[mode], (const void *)(uintptr_t)vaddr,
					  mode_iova(mode, iova), len);
}

/* 1: not mapped in a spare domain, which may never have devices, or where nothing can pin. */
static int
target_map(const struct targets *targets, enum rte_vfio_cdev_mode mode, uint64_t vaddr,
	   uint64_t iova, uint64_t len)
{
	int ret;

	if (mode == PIN_ONLY && !targets->pinning)
		return 1;
	if (targets->spare[mode])
		lib_log_defer();
	ret = rte_vfio_cdev_domain_map(targets->domains[mode], (const void *)(uintptr_t)vaddr,
				       mode_iova(mode, iova), len, 0);
	if (mode == PIN_ONLY && ret < 0 && !pin_error_is_of_memory(ret)) {
		pin_give_up(ret);
		return 1;
	}
	if (!targets->spare[mode])
		return ret;
	lib_log_flush(false);
	return ret < 0 ? 1 : 0;
}

/* A driver has one address for all devices: it cannot be 0 for some, physical for others. */
static int
both_modes_check(const struct targets *targets, uint64_t vaddr, uint64_t iova)
{
	if (iova != 0 || targets->domains[TRANSLATED] == NULL ||
	    (targets->domains[NOIOMMU] == NULL && targets->domains[PIN_ONLY] == NULL))
		return 0;
	sink_log(RTE_VFIO_CDEV_LOG_ERR,
		 "memory: cannot map 0x%" PRIx64
		 " where it is (IOVA 0): %s; there are devices with "
		 "and without an IOMMU: give its physical address",
		 vaddr, strerror(EOPNOTSUPP));
	return -EOPNOTSUPP;
}

/* Map in all domains or in none; -ENXIO: there is no domain. */
static int
our_map(const struct targets *targets, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	bool mapped[RTE_VFIO_CDEV_MODES] = { false };
	int ret = both_modes_check(targets, vaddr, iova), none = -ENXIO;

	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES && ret >= 0; mode++) {
		if (targets->domains[mode] == NULL)
			continue;
		none = 0;
		ret = target_map(targets, mode, vaddr, iova, len);
		mapped[mode] = ret == 0;
	}
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES && ret < 0; mode++)
		if (mapped[mode])
			target_unmap(targets, mode, vaddr, iova, len);
	return ret < 0 ? ret : none;
}

/* Is exactly this mapped in a domain; with part, or a mapping that contains it? */
static bool
target_has(const struct targets *targets, enum rte_vfio_cdev_mode mode, uint64_t vaddr,
	   uint64_t iova, uint64_t len, bool part)
{
	int ret;

	if (targets->domains[mode] == NULL)
		return false;
	ret = rte_vfio_cdev_domain_lookup(targets->domains[mode], (const void *)(uintptr_t)vaddr,
					  mode_iova(mode, iova), len);
	return ret == 0 || (part && ret != -ENOENT);
}

/* A spare domain may have refused the mapping, and have another one there. */
static void
spares_unmap(const struct targets *targets, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	lib_log_defer();
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++)
		if (targets->spare[mode] && target_has(targets, mode, vaddr, iova, len, false))
			target_unmap(targets, mode, vaddr, iova, len);
	lib_log_flush(false);
}

/* The first error; -ENXIO: no domain has it. */
static int
users_unmap(const struct targets *targets, uint64_t vaddr, uint64_t iova, uint64_t len, bool part)
{
	int ret, err = -ENXIO;

	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		if (targets->spare[mode] || !target_has(targets, mode, vaddr, iova, len, part))
			continue;
		ret = target_unmap(targets, mode, vaddr, iova, len);
		if (err == 0 || err == -ENXIO)
			err = ret;
	}
	return err;
}

/* From the domains that have it; if none has, the last one's error is logged. */
static int
our_unmap(const struct targets *targets, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	int ret = users_unmap(targets, vaddr, iova, len, false);

	if (ret == -ENXIO)
		ret = users_unmap(targets, vaddr, iova, len, true);
	spares_unmap(targets, vaddr, iova, len);
	for (int mode = RTE_VFIO_CDEV_MODES - 1; mode >= 0 && ret == -ENXIO; mode--)
		if (targets->domains[mode] != NULL && !targets->spare[mode])
			ret = target_unmap(targets, mode, vaddr, iova, len);
	return ret;
}

/* Devices of stock too: the memory is mapped for them and for ours, or for none. */
int
default_map(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	/* IOVA 0 is of no use for devices of the other mode that are set up later. */
	const struct targets targets = targets_get(iova != 0);
	int ret, ours;

	/* It was logged. */
	if (targets.failed)
		return eal_errno_return(-ENOMEM);
	ours = our_map(&targets, vaddr, iova, len);
	if (ours != -ENXIO && (ours < 0 || !targets.stock))
		return eal_errno_return(ours);
	ret = eal_api()->container_dma_map(container_fd, vaddr, iova, len);
	if (ret < 0 && ours == 0)
		our_unmap(&targets, vaddr, iova, len);
	return ret;
}

/* Memory mapped before the first device with a cdev is in stock's container only. */
int
default_unmap(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	const struct targets targets = targets_get(true);
	int ret = our_unmap(&targets, vaddr, iova, len);

	if (ret != -ENXIO && ((ret < 0 && ret != -ENOENT) || !targets.stock))
		return eal_errno_return(ret);
	return eal_api()->container_dma_unmap(container_fd, vaddr, iova, len);
}
