/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * rte_vfio_container_dma_map() and _unmap(): memory at the application's IOVAs, in the
 * default container (default_map.c) or in one that it has created. Return values and
 * rte_errno are those of lib/eal/linux/eal_vfio.c.
 */

#include <errno.h>

#include "container_table.h"
#include "default_map.h"
#include "eal_api.h"
#include "gate.h"
#include "state.h"

/* A copy of a container's state. Its fd may be closed, its domain stays. */
struct view {
	struct rte_vfio_cdev_domain *domain;
	bool ours;   /* it has groups or devices of ours */
	bool stocks; /* it has groups of stock's */
};

static struct view
view_of(const struct container *c)
{
	struct rte_vfio_cdev_stats stats = { 0 };
	struct view view = { 0 };

	pthread_mutex_lock(&backend_lock);
	view.domain = c->domain;
	view.ours = container_has_groups(c, false);
	view.stocks = container_has_groups(c, true);
	pthread_mutex_unlock(&backend_lock);
	if (view.domain != NULL)
		rte_vfio_cdev_domain_stats(view.domain, &stats);
	view.ours |= stats.devices != 0;
	return view;
}

static int
container_map(const struct container *c, int fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	const void *va = (const void *)(uintptr_t)vaddr;
	const struct view view = view_of(c);
	int ret;

	if (!view.ours && !c->stock)
		return container_fail("use for memory", ENODEV, fd, "bind a group first");
	ret = view.ours ? rte_vfio_cdev_domain_map(view.domain, va, iova, len, 0) : 0;
	if (ret < 0 || (view.ours && !view.stocks))
		return eal_errno_return(ret);
	ret = eal_api()->container_dma_map(fd, vaddr, iova, len);
	if (ret < 0 && view.ours)
		rte_vfio_cdev_domain_unmap(view.domain, va, iova, len);
	return ret;
}

static int
container_unmap(const struct container *c, int fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	const void *va = (const void *)(uintptr_t)vaddr;
	const struct view view = view_of(c);
	int ret = -ENOENT;

	if (view.domain != NULL)
		ret = rte_vfio_cdev_domain_unmap(view.domain, va, iova, len);
	if ((ret < 0 && ret != -ENOENT) || (view.domain != NULL && !view.stocks))
		return eal_errno_return(ret);
	return eal_api()->container_dma_unmap(fd, vaddr, iova, len);
}

/* The created container of an fd, in use until container_put(), or NULL. */
static struct container *
fd_resolve(int fd, bool *is_default)
{
	struct container *c;

	pthread_mutex_lock(&backend_lock);
	c = container_get(fd);
	*is_default = container_is_default(fd);
	pthread_mutex_unlock(&backend_lock);
	return c;
}

int
rte_vfio_container_dma_map(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	struct container *c;
	bool is_default;
	int ret;

	GATE_ON_OR_STOCK_RET(-1, eal_api()->container_dma_map(container_fd, vaddr, iova, len));
	c = fd_resolve(container_fd, &is_default);
	if (c != NULL)
		ret = container_map(c, container_fd, vaddr, iova, len);
	else if (is_default)
		ret = default_map(container_fd, vaddr, iova, len);
	else
		ret = eal_api()->container_dma_map(container_fd, vaddr, iova, len);
	container_put(c);
	return ret;
}

int
rte_vfio_container_dma_unmap(int container_fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	struct container *c;
	bool is_default;
	int ret;

	GATE_ON_OR_STOCK_RET(-1, eal_api()->container_dma_unmap(container_fd, vaddr, iova, len));
	c = fd_resolve(container_fd, &is_default);
	if (c != NULL)
		ret = container_unmap(c, container_fd, vaddr, iova, len);
	else if (is_default)
		ret = default_unmap(container_fd, vaddr, iova, len);
	else
		ret = eal_api()->container_dma_unmap(container_fd, vaddr, iova, len);
	container_put(c);
	return ret;
}
