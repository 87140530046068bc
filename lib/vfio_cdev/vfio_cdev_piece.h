/* SPDX-License-Identifier: BSD-3-Clause */

/* The pieces of a large mapping (vfio_cdev_piece.c). The lock is held. */

#ifndef VFIO_CDEV_PIECE_H
#define VFIO_CDEV_PIECE_H

#include "vfio_cdev_record.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Larger mappings are made in pieces that end at multiples of it. */
#define VFIO_CDEV_PIECE_SHIFT 30
#define VFIO_CDEV_PIECE (UINT64_C(1) << VFIO_CDEV_PIECE_SHIFT)

struct vfio_cdev_request {
	const void *va;
	uint64_t iova;
	uint64_t len;
	uint64_t page_size;
	uint32_t attempt;	/* not 0: only new records are taken back, which have it */
};

/* The piece that begins after so many bytes. */
struct vfio_cdev_record
vfio_cdev_piece_at(const struct rte_vfio_cdev_domain *domain, const struct vfio_cdev_request *req,
		   uint64_t off);

/* How long the piece is that begins off bytes after the start, the key, of a range. */
uint64_t
vfio_cdev_piece_len(uint64_t key, uint64_t off, uint64_t len, uint64_t page_size);

/* The page size that says into which pieces a range was mapped. The lock is held. */
uint64_t
vfio_cdev_pieces_page(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova);

/* Is each piece of a range mapped, just so? The lock is held. */
bool
vfio_cdev_pieces_match(const struct rte_vfio_cdev_domain *domain, const void *va, uint64_t iova,
		       uint64_t len);

#ifdef __cplusplus
}
#endif

#endif /* VFIO_CDEV_PIECE_H */
