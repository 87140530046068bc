/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The application's own memory in the default container. Return values and
 * rte_errno are those of lib/eal/linux/eal_vfio.c.
 */

#include <errno.h>

#include "private.h"

/*
 * Does memory of this container concern the devices without an IOMMU? They are
 * not set up where IOVAs are virtual addresses; there may be a domain all the
 * same, since an address was asked for.
 */
static bool
is_our_container(int container_fd)
{
	if (is_off() || eal_api()->iova_mode() != RTE_IOVA_PA)
		return false;
	return container_fd == RTE_VFIO_DEFAULT_CONTAINER_FD ||
		container_fd == rte_vfio_get_container_fd();
}

/* rte_errno as eal_vfio.c sets it; vhost goes by ENODEV and EINVAL. */
static int
errno_return(int ret)
{
	if (ret == 0)
		return 0;
	eal_errno_set(ret == -ENOENT ? EINVAL : -ret);
	return -1;
}

/* An IOVA of 0 is nobody's address: the memory is to be mapped where it is. */
static int
our_map(uint64_t vaddr, uint64_t iova, uint64_t len)
{
	if (iova == 0)
		return where_map(vaddr, len);
	return rte_vfio_cdev_domain_map(backend.domain, (const void *)(uintptr_t)vaddr, iova, len,
					4096);
}

static int
our_unmap(uint64_t vaddr, uint64_t iova, uint64_t len)
{
	if (iova == 0)
		return where_unmap(vaddr, len);
	return rte_vfio_cdev_domain_unmap(backend.domain, (const void *)(uintptr_t)vaddr, iova,
					  len);
}

/* Devices of both kinds: the memory is mapped for both or for none. */
static int
both_map(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	int ret;

	ret = our_map(vaddr, iova, len);
	if (ret < 0 || backend.stock_devices == 0)
		return errno_return(ret);
	ret = eal_api()->container_dma_map(container_fd, vaddr, iova, len);
	if (ret < 0)
		our_unmap(vaddr, iova, len);
	return ret;
}

/* What stock alone knows of was mapped before there was a cdev device. */
static int
both_unmap(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	int ret = our_unmap(vaddr, iova, len);

	if ((ret < 0 && ret != -ENOENT) || backend.stock_devices == 0)
		return errno_return(ret);
	return eal_api()->container_dma_unmap(container_fd, vaddr, iova, len);
}

/* Memory may come before the first device: then the domain keeps it for that. */
static bool
domain_for_map(void)
{
	if (backend.domain != NULL)
		return true;
	if (eal_api()->process_type() != RTE_PROC_PRIMARY || !have_cdevs() || domain_open() < 0)
		return false;
	backend.kept = true;
	return true;
}

int
rte_vfio_container_dma_map(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	int ret;

	if (is_invalid())
		return -1;
	if (!is_our_container(container_fd))
		return eal_api()->container_dma_map(container_fd, vaddr, iova, len);
	pthread_mutex_lock(&backend_lock);
	ret = domain_for_map() ? both_map(container_fd, vaddr, iova, len)
			       : eal_api()->container_dma_map(container_fd, vaddr, iova, len);
	pthread_mutex_unlock(&backend_lock);
	return ret;
}

int
rte_vfio_container_dma_unmap(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	int ret;

	if (is_invalid())
		return -1;
	if (!is_our_container(container_fd))
		return eal_api()->container_dma_unmap(container_fd, vaddr, iova, len);
	pthread_mutex_lock(&backend_lock);
	ret = backend.domain != NULL ? both_unmap(container_fd, vaddr, iova, len)
		: eal_api()->container_dma_unmap(container_fd, vaddr, iova, len);
	pthread_mutex_unlock(&backend_lock);
	return ret;
}
