/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The application's own memory in the default container. Return values and
 * rte_errno are those of lib/eal/linux/eal_vfio.c.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "private.h"

/*
 * Stock's, or where stock has none an iommufd. Callers hand it back to us or to
 * nobody; but up to 24.11 the EAL closes what it has sent to a secondary
 * (eal_vfio_mp_sync.c).
 */
int
rte_vfio_get_container_fd(void)
{
	int fd;

	if (is_invalid())
		return -1;
	fd = eal_api()->get_container_fd();
	if (is_off() || mp_is_thread() || created_asks_stock())
		return fd;
	pthread_mutex_lock(&backend_lock);
	/* Up to 24.11 each call opens another one; the first is rte_vfio_enable()'s. */
	if (fd >= 0 && !backend.container_told) {
		backend.container_told = true;
		backend.container_fd = fd;
	}
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES && fd < 0; mode++)
		if (backend.domains[mode] != NULL)
			fd = rte_vfio_cdev_domain_fd(backend.domains[mode]);
	pthread_mutex_unlock(&backend_lock);
	return fd;
}

bool
is_default_container(int container_fd)
{
	if (container_fd == RTE_VFIO_DEFAULT_CONTAINER_FD ||
	    (backend.container_told && container_fd == backend.container_fd))
		return true;
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++)
		if (backend.domains[mode] != NULL &&
		    container_fd == rte_vfio_cdev_domain_fd(backend.domains[mode]))
			return true;
	return false;
}

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

/* Memory may come before the first device: then it is kept for that, of either mode. */
static bool
mode_wants_memory(enum rte_vfio_cdev_mode mode)
{
	if (!mode_has_memory(mode))
		return false;
	if (backend.attached[NOIOMMU] || backend.attached[TRANSLATED])
		return backend.attached[mode];
	if (backend.domains[mode] != NULL)
		return true;
	if (eal_api()->process_type() != RTE_PROC_PRIMARY || !have_cdevs_of(mode) ||
	    domain_open(mode) < 0)
		return false;
	backend.kept[mode] = true;
	return true;
}

/* rte_errno as eal_vfio.c sets it; vhost goes by ENODEV and EINVAL. */
int
errno_return(int ret)
{
	if (ret == 0)
		return 0;
	eal_errno_set(ret == -ENOENT ? EINVAL : -ret);
	return -1;
}

/* Without an IOMMU 0 is nobody's address: the memory is to be mapped where it is. */
static int
mode_map(enum rte_vfio_cdev_mode mode, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	if (mode == NOIOMMU && iova == 0)
		return where_map(vaddr, len);
	return rte_vfio_cdev_domain_map(backend.domains[mode], (const void *)(uintptr_t)vaddr,
					iova, len, 4096);
}

static int
mode_unmap(enum rte_vfio_cdev_mode mode, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	if (mode == NOIOMMU && iova == 0)
		return where_unmap(vaddr, len);
	return rte_vfio_cdev_domain_unmap(backend.domains[mode], (const void *)(uintptr_t)vaddr,
					  iova, len);
}

/* Where they are in one, and at 0 in the other: a device's driver knows but one address. */
static int
both_modes_check(uint64_t vaddr, uint64_t iova)
{
	if (iova != 0 || !mode_wants_memory(NOIOMMU) || !mode_wants_memory(TRANSLATED))
		return 0;
	bus_log(RTE_VFIO_CDEV_LOG_ERR,
		"memory: cannot map 0x%" PRIx64 " where it is (IOVA 0): %s; there are devices with "
		"and without an IOMMU: give its physical address", vaddr, strerror(EOPNOTSUPP));
	return -EOPNOTSUPP;
}

/* For the devices of both modes or for none; -ENXIO if there is no mode to map for. */
static int
our_map(uint64_t vaddr, uint64_t iova, uint64_t len)
{
	bool mapped[RTE_VFIO_CDEV_MODES] = { false };
	int ret = both_modes_check(vaddr, iova), none = -ENXIO;

	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES && ret == 0; mode++) {
		if (!mode_wants_memory(mode))
			continue;
		none = 0;
		ret = mode_map(mode, vaddr, iova, len);
		mapped[mode] = ret == 0;
	}
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES && ret != 0; mode++)
		if (mapped[mode])
			mode_unmap(mode, vaddr, iova, len);
	backend.user_maps |= ret == 0 && none == 0;
	return ret != 0 ? ret : none;
}

/* Is something of the range mapped for a mode's devices? */
static bool
mode_has(enum rte_vfio_cdev_mode mode, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	if (mode == NOIOMMU && iova == 0)
		return where_has(vaddr, len);
	return rte_vfio_cdev_domain_lookup(backend.domains[mode], (const void *)(uintptr_t)vaddr,
					   iova, len) != -ENOENT;
}

/* From where it is mapped; the last domain says what is wrong if it is nowhere. */
static int
our_unmap(uint64_t vaddr, uint64_t iova, uint64_t len)
{
	int ret = -ENXIO, last = -1;

	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		if (backend.domains[mode] == NULL || !mode_has_memory(mode))
			continue;
		last = mode;
		if (mode_has(mode, vaddr, iova, len))
			ret = mode_unmap(mode, vaddr, iova, len);
		if (ret < 0 && ret != -ENXIO)
			return ret;
	}
	return ret == -ENXIO && last >= 0 ? mode_unmap(last, vaddr, iova, len) : ret;
}

/* Devices of stock too: the memory is mapped for them and for ours, or for none. */
static int
default_map(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	int ret, ours;

	ours = our_map(vaddr, iova, len);
	if (ours != -ENXIO && (ours < 0 || backend.stock_devices == 0))
		return errno_return(ours);
	ret = eal_api()->container_dma_map(container_fd, vaddr, iova, len);
	if (ret < 0 && ours == 0)
		our_unmap(vaddr, iova, len);
	return ret;
}

/* What stock alone knows of was mapped before there was a cdev device. */
static int
default_unmap(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	int ret = our_unmap(vaddr, iova, len);

	if (ret != -ENXIO && ((ret < 0 && ret != -ENOENT) || backend.stock_devices == 0))
		return errno_return(ret);
	return eal_api()->container_dma_unmap(container_fd, vaddr, iova, len);
}

int
rte_vfio_container_dma_map(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	const struct created *created;
	int ret;

	if (is_invalid())
		return -1;
	if (is_off())
		return eal_api()->container_dma_map(container_fd, vaddr, iova, len);
	pthread_mutex_lock(&backend_lock);
	created = created_find(container_fd);
	if (created != NULL)
		ret = created_map(created, vaddr, iova, len);
	else if (is_default_container(container_fd))
		ret = default_map(container_fd, vaddr, iova, len);
	else
		ret = eal_api()->container_dma_map(container_fd, vaddr, iova, len);
	pthread_mutex_unlock(&backend_lock);
	return ret;
}

int
rte_vfio_container_dma_unmap(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	const struct created *created;
	int ret;

	if (is_invalid())
		return -1;
	if (is_off())
		return eal_api()->container_dma_unmap(container_fd, vaddr, iova, len);
	pthread_mutex_lock(&backend_lock);
	created = created_find(container_fd);
	if (created != NULL)
		ret = created_unmap(created, vaddr, iova, len);
	else if (is_default_container(container_fd))
		ret = default_unmap(container_fd, vaddr, iova, len);
	else
		ret = eal_api()->container_dma_unmap(container_fd, vaddr, iova, len);
	pthread_mutex_unlock(&backend_lock);
	return ret;
}
