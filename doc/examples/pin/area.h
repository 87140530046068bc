/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef PIN_AREA_H
#define PIN_AREA_H

/*
 * Memory of our own that devices can use, cut into buffers for packets.
 *
 *	va ----> |  page  |  page  |  page  |  page  |	mmap(): in a row for us,
 *	           |         \        \         \
 *	IOVA ----> 5000      9000     a000      2000	but anywhere for a device
 *	           extent    extent of two      extent
 */

#include <stdint.h>

#include <rte_mbuf.h>

#include <rte_bus_vfio_cdev.h>

#define PAGE 4096u
#define AREA_LEN (2048 * PAGE)
#define BUFFER_LEN RTE_MBUF_DEFAULT_BUF_SIZE	/* a page alone has room for one */

/* Memory that devices may use, as long as it is pinned. */
struct area {
	uint8_t *va;
	struct rte_vfio_cdev_pin *pin;
	const struct rte_vfio_cdev_extent *extents;
	unsigned int n_extents;
};

/* A piece of the area that packets are sent from. */
struct buffer {
	uint8_t *va;
	rte_iova_t iova;
	struct rte_mbuf_ext_shared_info shinfo;	/* what an mbuf wants to know of it */
	struct buffer *next;			/* that is free */
};

/* Tell on stderr what could not be done, and why: "err" is an errno. Returns -err. */
int
complain(const char *what, int err);

/* Map an area, pin it for the domain's devices, and learn where it is. */
int
area_pin(struct rte_vfio_cdev_domain *domain, struct area *area);

/*
 * Unpin and unmap it, if there is anything. Without an IOMMU nothing but the
 * caller keeps devices off: they must have stopped.
 */
int
area_release(struct area *area);

/* Cut it into buffers. Returns how many there are; NULL to count only. */
unsigned int
area_cut(const struct area *area, struct buffer *buffers);

#endif /* PIN_AREA_H */
