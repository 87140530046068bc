/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A backend that is broken in one place: it takes a wrong address for one page. The
 * address that it gets instead is that of a page of ours, so that no other memory
 * comes to harm.
 */

#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "iommufd.h"

#define HUGEPAGE (UINT64_C(2) << 20)
#define SMALL_PAGE UINT64_C(4096)
#define VICTIM 6 /* not one with a device's rings: those come last */
/* Documentation/admin-guide/mm/pagemap.rst */
#define PAGEMAP_PFN ((UINT64_C(1) << 55) - 1)

__typeof__(iommufd_noiommu_get_pa) __real_iommufd_noiommu_get_pa, __wrap_iommufd_noiommu_get_pa;

/* The address of a hugepage that is ours for good, or 0. */
static uint64_t
decoy_make(void)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE;
	void *decoy = mmap(NULL, HUGEPAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (decoy == MAP_FAILED ||
	    pread(fd, &entry, sizeof(entry), (uintptr_t)decoy / SMALL_PAGE * sizeof(entry)) !=
		    sizeof(entry))
		entry = 0;
	close(fd);
	return (entry & PAGEMAP_PFN) * SMALL_PAGE;
}

/* Called with the domain's lock held. */
int
__wrap_iommufd_noiommu_get_pa(const struct iommufd_sys *sys, int iommufd, uint32_t ioas_id,
			      uint64_t iova, uint64_t *len, uint64_t *phys)
{
	static uint64_t asked[VICTIM], decoy;
	static unsigned int count;
	int ret = __real_iommufd_noiommu_get_pa(sys, iommufd, ioas_id, iova, len, phys);
	const uint64_t page = *phys & ~(HUGEPAGE - 1);

	if (ret < 0)
		return ret;
	if (count < VICTIM && iova % HUGEPAGE == 0 && *phys == page &&
	    (count == 0 || page != asked[count - 1]))
		asked[count++] = page;
	if (count < VICTIM || page != asked[VICTIM - 1])
		return 0;
	if (decoy == 0)
		decoy = decoy_make();
	*phys = decoy + *phys % HUGEPAGE;
	return 0;
}
