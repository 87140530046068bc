/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The mappings of a domain in glibc's red-black tree, tsearch(3). Records never
 * overlap, so "overlaps" can serve as "equal" and every question is one search.
 */

#include <errno.h>
#include <search.h>
#include <stdlib.h>

#include "vfio_cdev_private.h"

static int
record_compare(const void *left, const void *right)
{
	const struct vfio_cdev_record *a = left;
	const struct vfio_cdev_record *b = right;

	/* Last bytes, since one past the last may not fit into 64 bits. */
	if (record_last(a) < b->iova)
		return -1;
	if (record_last(b) < a->iova)
		return 1;
	return 0;
}

struct vfio_cdev_record *
record_find(void *const *tree, uint64_t iova, uint64_t len)
{
	const struct vfio_cdev_record key = { .iova = iova, .pages_4k = len >> 12 };
	void *node = tfind(&key, tree, record_compare);

	return node != NULL ? *(struct vfio_cdev_record **)node : NULL;
}

struct record_search {
	uint64_t iova;
	struct vfio_cdev_record **lowest;
};

/* Equal to nothing: leads to a leaf, past the lowest record that will do. */
static int
next_compare(const void *key, const void *element)
{
	const struct record_search *search = key;
	const struct vfio_cdev_record *rec = element;

	if (record_last(rec) < search->iova)
		return 1;
	*search->lowest = (struct vfio_cdev_record *)(uintptr_t)rec;
	return -1;
}

struct vfio_cdev_record *
record_next(void *const *tree, uint64_t iova)
{
	struct vfio_cdev_record *lowest = NULL;
	const struct record_search search = { .iova = iova, .lowest = &lowest };

	tfind(&search, tree, next_compare);
	return lowest;
}

struct vfio_cdev_record *
record_after(void *const *tree, const struct vfio_cdev_record *rec)
{
	const uint64_t last = record_last(rec);

	return last != UINT64_MAX ? record_next(tree, last + 1) : NULL;
}

static int
record_insert(void **tree, struct vfio_cdev_record *rec)
{
	void *node = tsearch(rec, tree, record_compare);

	if (node == NULL)
		return -ENOMEM;
	return *(struct vfio_cdev_record **)node == rec ? 0 : -EEXIST;
}

struct vfio_cdev_record *
record_add(void **tree, const struct vfio_cdev_record *value)
{
	struct vfio_cdev_record *rec = malloc(sizeof(*rec));

	if (rec == NULL)
		return NULL;
	*rec = *value;
	if (record_insert(tree, rec) == 0)
		return rec;
	free(rec);
	return NULL;
}

void
record_remove(void **tree, struct vfio_cdev_record *rec)
{
	tdelete(rec, tree, record_compare);
	free(rec);
}

void
record_remove_all(void **tree)
{
	while (*tree != NULL)
		record_remove(tree, **(struct vfio_cdev_record ***)tree);
}

int
record_split(void **tree, struct vfio_cdev_record *rec, uint64_t at)
{
	struct vfio_cdev_record upper = *rec;
	const uint64_t below = (at - rec->iova) >> 12;

	upper.iova = at;
	upper.va += below << 12;
	upper.pages_4k -= below;
	rec->pages_4k = below;
	if (record_add(tree, &upper) != NULL)
		return 0;
	rec->pages_4k += upper.pages_4k;
	return -ENOMEM;
}

void
record_join(void **tree, struct vfio_cdev_record *rec)
{
	struct vfio_cdev_record *upper = record_after(tree, rec);
	const uint64_t pages = upper->pages_4k;

	record_remove(tree, upper);
	rec->pages_4k += pages;
}
