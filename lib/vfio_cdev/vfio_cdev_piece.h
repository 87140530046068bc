/* SPDX-License-Identifier: BSD-3-Clause */

/* The pieces of a large mapping (vfio_cdev_piece.c). */

#ifndef VFIO_CDEV_PIECE_H
#define VFIO_CDEV_PIECE_H

#include "vfio_cdev_record.h"

/* A larger mapping is split into pieces that end at multiples of this size. */
#define VFIO_CDEV_PIECE_SHIFT 30
#define VFIO_CDEV_PIECE (UINT64_C(1) << VFIO_CDEV_PIECE_SHIFT)

/* What a caller wants to map. */
struct vfio_cdev_request {
	const void *va;
	uint64_t iova;
	uint64_t len;
	uint64_t page_size;
	uint32_t attempt; /* not 0: on error only records with it are undone */
};

/* The record of the piece that begins off bytes after the start. */
struct vfio_cdev_record
vfio_cdev_piece_at(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_request *req,
		   uint64_t off);

/* The length of the piece that begins off bytes after key, the start of len bytes. */
uint64_t
vfio_cdev_piece_len(uint64_t key, uint64_t off, uint64_t len, uint64_t page_size);

/* The page size by which this memory was split into pieces. The lock is held. */
uint64_t
vfio_cdev_pieces_page(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova);

/* Whether each piece of this memory is mapped as such. The lock is held. */
bool
vfio_cdev_pieces_match(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		       uint64_t len);

#endif /* VFIO_CDEV_PIECE_H */
