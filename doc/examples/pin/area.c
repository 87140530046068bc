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
 * Ordinary memory. MADV_DONTFORK: a child has no device, so it needs no copy.
 * MADV_NOHUGEPAGE, for this example only: no transparent hugepages.
 */
static int
area_map(struct area *area)
{
	area->va = mmap(NULL, AREA_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area->va == MAP_FAILED) {
		area->va = NULL;
		return complain("map memory", errno);
	}
	if (madvise(area->va, AREA_LEN, MADV_DONTFORK) < 0)
		return complain("keep memory from children", errno);
	madvise(area->va, AREA_LEN, MADV_NOHUGEPAGE); /* EINVAL: not in this kernel */
	return 0;
}

/*
 * Until area_release() the kernel moves no page of the area, so the addresses in
 * its extents stay valid.
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

/* The order does not matter: a pin can also be released after munmap(). */
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
 * A buffer may cross a page boundary within an extent, but not the end of an
 * extent: the device would access other memory. The rest of an extent is unused.
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
