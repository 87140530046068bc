/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the bookkeeping of a domain costs, per mapping, when the kernel costs
 * nothing: run it with "meson test --benchmark -v".
 */

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fake_kernel.h"
#include "iommufd_uapi.h"
#include "vfio_cdev_private.h"

#define HUGE (UINT64_C(2) << 20)

static int
free_open(const char *path, int flags)
{
	(void)path;
	(void)flags;
	return 0;
}

static int
free_close(int fd)
{
	(void)fd;
	return 0;
}

static int
free_rdev(int fd, dev_t *rdev)
{
	(void)fd;
	*rdev = 0;
	return 0;
}

/* The address of memory is its IOVA. */
static int
free_get_pa(struct ifd_noiommu_get_pa *cmd)
{
	cmd->out_phys = cmd->iova;
	errno = ENOENT;
	return cmd->ioas_id != 0 ? 0 : -1;
}

static int
free_map(struct ifd_ioas_map *cmd)
{
	cmd->iova = FAKE_PHYS(cmd->user_va - (uintptr_t)FAKE_VA(0));
	return 0;
}

static int
free_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	switch (request) {
	case IFD_IOAS_ALLOC:
		((struct ifd_ioas_alloc *)arg)->out_ioas_id = 1;
		return 0;
	case IFD_HWPT_ALLOC:
		((struct ifd_hwpt_alloc *)arg)->out_hwpt_id = 2;
		return 0;
	case IFD_IOAS_MAP:
		return free_map(arg);
	case IFD_NOIOMMU_GET_PA:
		return free_get_pa(arg);
	default:
		return 0;
	}
}

static uint64_t
free_page_size(void)
{
	return 4096;
}

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

static const struct iommufd_sys free_sys = {
	.open = free_open,
	.close = free_close,
	.ioctl = free_ioctl,
	.rdev = free_rdev,
	.page_size = free_page_size,
	.now = now_ns,
};

/* Each number below count once, out of order; count is no multiple of 7919. */
static uint64_t
shuffled(uint64_t i, uint64_t count)
{
	return i * 7919 % count;
}

static int
page_map(struct rte_vfio_cdev_domain *domain, uint64_t offset)
{
	return rte_vfio_cdev_domain_map(domain, FAKE_VA(offset), FAKE_PHYS(offset), HUGE, HUGE);
}

static int
page_lookup(struct rte_vfio_cdev_domain *domain, uint64_t offset)
{
	return rte_vfio_cdev_domain_lookup(domain, FAKE_VA(offset), FAKE_PHYS(offset), HUGE);
}

static int
page_unmap(struct rte_vfio_cdev_domain *domain, uint64_t offset)
{
	return rte_vfio_cdev_domain_unmap(domain, FAKE_VA(offset), FAKE_PHYS(offset), HUGE);
}

/* That this process has run: how busy the machine is does not count. */
static uint64_t
run_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

/* Nanoseconds per call, each for another page; less than 0 if one failed. */
static double
calls_time(struct rte_vfio_cdev_domain *domain, uint64_t count,
	   int (*call)(struct rte_vfio_cdev_domain *, uint64_t))
{
	const uint64_t start = run_ns();
	int failed = 0;

	for (uint64_t i = 0; i < count; i++)
		failed |= call(domain, shuffled(i, count) * HUGE);
	return failed != 0 ? -1 : (double)(run_ns() - start) / (double)count;
}

static int
bench(struct rte_vfio_cdev_domain *domain, uint64_t count)
{
	const size_t before = mallinfo2().uordblks;
	double map, lookup, unmap, bytes;

	map = calls_time(domain, count, page_map);
	bytes = (double)(mallinfo2().uordblks - before) / (double)count;
	lookup = calls_time(domain, count, page_lookup);
	unmap = calls_time(domain, count, page_unmap);
	printf("%9" PRIu64 " mappings: map %6.0f ns, lookup %6.0f ns, unmap %6.0f ns, "
	       "%5.1f bytes each\n",
	       count, map, lookup, unmap, bytes);
	return map < 0 || lookup < 0 || unmap < 0 ? -1 : 0;
}

/* With an argument, as in the tests: only that it runs. */
int
main(int argc, char **argv)
{
	static const uint64_t counts[] = { 1000, 32768, 1000000 };
	const size_t count = argc > 1 ? 1 : sizeof(counts) / sizeof(counts[0]);
	struct rte_vfio_cdev_info info = { .addr = "bench", .name = "noiommu-vfio0" };
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_ctx *ctx;
	int ret = 0;

	(void)argv;
	if (vfio_cdev_ctx_create(&free_sys, "/sys", NULL, NULL, &ctx) < 0 ||
	    rte_vfio_cdev_domain_create(ctx, RTE_VFIO_CDEV_NOIOMMU, &domain) < 0 ||
	    rte_vfio_cdev_domain_prime(domain, &info, NULL) < 0)
		return EXIT_FAILURE;
	for (size_t i = 0; i < count; i++)
		ret |= bench(domain, counts[i]);
	rte_vfio_cdev_domain_destroy(domain);
	rte_vfio_cdev_ctx_free(ctx);
	return ret == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
