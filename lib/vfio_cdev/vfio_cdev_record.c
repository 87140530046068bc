/* SPDX-License-Identifier: BSD-3-Clause */

/* The records of a domain, in two trees: of mappings and of provisional pins. */

#include <stdlib.h>

#include "vfio_cdev_record.h"
#include "vfio_cdev_state.h"

/* 1 to VFIO_CDEV_ATTEMPT_PIN - 1. */
uint32_t
vfio_cdev_attempt_new(struct rte_vfio_cdev_domain *domain)
{
	domain->attempt = domain->attempt % (VFIO_CDEV_ATTEMPT_PIN - 1) + 1;
	return domain->attempt;
}

struct vfio_cdev_record *
vfio_cdev_record_new(const struct vfio_cdev_record *value)
{
	struct vfio_cdev_record *rec = malloc(sizeof(*rec));

	if (rec != NULL)
		*rec = *value;
	return rec;
}

void
vfio_cdev_records_free(struct vfio_cdev_record *rec)
{
	struct vfio_cdev_record *next;

	for (; rec != NULL; rec = next) {
		next = rec->right;
		free(rec);
	}
}

static struct vfio_cdev_tree *
tree_of(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	return rec->provisional ? &domain->provisional : &domain->tree;
}

uint64_t *
vfio_cdev_record_pending(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec)
{
	return rec->provisional ? &domain->provisional_pending : &domain->stats.pending;
}

void
vfio_cdev_record_add(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	vfio_cdev_tree_add(tree_of(domain, rec), rec);
	*vfio_cdev_record_pending(domain, rec) += !rec->pinned;
}

void
vfio_cdev_record_remove(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec)
{
	vfio_cdev_tree_remove(tree_of(domain, rec), rec);
	*vfio_cdev_record_pending(domain, rec) -= !rec->pinned;
}

void
vfio_cdev_records_clear(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_tree *tree)
{
	struct vfio_cdev_record *rec;

	while ((rec = tree->root) != NULL) {
		vfio_cdev_record_remove(domain, rec);
		free(rec);
	}
}

struct vfio_cdev_record *
vfio_cdev_record_around(const struct rte_vfio_cdev_domain *domain,
			const struct vfio_cdev_record *after, const void *va, uint64_t len)
{
	struct vfio_cdev_record *rec = (struct vfio_cdev_record *)(uintptr_t)after;
	const uintptr_t start = (uintptr_t)va;

	do {
		rec = vfio_cdev_tree_next(&domain->tree, rec, start, start + (len - 1));
	} while (rec != NULL && (!rec->pinned || rec->bar || vfio_cdev_record_is_pin(rec)));
	return rec;
}

struct vfio_cdev_record *
vfio_cdev_record_find(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		      uint64_t len)
{
	const struct vfio_cdev_record want = VFIO_CDEV_RECORD(va, iova, len, domain->ctx->page);
	const uint64_t key = domain->mode->key(&want);
	struct vfio_cdev_record *rec = NULL;

	do {
		rec = vfio_cdev_tree_next(&domain->tree, rec, key, key);
	} while (rec != NULL &&
		 (vfio_cdev_record_is_pin(rec) || !vfio_cdev_record_is(rec, va, len) ||
		  (iova != RTE_VFIO_CDEV_IOVA_ANY && rec->phys != iova)));
	return rec;
}
