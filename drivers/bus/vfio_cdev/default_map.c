/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The application's own memory in the default container. Return values and
 * rte_errno are those of lib/eal/linux/eal_vfio.c.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ctx.h"
#include "default_map.h"
#include "domain.h"
#include "eal_api.h"
#include "log.h"
#include "state.h"

/*
 * Does memory concern the devices of a mode? Those without an IOMMU are not set
 * up where IOVAs are virtual addresses; there may be a domain all the same, since
 * an address was asked for.
 */
static bool
mode_has_memory(enum rte_vfio_cdev_mode mode)
{
	return mode == TRANSLATED || eal_api()->iova_mode() == RTE_IOVA_PA;
}

/* Memory may come before the first device of a mode: then it is kept for that. */
static bool
mode_wants_memory(enum rte_vfio_cdev_mode mode)
{
	if (!mode_has_memory(mode) || eal_api()->process_type() != RTE_PROC_PRIMARY)
		return false;
	if (!backend.wanted[mode])
		backend.wanted[mode] = backend.attached[mode] || have_cdevs_of(mode);
	return backend.wanted[mode] && domain_open(mode) != NULL;
}

/* Whom memory of the default container is for. */
struct targets {
	struct rte_vfio_cdev_domain *domains[RTE_VFIO_CDEV_MODES];	/* or NULL */
	bool spare[RTE_VFIO_CDEV_MODES];	/* only the other mode has devices yet */
	bool stock;				/* there are devices of stock's */
};

static struct targets
targets_get(bool spares)
{
	struct targets targets = { 0 };

	pthread_mutex_lock(&backend_lock);
	targets.stock = backend.stock_devices != 0;
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		targets.spare[mode] = !backend.attached[mode] &&
			backend.attached[mode == NOIOMMU ? TRANSLATED : NOIOMMU];
		if ((spares || !targets.spare[mode]) && mode_wants_memory(mode))
			targets.domains[mode] = backend.domains[mode];
	}
	pthread_mutex_unlock(&backend_lock);
	return targets;
}

/* Without an IOMMU 0 is nobody's address: the memory is to be mapped where it is. */
static uint64_t
mode_iova(enum rte_vfio_cdev_mode mode, uint64_t iova)
{
	return mode == NOIOMMU && iova == 0 ? RTE_VFIO_CDEV_IOVA_ANY : iova;
}

static int
target_unmap(const struct targets *targets, enum rte_vfio_cdev_mode mode, uint64_t vaddr,
	     uint64_t iova, uint64_t len)
{
	return rte_vfio_cdev_domain_unmap(targets->domains[mode], (const void *)(uintptr_t)vaddr,
					  mode_iova(mode, iova), len);
}

/* 1: not mapped, for devices that may never come. */
static int
target_map(const struct targets *targets, enum rte_vfio_cdev_mode mode, uint64_t vaddr,
	   uint64_t iova, uint64_t len)
{
	int ret;

	if (targets->spare[mode])
		lib_log_defer();
	ret = rte_vfio_cdev_domain_map(targets->domains[mode], (const void *)(uintptr_t)vaddr,
				       mode_iova(mode, iova), len, 4096);
	if (!targets->spare[mode])
		return ret;
	lib_log_flush(false);
	return ret < 0 ? 1 : 0;
}

/* Where they are in one, and at 0 in the other: a device's driver knows but one address. */
static int
both_modes_check(const struct targets *targets, uint64_t vaddr, uint64_t iova)
{
	if (iova != 0 || targets->domains[NOIOMMU] == NULL || targets->domains[TRANSLATED] == NULL)
		return 0;
	bus_log(RTE_VFIO_CDEV_LOG_ERR,
		"memory: cannot map 0x%" PRIx64 " where it is (IOVA 0): %s; there are devices with "
		"and without an IOMMU: give its physical address", vaddr, strerror(EOPNOTSUPP));
	return -EOPNOTSUPP;
}

/* For the devices of both modes or for none; -ENXIO if there is no mode to map for. */
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

/* Is just this mapped in a domain, or with part something that this is a part of? */
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

/* A spare mode may have refused it, and have something else there. */
static void
spares_unmap(const struct targets *targets, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	lib_log_defer();
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++)
		if (targets->spare[mode] && target_has(targets, mode, vaddr, iova, len, false))
			target_unmap(targets, mode, vaddr, iova, len);
	lib_log_flush(false);
}

/* The first error; -ENXIO: there is no domain that has it. */
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

/* From where it is mapped; the last domain says what is wrong if it is nowhere. */
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
	/* 0 says nothing that devices of a mode that come later could use. */
	const struct targets targets = targets_get(iova != 0);
	int ret, ours;

	ours = our_map(&targets, vaddr, iova, len);
	if (ours != -ENXIO && (ours < 0 || !targets.stock))
		return eal_errno_return(ours);
	ret = eal_api()->container_dma_map(container_fd, vaddr, iova, len);
	if (ret < 0 && ours == 0)
		our_unmap(&targets, vaddr, iova, len);
	return ret;
}

/* What stock alone knows of was mapped before there was a cdev device. */
int
default_unmap(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	const struct targets targets = targets_get(true);
	int ret = our_unmap(&targets, vaddr, iova, len);

	if (ret != -ENXIO && ((ret < 0 && ret != -ENOENT) || !targets.stock))
		return eal_errno_return(ret);
	return eal_api()->container_dma_unmap(container_fd, vaddr, iova, len);
}
