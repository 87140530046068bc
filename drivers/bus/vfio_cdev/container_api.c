/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Containers that the application has created, and the groups bound to them: how
 * vDPA drivers give a device memory at IOVAs of their own. Stock has a container
 * of the same fd where it has any at all; what is bound decides which of the two
 * gets the memory. Stock's functions call each other through ours, so they are
 * called without backend_lock.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include "gate.h"
#include "private.h"

struct container {
	SLIST_ENTRY(container) next;
	int fd;			/* that the application knows it by; -1: it was destroyed */
	bool stock;		/* stock has made it */
	unsigned int users;	/* the application, devices in it, calls that are under way */
	struct rte_vfio_cdev_domain *domain;	/* for cdevs, or NULL */
};

/* A group that was bound, to the default container if to none of these. */
struct group_binding {
	SLIST_ENTRY(group_binding) next;
	struct container *container;
	int group;
	int fd;			/* stock's, or what stands for one */
	bool stock;
};

/* Guarded by backend_lock. */
static SLIST_HEAD(, container) containers = SLIST_HEAD_INITIALIZER(containers);
static SLIST_HEAD(, group_binding) bindings = SLIST_HEAD_INITIALIZER(bindings);

static __thread bool in_stock_call;

bool
container_in_stock_call(void)
{
	return in_stock_call;
}

static struct container *
container_find(int fd)
{
	struct container *c;

	SLIST_FOREACH(c, &containers, next)
		if (fd >= 0 && c->fd == fd)
			break;
	return c;
}

static struct container *
container_use(struct container *c)
{
	if (c != NULL)
		c->users++;
	return c;
}

struct container *
container_get(int fd)
{
	return container_use(container_find(fd));
}

/* What is mapped in it may take long to unmap. */
void
container_put(struct container *c)
{
	bool last;

	if (c == NULL)
		return;
	pthread_mutex_lock(&backend_lock);
	last = --c->users == 0;
	if (last)
		SLIST_REMOVE(&containers, c, container, next);
	pthread_mutex_unlock(&backend_lock);
	if (!last)
		return;
	rte_vfio_cdev_domain_destroy(c->domain);
	free(c);
}

static struct group_binding *
group_binding_find(int group)
{
	struct group_binding *b;

	SLIST_FOREACH(b, &bindings, next)
		if (b->group == group)
			break;
	return b;
}

