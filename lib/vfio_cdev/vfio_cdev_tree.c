/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The records of a domain in a treap: a binary search tree that is also a heap of random
 * priorities, which keep it flat. Records may overlap, so each node has the greatest last
 * byte of its subtree: a search skips subtrees that end too early, and takes one path down.
 */

#include <stddef.h>

#include "vfio_cdev_record.h"
#include "vfio_cdev_tree.h"

/* Last bytes, since one past the last may not fit into 64 bits. */
static uint64_t
record_last(const struct vfio_cdev_tree *tree, const struct vfio_cdev_record *rec)
{
	return tree->key(rec) + (vfio_cdev_record_len(rec) - 1);
}

/* Records with the same key are ordered by address: any order will do. */
static bool
record_before(const struct vfio_cdev_tree *tree, const struct vfio_cdev_record *a,
	      const struct vfio_cdev_record *b)
{
	const uint64_t left = tree->key(a), right = tree->key(b);

	return left != right ? left < right : (uintptr_t)a < (uintptr_t)b;
}

static void
end_update(const struct vfio_cdev_tree *tree, struct vfio_cdev_record *rec)
{
	rec->end = record_last(tree, rec);
	if (rec->left != NULL && rec->left->end > rec->end)
		rec->end = rec->left->end;
	if (rec->right != NULL && rec->right->end > rec->end)
		rec->end = rec->right->end;
}

/* Split a subtree into the records before and after a record. */
static void
subtree_split(const struct vfio_cdev_tree *tree, struct vfio_cdev_record *node,
	      const struct vfio_cdev_record *at, struct vfio_cdev_record **before,
	      struct vfio_cdev_record **after)
{
	if (node == NULL) {
		*before = NULL;
		*after = NULL;
		return;
	}
	if (record_before(tree, node, at)) {
		subtree_split(tree, node->right, at, &node->right, after);
		*before = node;
	} else {
		subtree_split(tree, node->left, at, before, &node->left);
		*after = node;
	}
	end_update(tree, node);
}

/* Join two subtrees, all records of one being before those of the other. */
static struct vfio_cdev_record *
subtree_join(const struct vfio_cdev_tree *tree, struct vfio_cdev_record *before,
	     struct vfio_cdev_record *after)
{
	if (before == NULL || after == NULL)
		return before != NULL ? before : after;
	if (before->priority > after->priority) {
		before->right = subtree_join(tree, before->right, after);
		end_update(tree, before);
		return before;
	}
	after->left = subtree_join(tree, before, after->left);
	end_update(tree, after);
	return after;
}

static struct vfio_cdev_record *
subtree_add(const struct vfio_cdev_tree *tree, struct vfio_cdev_record *node,
	    struct vfio_cdev_record *rec)
{
	if (node == NULL || node->priority < rec->priority) {
		subtree_split(tree, node, rec, &rec->left, &rec->right);
		node = rec;
	} else if (record_before(tree, rec, node)) {
		node->left = subtree_add(tree, node->left, rec);
	} else {
		node->right = subtree_add(tree, node->right, rec);
	}
	end_update(tree, node);
	return node;
}

static struct vfio_cdev_record *
subtree_remove(const struct vfio_cdev_tree *tree, struct vfio_cdev_record *node,
	       const struct vfio_cdev_record *rec)
{
	if (node == rec)
		return subtree_join(tree, node->left, node->right);
	if (record_before(tree, rec, node))
		node->left = subtree_remove(tree, node->left, rec);
	else
		node->right = subtree_remove(tree, node->right, rec);
	end_update(tree, node);
	return node;
}

void
vfio_cdev_tree_add(struct vfio_cdev_tree *tree, struct vfio_cdev_record *rec)
{
	/* xorshift will do: addresses are not chosen to make the tree deep. */
	tree->random = tree->random != 0 ? tree->random : 1;
	tree->random ^= tree->random << 13;
	tree->random ^= tree->random >> 17;
	tree->random ^= tree->random << 5;
	rec->priority = tree->random;
	tree->root = subtree_add(tree, tree->root, rec);
}

void
vfio_cdev_tree_remove(struct vfio_cdev_tree *tree, struct vfio_cdev_record *rec)
{
	tree->root = subtree_remove(tree, tree->root, rec);
}

static struct vfio_cdev_record *
subtree_next(const struct vfio_cdev_tree *tree, struct vfio_cdev_record *node,
	     const struct vfio_cdev_record *after, uint64_t most, uint64_t least)
{
	struct vfio_cdev_record *found = NULL;
	bool follows;

	if (node == NULL || node->end < least)
		return NULL;
	follows = after == NULL || record_before(tree, after, node);
	if (follows)
		found = subtree_next(tree, node->left, after, most, least);
	if (found != NULL || tree->key(node) > most)
		return found;
	if (follows && record_last(tree, node) >= least)
		return node;
	return subtree_next(tree, node->right, after, most, least);
}

struct vfio_cdev_record *
vfio_cdev_tree_next(const struct vfio_cdev_tree *tree, const struct vfio_cdev_record *after,
		    uint64_t most, uint64_t least)
{
	return subtree_next(tree, tree->root, after, most, least);
}
