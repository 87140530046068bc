/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef PIN_AREA_H
#define PIN_AREA_H

/*
 * Memory of the application that devices can use, cut into packet buffers.
 *
 *	va ----> |  page  |  page  |  page  |  page  |	mmap(): contiguous here,
 *	           |         \        \         \
 *	IOVA ----> 5000      9000     a000      2000	scattered for a device
 *	           extent    extent of two      extent
 */

#include <stdint.h>

#include <rte_mbuf.h>

#include <rte_bus_vfio_cdev.h>

#define PAGE 4096u
#define AREA_LEN (2048 * PAGE)
#define BUFFER_LEN RTE_MBUF_DEFAULT_BUF_SIZE /* fits into one page */

/* Memory that devices may use while it is pinned. */
struct area {
	uint8_t *va;
	struct rte_vfio_cdev_pin *pin;
	const struct rte_vfio_cdev_extent *extents;
	unsigned int n_extents;
};

/* A part of the area from which packets are sent. */
struct buffer {
	uint8_t *va;
	rte_iova_t iova;
	struct rte_mbuf_ext_shared_info shinfo; /* for the mbuf it is attached to */
	struct buffer *next;			/* in the list of free buffers */
};

/* Print the failed step and its cause, the errno err, to stderr. Returns -err. */
int
complain(const char *what, int err);

/* Map an area, pin it for the domain's devices, and get its extents. */
int
area_pin(struct rte_vfio_cdev_domain *domain, struct area *area);

/*
 * Unpin and unmap an area, if it is mapped. Without an IOMMU nothing prevents
 * access by devices: the caller must have stopped them.
 */
int
area_release(struct area *area);

/* Cut an area into buffers, or only count them (NULL). Returns their number. */
unsigned int
area_cut(const struct area *area, struct buffer *buffers);

#endif /* PIN_AREA_H */
