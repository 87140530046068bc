/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * rte_vfio_container_*() but the maps (container_map.c): how vDPA drivers give a device
 * memory at IOVAs of their own. Stock's functions call each other through the backend's,
 * so they are called without backend_lock. Return values and rte_errno are those of
 * lib/eal/linux/eal_vfio.c.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "container_table.h"
#include "ctx.h"
#include "device_table.h"
#include "domain.h"
#include "eal_api.h"
#include "elf_binding.h"
#include "gate.h"
#include "policy.h"
#include "state.h"
#include "stock_setup.h"

/* This thread is in a call of stock's, which must see its own containers only. */
static __thread bool in_stock_call;

/*
 * Stock's, or where stock has none an iommufd. Callers do nothing with it but pass it to
 * rte_vfio_*(); but up to 24.11 the EAL closes what it has sent to a secondary
 * (eal_vfio_mp_sync.c).
 */
int
rte_vfio_get_container_fd(void)
{
	int fd;

	GATE_USABLE_OR_ERR_RET(-1);
	fd = eal_api()->get_container_fd();
	if (gate_is_off() || eal_is_mp_thread() || in_stock_call)
		return fd;
	pthread_mutex_lock(&backend_lock);
	/* Up to 24.11 each call opens another one; the first is rte_vfio_enable()'s. */
	if (fd >= 0 && !backend.stock_container_given) {
		backend.stock_container_given = true;
		backend.stock_container_fd = fd;
	}
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES && fd < 0; mode++)
		fd = default_iommufd(mode);
	pthread_mutex_unlock(&backend_lock);
	return fd;
}

/* Is the call stock's, since the backend can have nothing of it? */
static bool
is_stocks(void)
{
	return gate_is_off() || eal_api()->process_type() != RTE_PROC_PRIMARY;
}

/* With its iommufd, which is the container's fd or is needed soon. */
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

/* The fd is stock's, or else the iommufd of a domain that is created at once. */
static int
container_add(int stock_fd)
{
	struct container *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return container_fail("create", ENOMEM, -1, "memory is short");
	c->stock = stock_fd >= 0;
	c->fd = c->stock ? stock_fd : container_domain_make(c);
	if (c->fd < 0) {
		eal_errno_set(-c->fd);
		free(c);
		return -1;
	}
	container_insert(c);
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

/* It is freed when the last device in it is released. */
int
rte_vfio_container_destroy(int container_fd)
{
	struct container *c;
	bool stock = true;

	GATE_USABLE_OR_ERR_RET(-1);
	pthread_mutex_lock(&backend_lock);
	c = container_find(container_fd);
	if (c != NULL) {
		group_bindings_close(c);
		stock = c->stock;
		c->fd = -1;
	}
	pthread_mutex_unlock(&backend_lock);
	container_put(c);
	return stock ? eal_api()->container_destroy(container_fd) : 0;
}

static int
info_get(const struct rte_vfio_cdev_info *info, void *found)
{
	*(struct rte_vfio_cdev_info *)found = *info;
	return 1;
}

/* One of the group's devices that has a cdev: 1; 0: none has; -errno. */
static int
group_device(int group, struct rte_vfio_cdev_info *info)
{
	*info = (struct rte_vfio_cdev_info){ .mode = NOIOMMU };
	if (group >= CDEV_GROUP_BASE)
		return 1;
	return group >= 0 ? rte_vfio_cdev_walk_group(backend_ctx(), group, info_get, info) : 0;
}

/* Callers check only that there is an fd: an eventfd stands for the group. */
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

	if (c == NULL && !container_is_default(container_fd))
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

/* Stock binds it; the binding is recorded. */
static int
stock_group_bind(int container_fd, int group)
{
	struct container *c;
	int fd, ret = 0;

	pthread_mutex_lock(&backend_lock);
	c = container_find(container_fd);
	pthread_mutex_unlock(&backend_lock);
	if (c != NULL && !c->stock)
		return container_fail("bind a group", ENODEV, container_fd,
				      "its device has no cdev, and stock's containers are used up "
				      "or not there");
	fd = eal_api()->container_group_bind(container_fd, group);
	if (fd < 0)
		return fd;
	pthread_mutex_lock(&backend_lock);
	/* Stock was called without the lock: the container may be destroyed. */
	c = container_find(container_fd);
	if (c != NULL && group_binding_find(group) == NULL)
		ret = group_binding_add(c, group, fd, true);
	pthread_mutex_unlock(&backend_lock);
	if (ret == 0)
		return fd;
	/* Memory would not be mapped for its devices. */
	eal_api()->container_group_unbind(container_fd, group);
	return container_fail("bind a group", -ret, container_fd, "memory is short");
}

/*
 * A device that will be set up over its group has to be in stock's container. And net/nbl
 * makes the group's ioctls itself, with the fd that it gets here (nbl_userdev.c,
 * nbl_mdev_map_device()). Other drivers only check that there is one.
 */
static bool
needs_real_group(const struct rte_vfio_cdev_info *info, int group, const void *caller)
{
	return info->mode == TRANSLATED && policy_get() == POLICY_PREFER &&
		(elf_object_is(caller, "librte_net_nbl") || group_must_do(info, group));
}

int
rte_vfio_container_group_bind(int container_fd, int iommu_group_num)
{
	const void *caller = __builtin_return_address(0);
	struct rte_vfio_cdev_info info;
	bool in_use;
	int ret;

	GATE_USABLE_OR_ERR_RET(-1);
	if (is_stocks())
		return eal_api()->container_group_bind(container_fd, iommu_group_num);
	ret = group_device(iommu_group_num, &info);
	if (ret < 0)
		return container_fail("bind a group", -ret, container_fd, "see the line before");
	if (ret == 0 || needs_real_group(&info, iommu_group_num, caller))
		return stock_group_bind(container_fd, iommu_group_num);
	in_use = device_has_group(iommu_group_num);
	pthread_mutex_lock(&backend_lock);
	ret = cdev_group_bind(container_fd, iommu_group_num, info.mode, in_use);
	pthread_mutex_unlock(&backend_lock);
	return ret;
}

/* -ENODEV: the binding is stock's. */
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
	if (b->container != c || (c == NULL && !container_is_default(container_fd)))
		return container_fail("unbind a group", ENOENT, container_fd,
				      "it is bound to another");
	close(b->fd);
	group_binding_remove(b);
	return 0;
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
		group_binding_forget_stock(iommu_group_num, -1);
	return ret;
}

/* Callers have closed the fd themselves. */
int
rte_vfio_clear_group(int vfio_group_fd)
{
	bool found;
	int ret;

	GATE_USABLE_OR_ERR_RET(-1);
	pthread_mutex_lock(&backend_lock);
	found = group_binding_forget(vfio_group_fd);
	pthread_mutex_unlock(&backend_lock);
	if (found)
		return 0;
	ret = eal_api()->clear_group(vfio_group_fd);
	if (ret == 0)
		group_binding_forget_stock(-1, vfio_group_fd);
	return ret;
}
