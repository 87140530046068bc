/* SPDX-License-Identifier: BSD-3-Clause */

/* Areas of pinned memory: what is the same for all modes. */

#include <errno.h>
#include <inttypes.h>

#include "vfio_cdev_areas.h"

void
vfio_cdev_area_undo(struct vfio_cdev_areas *areas, uint64_t iova, uint64_t len)
{
	const int ret = vfio_cdev_area_unmap(areas, iova, len);

	if (ret < 0)
		vfio_cdev_fail(areas->ctx, "memory", RTE_VFIO_CDEV_STEP_UNMAP, ret,
			       "area 0x%" PRIx64, iova);
}

int
vfio_cdev_area_phys(const struct vfio_cdev_areas *areas, uint64_t iova, uint64_t *phys)
{
	uint64_t len = 1;

	return areas->ops->get_pa(areas, iova, &len, phys);
}

/*
 * A hugepage is contiguous, so only its start is queried: the kernel would walk all of
 * it in steps of 4 KiB.
 */
int
vfio_cdev_area_runs(const struct vfio_cdev_areas *areas, uint64_t iova, uint64_t len,
		    unsigned int page_shift, vfio_cdev_run_t run, void *arg)
{
	const uint64_t page = UINT64_C(1) << page_shift, base = areas->ctx->page;
	uint64_t step, phys;
	int ret = 0;

	for (uint64_t off = 0; ret == 0 && off < len; off += step) {
		step = page > base ? base : len - off;
		ret = areas->ops->get_pa(areas, iova + off, &step, &phys);
		if (page > base)
			step = page;
		else if (ret == 0 && (step == 0 || step > len - off || (step & (base - 1)) != 0))
			ret = -EPROTO;
		if (ret == 0)
			ret = run(arg, off, phys, step);
	}
	return ret;
}
