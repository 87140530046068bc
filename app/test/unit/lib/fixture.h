/* SPDX-License-Identifier: BSD-3-Clause */

/* Setup and teardown of the tests of librte_vfio_cdev, and short names of their calls. */

#ifndef FIXTURE_H
#define FIXTURE_H

#include <sys/sysmacros.h>

#include "asserts.h"
#include "fake_sysfs.h"
#include "vfio_cdev_private.h"

#define FIXTURE_ADDR "0000:00:03.0"
#define FIXTURE_NAME "noiommu-vfio0"
#define FIXTURE_NODE FAKE_CDEV(FIXTURE_NAME)

#define HUGE (UINT64_C(2) << 20)
#define PAGES(count) ((count)*FAKE_PAGE)

/* Tests that start with the context, the domain or the device of struct fixture. */
#define CTX_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_ctx, fixture_end)
#define DOMAIN_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_domain, fixture_end)
#define DEVICE_TEST(name) cmocka_unit_test_setup_teardown(name, fixture_device, fixture_end)

/* The teardown ends what a test left set. */
struct fixture {
	struct rte_vfio_cdev_ctx *ctx;
	struct rte_vfio_cdev_info info; /* of FIXTURE_ADDR, which is there */
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_device *device;
};

/* A ctx, and a device that is not open yet. */
int
fixture_ctx(void **state);

/* And a domain, whose iommufd is open. */
int
fixture_domain(void **state);

/* And the device open in it. */
int
fixture_device(void **state);

int
fixture_end(void **state);

/* Open the device, whose domain fixture_domain() made. */
int
fixture_open(struct fixture *f);

/* The statistics of its domain now. */
struct rte_vfio_cdev_stats
fixture_stats(const struct fixture *f);

#define FILE_DEV makedev(0, 15)
#define FILE_INODE 77

/* Memory at an offset that is a shared file's, from one of its pages on. */
struct fake_vma
file_vma(uint64_t at, uint64_t pages, uint64_t first);

/* The memory at an offset, with its true address. */
int
memory_map(const struct fixture *f, uint64_t offset, uint64_t len, uint64_t page_size);

int
memory_unmap(const struct fixture *f, uint64_t offset, uint64_t len);

int
memory_lookup(const struct fixture *f, uint64_t offset, uint64_t len);

/* The same in pages of FAKE_PAGE. */
int
pages_map(const struct fixture *f, uint64_t first, uint64_t count);

int
pages_unmap(const struct fixture *f, uint64_t first, uint64_t count);

void
assert_stats(const struct fixture *f, uint64_t mappings, uint64_t pages, uint64_t bytes);

/* The number of files that this process may open: none (0), or as many as possible (-1). */
void
files_limit(int files);

/* Only the device's two files are there, nothing mapped, pinned or counted. */
void
assert_nothing_mapped(const struct fixture *f);

#endif /* FIXTURE_H */
