/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container_table.h"
#include "eal_api.h"
#include "log_sink.h"
#include "state.h"

/* Guarded by backend_lock. */
static SLIST_HEAD(, container) containers = SLIST_HEAD_INITIALIZER(containers);
static SLIST_HEAD(, group_binding) bindings = SLIST_HEAD_INITIALIZER(bindings);

int
container_fail(const char *what, int err, int fd, const char *advice)
{
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "container %d: cannot %s: %s; %s", fd, what, strerror(err),
		 advice);
	eal_errno_set(err);
	return -1;
}

bool
container_is_default(int fd)
{
	return fd == RTE_VFIO_DEFAULT_CONTAINER_FD ||
		(backend.stock_container_given && fd == backend.stock_container_fd) ||
		(fd >= 0 && (fd == default_iommufd(NOIOMMU) || fd == default_iommufd(TRANSLATED)));
}

struct container *
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

void
container_insert(struct container *c)
{
	c->users = 1;
	pthread_mutex_lock(&backend_lock);
	SLIST_INSERT_HEAD(&containers, c, next);
	pthread_mutex_unlock(&backend_lock);
}

bool
container_has_groups(const struct container *c, bool stock)
{
	const struct group_binding *b;

	SLIST_FOREACH(b, &bindings, next)
		if (b->container == c && b->stock == stock)
			break;
	return b != NULL;
}

struct group_binding *
group_binding_find(int group)
{
	struct group_binding *b;

	SLIST_FOREACH(b, &bindings, next)
		if (b->group == group)
			break;
	return b;
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

int
group_binding_add(struct container *c, int group, int fd, bool stock)
{
	struct group_binding *b = malloc(sizeof(*b));

	if (b == NULL)
		return -ENOMEM;
	*b = (struct group_binding){ .container = c, .group = group, .fd = fd, .stock = stock };
	SLIST_INSERT_HEAD(&bindings, b, next);
	return 0;
}

void
group_binding_remove(struct group_binding *b)
{
	SLIST_REMOVE(&bindings, b, group_binding, next);
	free(b);
}

void
group_bindings_close(const struct container *c)
{
	struct group_binding *b, *next;

	for (b = SLIST_FIRST(&bindings); b != NULL; b = next) {
		next = SLIST_NEXT(b, next);
		if (b->container != c)
			continue;
		if (!b->stock)
			close(b->fd);
		group_binding_remove(b);
	}
}

bool
group_binding_forget(int fd)
{
	struct group_binding *b;

	SLIST_FOREACH(b, &bindings, next)
		if (!b->stock && b->fd == fd)
			break;
	if (b == NULL)
		return false;
	group_binding_remove(b);
	return true;
}

void
group_binding_forget_stock(int group, int fd)
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
