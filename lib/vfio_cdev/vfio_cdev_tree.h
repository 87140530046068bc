/* SPDX-License-Identifier: BSD-3-Clause */

/* Records in the order of their keys, which may overlap (vfio_cdev_tree.c). */

#ifndef VFIO_CDEV_TREE_H
#define VFIO_CDEV_TREE_H

#include "vfio_cdev_record.h"

struct vfio_cdev_tree {
	struct vfio_cdev_record *root;
	uint64_t (*key)(const struct vfio_cdev_record *rec);
	uint32_t random;
};

void
vfio_cdev_tree_add(struct vfio_cdev_tree *tree, struct vfio_cdev_record *rec);

/* Remove a record that is in the tree. */
void
vfio_cdev_tree_remove(struct vfio_cdev_tree *tree, struct vfio_cdev_record *rec);

/*
 * The first record after another one (NULL: from the start) that has a key of at most
 * most and does not end below least; or NULL. With the last and the first byte of a
 * range that is the next record that overlaps it; with the first and the last byte,
 * the next one that contains it.
 */
struct vfio_cdev_record *
vfio_cdev_tree_next(const struct vfio_cdev_tree *tree, const struct vfio_cdev_record *after,
		    uint64_t most, uint64_t least);

#endif /* VFIO_CDEV_TREE_H */
