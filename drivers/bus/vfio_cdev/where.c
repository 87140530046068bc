/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory that the application maps with the IOVA 0. testpmd's --mp-alloc=anon
 * does: memory by pages, whose addresses it has asked for one by one, is mapped
 * as a whole. Without an IOMMU there is but one place for it, where it is.
 */

#include <errno.h>
#include <inttypes.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "private.h"

struct where_pin {
	SLIST_ENTRY(where_pin) below;
	struct rte_vfio_cdev_pin *pin;
};

/* The pins of a range, one for each time that it was mapped. */
struct where {
	uint64_t va;
	uint64_t len;
	SLIST_HEAD(, where_pin) pins;
};

static int
where_compare(const void *left, const void *right)
{
	const struct where *a = left;
	const struct where *b = right;

	if (a->va + (a->len - 1) < b->va)
		return -1;
	return b->va + (b->len - 1) < a->va ? 1 : 0;
}

static int
where_fail(const char *what, int err, uint64_t va, uint64_t len, const char *advice)
{
	bus_log(RTE_VFIO_CDEV_LOG_ERR,
		"memory: cannot %s where it is (IOVA 0) 0x%" PRIx64 " (%" PRIu64
		" bytes): %s; %s", what, va, len, strerror(-err), advice);
	return err;
}

/* Any that overlaps, or NULL. */
static struct where *
where_find(uint64_t va, uint64_t len)
{
	const struct where key = { .va = va, .len = len };
	void *node = len != 0 ? tfind(&key, &backend.wheres, where_compare) : NULL;

	return node != NULL ? *(struct where **)node : NULL;
}

static struct where *
where_add(uint64_t va, uint64_t len)
{
	struct where *where = calloc(1, sizeof(*where));

	if (where == NULL)
		return NULL;
	where->va = va;
	where->len = len;
	if (tsearch(where, &backend.wheres, where_compare) != NULL)
		return where;
	free(where);
	return NULL;
}

static void
where_drop_empty(struct where *where)
{
	if (!SLIST_EMPTY(&where->pins))
		return;
	tdelete(where, &backend.wheres, where_compare);
	free(where);
}

static int
where_pin(struct where *where)
{
	struct where_pin *pin = malloc(sizeof(*pin));
	int ret;

	if (pin == NULL)
		return where_fail("map", -ENOMEM, where->va, where->len, "memory is short");
	ret = rte_vfio_cdev_domain_pin(backend.domains[NOIOMMU], (const void *)(uintptr_t)where->va,
				       where->len, &pin->pin);
	if (ret < 0)
		free(pin);
	else
		SLIST_INSERT_HEAD(&where->pins, pin, below);
	return ret;
}

int
where_map(uint64_t va, uint64_t len)
{
	struct where *where;
	int ret;

	if (len == 0 || va + (len - 1) < va)
		return where_fail("map", -EINVAL, va, len, "give a length that fits");
	if (!domain_prime())
		return where_fail("map", -ENODEV, va, len, "set up a device first");
	where = where_find(va, len);
	if (where != NULL && (where->va != va || where->len != len))
		return where_fail("map", -EEXIST, va, len, "unmap first what it overlaps");
	if (where == NULL)
		where = where_add(va, len);
	if (where == NULL)
		return where_fail("map", -ENOMEM, va, len, "memory is short");
	ret = where_pin(where);
	where_drop_empty(where);
	return ret;
}

bool
where_has(uint64_t va, uint64_t len)
{
	return where_find(va, len) != NULL;
}

int
where_unmap(uint64_t va, uint64_t len)
{
	struct where *where = where_find(va, len);
	struct where_pin *pin;
	int ret;

	if (where == NULL)
		return where_fail("unmap", -ENOENT, va, len, "nothing is mapped there");
	if (where->va != va || where->len != len)
		return where_fail("unmap", -EOPNOTSUPP, va, len, "unmap what was mapped at once");
	pin = SLIST_FIRST(&where->pins);
	ret = rte_vfio_cdev_pin_release(pin->pin);
	if (ret < 0)
		return ret;
	SLIST_REMOVE_HEAD(&where->pins, below);
	free(pin);
	where_drop_empty(where);
	return 0;
}