static int
group_binding_add(struct container *c, int group, int fd, bool stock)
{
	struct group_binding *b = malloc(sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	*b = (struct group_binding){ .container = c, .group = group, .fd = fd, .stock = stock };
	SLIST_INSERT_HEAD(&bindings, b, next);
	return 0;
}

static void
group_binding_remove(struct group_binding *b)
{
	SLIST_REMOVE(&bindings, b, group_binding, next);
	free(b);
}

struct container *
container_nth(unsigned int n, struct rte_vfio_cdev_domain **domain)
{
	struct container *c;

	SLIST_FOREACH(c, &containers, next)
		if (c->domain != NULL && n-- == 0)
			break;
	if (c != NULL)
		*domain = c->domain;
	return container_use(c);
}

struct container *
group_container(int group, struct rte_vfio_cdev_domain **domain)
{
	const struct group_binding *b = group_binding_find(group);
	struct container *c = b != NULL ? b->container : NULL;

	if (c == NULL || c->domain == NULL)
		return NULL;
	*domain = c->domain;
	return container_use(c);
}

int
group_binding_fd(int group)
{
	const struct group_binding *b = group_binding_find(group);

	return b != NULL && b->container != NULL && !b->stock ? b->fd : -1;
}

static int
container_fail(const char *what, int err, int fd, const char *advice)
{
	bus_log(RTE_VFIO_CDEV_LOG_ERR, "container %d: cannot %s: %s; %s", fd, what,
		strerror(err), advice);
	eal_errno_set(err);
	return -1;
}

/* Is it stock's to answer, since nothing can be ours? */
static bool
is_stocks(void)
{
	return gate_is_off() || eal_api()->process_type() != RTE_PROC_PRIMARY;
}

/* Its iommufd is its name, or will be wanted for sure. */
static int
container_domain_make(struct container *c)
{
	int ret = domain_make(TRANSLATED, &c->domain);

	if (ret == 0)
		ret = rte_vfio_cdev_domain_fd(c->domain);
	if (ret >= 0)
		return ret;
	rte_vfio_cdev_domain_destroy(c->domain);
	c->domain = NULL;
	return ret;
}

/* Under stock's fd, or with a domain from the start, whose fd serves as well. */
static int
container_add(int stock_fd)
{
	struct container *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return container_fail("create", ENOMEM, -1, "memory is short");
	c->users = 1;
	c->stock = stock_fd >= 0;
	c->fd = c->stock ? stock_fd : container_domain_make(c);
	if (c->fd < 0) {
		eal_errno_set(-c->fd);
		free(c);
		return -1;
	}
	pthread_mutex_lock(&backend_lock);
	SLIST_INSERT_HEAD(&containers, c, next);
	pthread_mutex_unlock(&backend_lock);
	return c->fd;
}

int
rte_vfio_container_create(void)
{
	int fd = -1, ret;

	GATE_USABLE_OR_ERR_RET(-1);
	if (is_stocks() || !have_cdevs())
		return eal_api()->container_create();
	if (eal_api()->is_enabled("vfio") == 1) {
		in_stock_call = true;
		fd = eal_api()->container_create();
		in_stock_call = false;
	}
	ret = container_add(fd);
	if (ret < 0 && fd >= 0)
		eal_api()->container_destroy(fd);
	return ret;
}

/* The devices that are set up in it keep it until they are released. */
int
rte_vfio_container_destroy(int container_fd)
{
	struct group_binding *b, *next;
	bool stock = true;
	struct container *c;

	GATE_USABLE_OR_ERR_RET(-1);
	pthread_mutex_lock(&backend_lock);
	c = container_find(container_fd);
	for (b = SLIST_FIRST(&bindings); b != NULL && c != NULL; b = next) {
		next = SLIST_NEXT(b, next);
		if (b->container != c)
			continue;
		if (!b->stock)
			close(b->fd);
		group_binding_remove(b);
	}
	if (c != NULL) {
		stock = c->stock;
		c->fd = -1;
	}
	pthread_mutex_unlock(&backend_lock);
	container_put(c);
	return stock ? eal_api()->container_destroy(container_fd) : 0;
}

static int
mode_get(const struct rte_vfio_cdev_info *info, void *mode)
{
	*(int *)mode = info->mode;
	return 1;
}

/* Of the group's devices; -1 if they have no cdev. */
static int
group_mode(int group)
{
	int mode = -1;

	if (group >= CDEV_GROUP_BASE)
		return NOIOMMU;
	if (group >= 0)
		rte_vfio_cdev_walk_group(backend_ctx(), group, mode_get, &mode);
	return mode;
}

/* Callers want an fd that is the group's, and look no further. */
static int
group_bind_new(struct container *c, int container_fd, int group)
{
	int ret = 0, fd;

	if (c != NULL && c->domain == NULL)
		ret = container_domain_make(c);
	if (ret < 0)
		return container_fail("bind a group", -ret, container_fd, "see the line before");
	fd = eventfd(0, EFD_CLOEXEC);
	if (fd < 0)
		return container_fail("bind a group", errno, container_fd,
				      "raise the limit of open files (ulimit -n)");
	if (group_binding_add(c, group, fd, false) < 0) {
		close(fd);
		return container_fail("bind a group", ENOMEM, container_fd, "memory is short");
	}
	return fd;
}

static int
cdev_group_bind(int container_fd, int group, enum rte_vfio_cdev_mode mode, bool in_use)
{
	struct container *c = container_find(container_fd);
	const struct group_binding *b = group_binding_find(group);

	if (c == NULL && !is_default_container(container_fd))
		return container_fail("bind a group", EBADF, container_fd, "there is none");
	if (c != NULL && mode == NOIOMMU)
		return container_fail("bind a group", EOPNOTSUPP, container_fd,
				      "its device has no IOMMU, so that its IOVAs are physical "
				      "addresses: leave it in the default container");
	if (b != NULL && b->container == c)
		return b->fd;
	if (b != NULL || (c != NULL && in_use))
		return container_fail("bind a group", EBUSY, container_fd,
				      "it is in another container: unbind it, or release its "
				      "device");
	return group_bind_new(c, container_fd, group);
}

/* Stock's answer, whose bindings are noted. */
static int
stock_group_bind(int container_fd, int group)
{
	struct container *c;
	int fd;

	pthread_mutex_lock(&backend_lock);
	c = container_find(container_fd);
	pthread_mutex_unlock(&backend_lock);
	if (c != NULL && !c->stock)
		return container_fail("bind a group", ENODEV, container_fd,
				      "its device has no cdev, and stock's containers are used up "
				      "or not there");
	fd = eal_api()->container_group_bind(container_fd, group);
	pthread_mutex_lock(&backend_lock);
	/* Stock was called without the lock, and the container may have gone. */
	c = container_find(container_fd);
	if (fd >= 0 && c != NULL && group_binding_find(group) == NULL)
		group_binding_add(c, group, fd, true);
	pthread_mutex_unlock(&backend_lock);
	return fd;
}

int
rte_vfio_container_group_bind(int container_fd, int iommu_group_num)
{
	bool in_use;
	int mode, ret;

	GATE_USABLE_OR_ERR_RET(-1);
	if (is_stocks())
		return eal_api()->container_group_bind(container_fd, iommu_group_num);
	mode = group_mode(iommu_group_num);
	if (mode < 0)
		return stock_group_bind(container_fd, iommu_group_num);
	in_use = device_has_group(iommu_group_num);
	pthread_mutex_lock(&backend_lock);
	ret = cdev_group_bind(container_fd, iommu_group_num, mode, in_use);
	pthread_mutex_unlock(&backend_lock);
	return ret;
}

/* -ENODEV: it is stock's. */
static int
cdev_group_unbind(int container_fd, int group)
{
	struct container *c = container_find(container_fd);
	struct group_binding *b = group_binding_find(group);

	if (b == NULL || b->stock) {
		if (c == NULL || c->stock)
			return -ENODEV;
		return container_fail("unbind a group", ENOENT, container_fd, "it is not bound");
	}
	if (b->container != c || (c == NULL && !is_default_container(container_fd)))
		return container_fail("unbind a group", ENOENT, container_fd,
				      "it is bound to another");
	close(b->fd);
	group_binding_remove(b);
	return 0;
}

/* Forget a group of stock's. */
static void
stock_forget(int group, int fd)
{
	struct group_binding *b, *next;

	pthread_mutex_lock(&backend_lock);
	for (b = SLIST_FIRST(&bindings); b != NULL; b = next) {
		next = SLIST_NEXT(b, next);
		if (b->stock && (b->group == group || b->fd == fd))
			group_binding_remove(b);
	}
	pthread_mutex_unlock(&backend_lock);
}

/* A device of the group that is set up stays where it is, as with stock. */
int
rte_vfio_container_group_unbind(int container_fd, int iommu_group_num)
{
	int ret;

	GATE_USABLE_OR_ERR_RET(-1);
	pthread_mutex_lock(&backend_lock);
	ret = cdev_group_unbind(container_fd, iommu_group_num);
	pthread_mutex_unlock(&backend_lock);
	if (ret != -ENODEV)
		return ret;
	ret = eal_api()->container_group_unbind(container_fd, iommu_group_num);
	if (ret == 0)
		stock_forget(iommu_group_num, -1);
	return ret;
}

/* Callers have closed the fd themselves. */
int
rte_vfio_clear_group(int vfio_group_fd)
{
	struct group_binding *b;
	int ret;

	GATE_USABLE_OR_ERR_RET(-1);
	pthread_mutex_lock(&backend_lock);
	SLIST_FOREACH(b, &bindings, next)
		if (!b->stock && b->fd == vfio_group_fd)
			break;
	if (b != NULL)
		group_binding_remove(b);
	pthread_mutex_unlock(&backend_lock);
	if (b != NULL)
		return 0;
	ret = eal_api()->clear_group(vfio_group_fd);
	if (ret == 0)
		stock_forget(-1, vfio_group_fd);
	return ret;
}

/* How a container is at a moment. Its fd may go, its domain stays. */
struct view {
	struct rte_vfio_cdev_domain *domain;
	bool ours;	/* it has groups or devices of ours */
	bool stocks;	/* groups of stock's */
};

static struct view
view_of(const struct container *c)
{
	struct rte_vfio_cdev_stats stats = { 0 };
	struct view view = { 0 };
	const struct group_binding *b;

	pthread_mutex_lock(&backend_lock);
	view.domain = c->domain;
	SLIST_FOREACH(b, &bindings, next) {
		view.ours |= b->container == c && !b->stock;
		view.stocks |= b->container == c && b->stock;
	}
	pthread_mutex_unlock(&backend_lock);
	if (view.domain != NULL)
		rte_vfio_cdev_domain_stats(view.domain, &stats);
	view.ours |= stats.devices != 0;
	return view;
}

int
container_map(const struct container *c, int fd, uint64_t vaddr, uint64_t iova, uint64_t len)
{
	const void *va = (const void *)(uintptr_t)vaddr;
	const struct view view = view_of(c);
	int ret;

	if (!view.ours && !c->stock)
		return container_fail("use for memory", ENODEV, fd, "bind a group first");
	ret = view.ours ? rte_vfio_cdev_domain_map(view.domain, va, iova, len, 4096) : 0;
	if (ret < 0 || (view.ours && !view.stocks))
		return eal_errno_return(ret);
	ret = eal_api()->container_dma_map(fd, vaddr, iova, len);
	if (ret < 0 && view.ours)
		rte_vfio_cdev_domain_unmap(view.domain, va, iova, len);
	return ret;
}

int
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
