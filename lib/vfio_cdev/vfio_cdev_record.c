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
	if (a->iova + (record_len(a) - 1) < b->iova)
		return -1;
	if (b->iova + (record_len(b) - 1) < a->iova)
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

int
record_insert(void **tree, struct vfio_cdev_record *rec)
{
	void *node = tsearch(rec, tree, record_compare);

	if (node == NULL)
		return -ENOMEM;
	return *(struct vfio_cdev_record **)node == rec ? 0 : -EEXIST;
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
