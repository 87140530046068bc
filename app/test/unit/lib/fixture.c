/* SPDX-License-Identifier: BSD-3-Clause */

#include <string.h>
#include <sys/resource.h>

#include "fixture.h"

static struct fixture fixture;

int
fixture_ctx(void **state)
{
	memset(&fixture, 0, sizeof(fixture));
	*state = &fixture;
	fake_reset();
	fake_sysfs_reset();
	fake_sysfs_add(FIXTURE_ADDR, FIXTURE_NAME, "510:0\n");
	fake_node_add(FIXTURE_NODE, FAKE_MAJOR, 0);
	log_clear();
	if (vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), log_capture, NULL, &fixture.ctx) < 0)
		return -1;
	return rte_vfio_cdev_find(fixture.ctx, fake_sysfs_base(), FIXTURE_ADDR, &fixture.info);
}

int
fixture_domain(void **state)
{
	if (fixture_ctx(state) < 0)
		return -1;
	if (rte_vfio_cdev_domain_create(fixture.ctx, RTE_VFIO_CDEV_NOIOMMU, &fixture.domain) < 0)
		return -1;
	return rte_vfio_cdev_domain_fd(fixture.domain) >= 0 ? 0 : -1;
}

int
fixture_open(struct fixture *f)
{
	return rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device);
}

int
fixture_device(void **state)
{
	if (fixture_domain(state) < 0)
		return -1;
	return fixture_open(&fixture);
}

int
fixture_end(void **state)
{
	struct fixture *f = *state;

	rte_vfio_cdev_device_close(f->device);
	assert_int_equal(rte_vfio_cdev_domain_destroy(f->domain), 0);
	rte_vfio_cdev_ctx_free(f->ctx);
	assert_kernel_holds(0, 0, 0);
	assert_int_equal(fake_maps_opened(), 0);
	assert_int_equal(fake_bad_fds(), 0);
	return 0;
}

struct fake_vma
file_vma(uint64_t at, uint64_t pages, uint64_t first)
{
	return (struct fake_vma){
		.va = FAKE_VA(at),
		.len = PAGES(pages),
		.page_size = FAKE_PAGE,
		.shared = true,
		.dev = FILE_DEV,
		.inode = FILE_INODE,
		.offset = PAGES(first),
	};
}

int
memory_map(const struct fixture *f, uint64_t offset, uint64_t len, uint64_t page_size)
{
	return rte_vfio_cdev_domain_map(f->domain, FAKE_VA(offset), FAKE_PHYS(offset), len,
					page_size);
}

int
memory_unmap(const struct fixture *f, uint64_t offset, uint64_t len)
{
	return rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(offset), FAKE_PHYS(offset), len);
}

int
memory_lookup(const struct fixture *f, uint64_t offset, uint64_t len)
{
	return rte_vfio_cdev_domain_lookup(f->domain, FAKE_VA(offset), FAKE_PHYS(offset), len);
}

int
pages_map(const struct fixture *f, uint64_t first, uint64_t count)
{
	return memory_map(f, PAGES(first), PAGES(count), FAKE_PAGE);
}

int
pages_unmap(const struct fixture *f, uint64_t first, uint64_t count)
{
	return memory_unmap(f, PAGES(first), PAGES(count));
}

void
files_limit(int files)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = files < 0 ? limit.rlim_max : (rlim_t)files;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

void
assert_stats(const struct fixture *f, uint64_t mappings, uint64_t pages, uint64_t bytes)
{
	struct rte_vfio_cdev_stats stats;

	rte_vfio_cdev_domain_stats(f->domain, &stats);
	assert_int_equal(stats.mappings, mappings);
	assert_int_equal(stats.pages_mapped, pages);
	assert_int_equal(stats.pages_verified, pages);
	assert_int_equal(stats.bytes, bytes);
}

void
assert_nothing_mapped(const struct fixture *f)
{
	assert_kernel_holds(2, 0, 0);
	assert_stats(f, 0, 0, 0);
}

struct rte_vfio_cdev_stats
fixture_stats(const struct fixture *f)
{
	struct rte_vfio_cdev_stats now;

	rte_vfio_cdev_domain_stats(f->domain, &now);
	return now;
}
