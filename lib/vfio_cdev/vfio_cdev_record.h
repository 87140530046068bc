/* SPDX-License-Identifier: BSD-3-Clause */

/* The record of a mapping, and the records of a domain (vfio_cdev_record.c). */

#ifndef VFIO_CDEV_RECORD_H
#define VFIO_CDEV_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "rte_vfio_cdev_memory.h"

struct vfio_cdev_tree;

/*
 * One mapping. Without an IOMMU several mappings may have the same memory; each has
 * its own area in the IOAS.
 */
struct vfio_cdev_record {
	struct vfio_cdev_record *left, *right;
	uint64_t end; /* greatest last byte in its subtree */
	uint64_t va;
	uint64_t iova;	     /* without an IOMMU chosen by iova_new() when pinned */
	uint64_t phys;	     /* of the first page, or ANY; with an IOMMU the IOVA */
	uint64_t units : 38; /* its length */
	uint64_t page_shift : 6;
	uint64_t users : 16;
	uint64_t pinned : 1;	  /* else it is pending */
	uint64_t any : 1;	  /* no address was given: its pages may be anywhere */
	uint64_t bar : 1;	  /* registers of a device: recorded, not pinned */
	uint64_t provisional : 1; /* see vfio_cdev_provisional.h */
	uint32_t priority;	  /* in the tree */
	uint32_t attempt;	  /* that may undo it; 0: none, since a caller relies on it */
};

/* The attempt of a record that belongs to a rte_vfio_cdev_pin: nothing else shares or undoes it. */
#define VFIO_CDEV_ATTEMPT_PIN UINT32_MAX

/* The value of a new record. */
#define VFIO_CDEV_RECORD(memory, at, bytes, page_size) \
	(struct vfio_cdev_record) \
	{ \
		.va = (uintptr_t)(memory), .iova = (at), .phys = (at), \
		.units = (bytes) >> VFIO_CDEV_UNIT_SHIFT, \
		.page_shift = (unsigned int)__builtin_ctzll(page_size), .users = 1, \
		.any = (at) == RTE_VFIO_CDEV_IOVA_ANY, \
	}

/* Of lengths, and of places in a list: every page size of Linux is a multiple of it. */
#define VFIO_CDEV_UNIT_SHIFT 12
#define VFIO_CDEV_UNIT (UINT64_C(1) << VFIO_CDEV_UNIT_SHIFT)
#define VFIO_CDEV_MAX_LEN (VFIO_CDEV_UNIT << 38)
#define VFIO_CDEV_MAX_USERS UINT16_MAX

static inline uint64_t
vfio_cdev_record_len(const struct vfio_cdev_record *rec)
{
	return (uint64_t)rec->units << VFIO_CDEV_UNIT_SHIFT;
}

static inline void *
vfio_cdev_record_va(const struct vfio_cdev_record *rec)
{
	return (void *)(uintptr_t)rec->va;
}

/* Whether it maps exactly this memory. */
static inline bool
vfio_cdev_record_is(const struct vfio_cdev_record *rec, const void *va, uint64_t len)
{
	return rec->va == (uintptr_t)va && vfio_cdev_record_len(rec) == len;
}

static inline bool
vfio_cdev_record_is_pin(const struct vfio_cdev_record *rec)
{
	return rec->attempt == VFIO_CDEV_ATTEMPT_PIN;
}

/* A caller relies on it from now on. It is no pin. */
static inline void
vfio_cdev_record_rely(struct vfio_cdev_record *rec)
{
	rec->attempt = 0;
}

/* The address off bytes on; ANY stays ANY. */
static inline uint64_t
vfio_cdev_iova_at(uint64_t iova, uint64_t off)
{
	return iova != RTE_VFIO_CDEV_IOVA_ANY ? iova + off : iova;
}

/* The number of a new attempt. The lock is held. */
uint32_t
vfio_cdev_attempt_new(struct rte_vfio_cdev_domain *domain);

/* A copy in the heap, or NULL. */
struct vfio_cdev_record *
vfio_cdev_record_new(const struct vfio_cdev_record *value);

/* Free records that are linked by right. */
void
vfio_cdev_records_free(struct vfio_cdev_record *rec);

/* The counter of pending records of its tree. */
uint64_t *
vfio_cdev_record_pending(struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_record *rec);

/* Add a record to its tree, or remove it. The lock is held. */
void
vfio_cdev_record_add(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

void
vfio_cdev_record_remove(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_record *rec);

/* Free the records of a tree. Closing the iommufd unpins their memory. */
void
vfio_cdev_records_clear(struct rte_vfio_cdev_domain *domain, struct vfio_cdev_tree *tree);

/*
 * The next mapping that is pinned and has all of this memory, or more; or NULL. Those of a pin do
 * not count: its owner may release it.
 */
struct vfio_cdev_record *
vfio_cdev_record_around(const struct rte_vfio_cdev_domain *domain,
			const struct vfio_cdev_record *after, const void *va, uint64_t len);

/* The mapping of exactly this memory at this address (ANY: at any) that is no pin's, or NULL. */
struct vfio_cdev_record *
vfio_cdev_record_find(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		      uint64_t len);

#endif /* VFIO_CDEV_RECORD_H */
