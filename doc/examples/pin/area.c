/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "area.h"

int
complain(const char *what, int err)
{
	fprintf(stderr, "pin: cannot %s: %s\n", what, strerror(err));
	return -err;
}

/*
 * Ordinary memory. Two of madvise(2)'s words are good to know here: a child made
 * with fork(2) shall not have this memory, since no device writes for the child;
 * and, for the sake of the example only, no transparent hugepages.
 */
static int
area_map(struct area *area)
{
	area->va = mmap(NULL, AREA_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	if (area->va == MAP_FAILED) {
		area->va = NULL;
		return complain("map memory", errno);
	}
	if (madvise(area->va, AREA_LEN, MADV_DONTFORK) < 0)
		return complain("keep memory from children", errno);
	madvise(area->va, AREA_LEN, MADV_NOHUGEPAGE);	/* EINVAL: the kernel has none */
	return 0;
}

/*
 * From here to area_release() the kernel moves no page of the area, and the
 * addresses in its extents are those of the pages.
 */
int
area_pin(struct rte_vfio_cdev_domain *domain, struct area *area)
{
	int ret = area_map(area);

	if (ret < 0)
		return ret;
	ret = rte_vfio_cdev_domain_pin(domain, area->va, AREA_LEN, &area->pin);
	if (ret < 0)
		return complain("pin memory (see the line before)", -ret);
	area->n_extents = rte_vfio_cdev_pin_extents(area->pin, &area->extents);
	return 0;
}

/* The pin goes first, but it would also go after the memory. */
int
area_release(struct area *area)
{
	int ret = rte_vfio_cdev_pin_release(area->pin);

	if (ret < 0)
		return complain("release memory", -ret);
	if (area->va != NULL)
		munmap(area->va, AREA_LEN);
	memset(area, 0, sizeof(*area));
	return 0;
}

/*
 * A buffer may go on from one page to the next within an extent, never from one
 * extent to another: the device would run into memory that is not ours. What is
 * left over at an extent's end is not used.
 */
unsigned int
area_cut(const struct area *area, struct buffer *buffers)
{
	uint8_t *va = area->va;
	unsigned int i, n = 0;
	uint64_t off;

	for (i = 0; i < area->n_extents; i++) {
		const struct rte_vfio_cdev_extent *extent = &area->extents[i];

		for (off = 0; off + BUFFER_LEN <= extent->len; off += BUFFER_LEN, n++) {
			if (buffers == NULL)
				continue;
			buffers[n].va = va + off;
			buffers[n].iova = extent->iova + off;
		}
		va += extent->len;
	}
	return n;
}
