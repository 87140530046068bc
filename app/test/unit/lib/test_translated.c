/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices that have an IOMMU: their domain, and the IOVAs that it can be given. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fake_heap.h"
#include "fixture.h"

#define ADDR "0000:00:05.0"
#define NAME "vfio2"
#define NODE FAKE_CDEV(NAME)
#define ADDR2 "0000:00:06.0"
#define NAME2 "vfio3"
#define NODE2 FAKE_CDEV(NAME2)

#define WIDTH (UINT64_C(1) << 48) /* of the first one's IOMMU */
#define IOVA UINT64_C(0x10000000)

static struct rte_vfio_cdev_info infos[2];
static struct rte_vfio_cdev_device *second;

static void
node_reserve(const char *path, unsigned int index, uint64_t start, uint64_t last)
{
	fake_node(path)->reserved[index].start = start;
	fake_node(path)->reserved[index].last = last;
}

/* Two devices, of which the first has the usual ranges. */
static int
translated_begin(void **state)
{
	struct fixture *f;

	if (fixture_ctx(state) < 0)
		return -1;
	f = *state;
	second = NULL;
	fake_sysfs_add(ADDR, NAME, "510:2\n");
	fake_sysfs_add(ADDR2, NAME2, "510:3\n");
	fake_node_add(NODE, FAKE_MAJOR, 2);
	fake_node_add(NODE2, FAKE_MAJOR, 3);
	node_reserve(NODE, 0, 0xfee00000, 0xfeefffff);
	node_reserve(NODE, 1, WIDTH, UINT64_MAX);
	if (rte_vfio_cdev_find(f->ctx, fake_sysfs_base(), ADDR, &infos[0]) < 0 ||
	    rte_vfio_cdev_find(f->ctx, fake_sysfs_base(), ADDR2, &infos[1]) < 0)
		return -1;
	if (rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_TRANSLATED, &f->domain) < 0)
		return -1;
	return rte_vfio_cdev_domain_fd(f->domain) >= 0 ? 0 : -1;
}

static int
translated_end(void **state)
{
	rte_vfio_cdev_device_close(second);
	return fixture_end(state);
}

static int
first_open(struct fixture *f)
{
	return rte_vfio_cdev_device_open(f->domain, &infos[0], NULL, &f->device);
}

static int
second_open(struct fixture *f)
{
	return rte_vfio_cdev_device_open(f->domain, &infos[1], NULL, &second);
}

static int
map(const struct fixture *f, uint64_t iova, uint64_t len)
{
	return rte_vfio_cdev_domain_map(f->domain, FAKE_VA(iova & (HUGE - 1)), iova, len,
					FAKE_PAGE);
}

static int
unmap(const struct fixture *f, uint64_t iova, uint64_t len)
{
	return rte_vfio_cdev_domain_unmap(f->domain, FAKE_VA(iova & (HUGE - 1)), iova, len);
}

/* The kernel finds a HWPT for each IOMMU, and no address is asked for. */
static void
device_is_attached_to_the_ioas(void **state)
{
	struct fixture *f = *state;

	fake.rawio = false;
	fake.get_pa_error = ENOTTY;
	assert_int_equal(first_open(f), 0);
	assert_int_equal(map(f, IOVA, HUGE), 0);
	assert_kernel_holds(2, 1, HUGE);
	assert_int_equal(unmap(f, IOVA, HUGE), 0);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(fake_calls(FAKE_GET_PA), 0);
	assert_int_equal(fake_calls(FAKE_HWPT_ALLOC), 0);
	assert_int_equal(fake_calls(FAKE_COPY), 0);
}

static void
nothing_is_verified(void **state)
{
	struct rte_vfio_cdev_stats stats;
	struct fixture *f = *state;

	assert_int_equal(first_open(f), 0);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(map(f, IOVA, HUGE), 0);
		assert_int_equal(map(f, IOVA + HUGE, HUGE), 0);
		rte_vfio_cdev_domain_stats(f->domain, &stats);
		assert_int_equal(stats.pages_mapped, 2 * HUGE / FAKE_PAGE);
		assert_int_equal(stats.pages_verified, 0);
		assert_int_equal(unmap(f, IOVA, HUGE), 0);
		assert_int_equal(unmap(f, IOVA + HUGE, HUGE), 0);
	}
	rte_vfio_cdev_domain_stats(f->domain, &stats);
	assert_int_equal(stats.pages_mapped + stats.bytes + stats.mappings, 0);
}

static void
same_mapping_counts_a_user(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(first_open(f), 0);
	assert_int_equal(map(f, IOVA, HUGE), 0);
	assert_int_equal(map(f, IOVA, HUGE), 0);
	assert_int_equal(map(f, IOVA + FAKE_PAGE, HUGE), -EEXIST);
	assert_int_equal(unmap(f, IOVA, HUGE), 0);
	assert_kernel_holds(2, 1, HUGE);
	assert_int_equal(unmap(f, IOVA, HUGE), 0);
	assert_int_equal(unmap(f, IOVA, HUGE), -ENOENT);
}

/* Which the kernel would only call invalid. */
static void
mapping_outside_the_ranges_is_refused_with_the_range(void **state)
{
	const struct {
		uint64_t iova;
		const char *range;
	} cases[] = {
		{ 0xfee00000, "0xfee00000-0xfeefffff" },
		{ 0xfee00000 - FAKE_PAGE, "0xfee00000-0xfeefffff" },
		{ 0xfef00000 - FAKE_PAGE, "0xfee00000-0xfeefffff" },
		{ WIDTH, "0x1000000000000-0xffffffffffffffff" },
		{ WIDTH - FAKE_PAGE, "0x1000000000000-0xffffffffffffffff" },
		{ UINT64_C(1) << 62, "0x1000000000000-0xffffffffffffffff" },
	};
	struct fixture *f = *state;

	assert_int_equal(first_open(f), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		log_clear();
		assert_int_equal(map(f, cases[i].iova, 2 * FAKE_PAGE), -ERANGE);
		assert_logged(ERR, "cannot map", "does not translate", cases[i].range,
			      strerror(ERANGE), "--iova-mode");
	}
	assert_int_equal(fake_calls(FAKE_MAP), 0);
	assert_int_equal(map(f, 0xfee00000 - FAKE_PAGE, FAKE_PAGE), 0);
	assert_int_equal(map(f, 0xfef00000, FAKE_PAGE), 0);
	assert_int_equal(map(f, 0, FAKE_PAGE), 0);
	assert_int_equal(map(f, WIDTH - FAKE_PAGE, FAKE_PAGE), 0);
	assert_kernel_holds(2, 4, 4 * FAKE_PAGE);
}

static void
more_ranges_than_usual_are_read(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < FAKE_RESERVED; i++)
		node_reserve(NODE, i, 2 * i * HUGE, (2 * i + 1) * HUGE - 1);
	assert_int_equal(first_open(f), 0);
	assert_int_equal(fake_calls(FAKE_RANGES), 2);
	assert_int_equal(map(f, HUGE, HUGE), 0);
	assert_int_equal(map(f, (2 * FAKE_RESERVED - 2) * HUGE, HUGE), -ERANGE);
	assert_int_equal(map(f, (2 * FAKE_RESERVED - 1) * HUGE, HUGE), 0);
}

static void
ranges_that_cannot_be_read_refuse_the_device(void **state)
{
	struct fixture *f = *state;

	fake_fail(FAKE_RANGES, 1, EIO);
	assert_int_equal(first_open(f), -EIO);
	assert_logged(ERR, "IOMMU_IOAS_IOVA_RANGES", strerror(EIO));
	assert_kernel_holds(1, 0, 0);
	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_int_equal(first_open(f), -ENOMEM);
	fake_fail(FAKE_RANGES, 1, EMSGSIZE);
	assert_int_equal(first_open(f), -EPROTO);
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(first_open(f), 0);
}

/* Its own ranges exclude what is mapped. */
static void
device_that_cannot_reach_the_memory_is_refused(void **state)
{
	struct fixture *f = *state;

	node_reserve(NODE2, 0, UINT64_C(1) << 39, UINT64_MAX);
	assert_int_equal(first_open(f), 0);
	assert_int_equal(map(f, IOVA, HUGE), 0);
	assert_int_equal(map(f, UINT64_C(1) << 40, HUGE), 0);
	log_clear();
	assert_int_equal(second_open(f), -EADDRINUSE);
	assert_logged(ERR, "IOVA 0x10000000000", "0x8000000000-0xffffffffffffffff");
	assert_logged(ERR, ADDR2, "cannot attach", strerror(EADDRINUSE), "see the line before");
	assert_kernel_holds(2, 2, 2 * HUGE);
	assert_int_equal(fake_calls(FAKE_DESTROY), 1);
	assert_int_equal(map(f, UINT64_C(1) << 41, HUGE), 0);
}

static void
ranges_are_those_of_all_devices(void **state)
{
	struct fixture *f = *state;

	node_reserve(NODE2, 0, UINT64_C(1) << 39, UINT64_MAX);
	assert_int_equal(first_open(f), 0);
	assert_int_equal(second_open(f), 0);
	assert_int_equal(map(f, UINT64_C(1) << 40, HUGE), -ERANGE);
	rte_vfio_cdev_device_close(second);
	second = NULL;
	assert_int_equal(map(f, UINT64_C(1) << 40, HUGE), 0);
	assert_int_equal(map(f, WIDTH, HUGE), -ERANGE);
}

/* Another process has the file of the second as well, and closes it later. */
static void
ranges_do_not_wait_for_other_files(void **state)
{
	struct rte_vfio_cdev_device *copy;
	struct fixture *f = *state;

	node_reserve(NODE2, 0, UINT64_C(1) << 39, UINT64_MAX);
	assert_int_equal(first_open(f), 0);
	assert_int_equal(second_open(f), 0);
	assert_int_equal(rte_vfio_cdev_device_dup(second, &copy), 0);
	rte_vfio_cdev_device_close(second);
	second = NULL;
	assert_int_equal(map(f, UINT64_C(1) << 40, HUGE), 0);
	rte_vfio_cdev_device_close(copy);
}

/* The kernel's HWPT goes with the last device. */
static void
memory_is_pending_until_the_next_device(void **state)
{
	struct rte_vfio_cdev_stats stats;
	struct fixture *f = *state;

	assert_int_equal(map(f, IOVA, HUGE), 0);
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(first_open(f), 0);
	assert_kernel_holds(2, 1, HUGE);
	assert_int_equal(map(f, IOVA + HUGE, HUGE), 0);
	rte_vfio_cdev_device_close(f->device);
	f->device = NULL;
	assert_kernel_holds(1, 0, 0);
	rte_vfio_cdev_domain_stats(f->domain, &stats);
	assert_int_equal(stats.pending, 2);
	assert_int_equal(stats.pages_mapped + stats.bytes, 0);
	assert_int_equal(unmap(f, IOVA, HUGE), 0);
	assert_int_equal(map(f, IOVA + 2 * HUGE, HUGE), 0);
	assert_int_equal(second_open(f), 0);
	assert_kernel_holds(2, 2, 2 * HUGE);
	rte_vfio_cdev_domain_stats(f->domain, &stats);
	assert_int_equal(stats.pending, 0);
}

static void
pending_memory_outside_the_ranges_refuses_the_device(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(map(f, IOVA, HUGE), 0);
	assert_int_equal(map(f, 0xfee00000, FAKE_PAGE), 0);
	assert_int_equal(first_open(f), -ERANGE);
	assert_logged(ERR, "0xfee00000-0xfeefffff");
	assert_logged(ERR, ADDR, "cannot attach", strerror(ERANGE));
	assert_kernel_holds(1, 0, 0);
	assert_int_equal(unmap(f, 0xfee00000, FAKE_PAGE), 0);
	assert_int_equal(first_open(f), 0);
	assert_kernel_holds(2, 1, HUGE);
}

/* While it is split in the kernel, the device would not find the rest of it. */
static void
part_of_a_mapping_is_not_unmapped(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(first_open(f), 0);
	assert_int_equal(map(f, IOVA, 4 * FAKE_PAGE), 0);
	assert_int_equal(map(f, IOVA + 4 * FAKE_PAGE, 4 * FAKE_PAGE), 0);
	assert_int_equal(unmap(f, IOVA, FAKE_PAGE), -EOPNOTSUPP);
	assert_logged(ERR, "cannot unmap", "whole mappings");
	assert_int_equal(unmap(f, IOVA + FAKE_PAGE, 7 * FAKE_PAGE), -EOPNOTSUPP);
	assert_kernel_holds(2, 2, 8 * FAKE_PAGE);
	assert_int_equal(unmap(f, IOVA, 8 * FAKE_PAGE), 0);
	assert_kernel_holds(2, 0, 0);
}

static void
physical_addresses_are_not_given(void **state)
{
	struct fixture *f = *state;
	struct rte_vfio_cdev_pin *pin;
	uint64_t phys;

	assert_int_equal(first_open(f), 0);
	assert_int_equal(rte_vfio_cdev_domain_pin(f->domain, FAKE_VA(0), HUGE, &pin), -EOPNOTSUPP);
	assert_logged(ERR, "there is an IOMMU", "map the memory at an IOVA");
	assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(0), HUGE, &phys),
			 -EOPNOTSUPP);
	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(0), &phys), -EOPNOTSUPP);
	assert_int_equal(rte_vfio_cdev_domain_phys(f->domain, FAKE_VA(0), &phys), -EOPNOTSUPP);
	assert_int_equal(rte_vfio_cdev_domain_expect(f->domain, FAKE_VA(0), 0), -EOPNOTSUPP);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), RTE_VFIO_CDEV_IOVA_ANY,
						  HUGE, HUGE),
			 -EINVAL);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 6);
	rte_vfio_cdev_domain_sweep(f->domain);
	assert_int_equal(fake_calls(FAKE_MAP), 0);
	log_clear();
	assert_int_equal(rte_vfio_cdev_domain_prime(f->domain, &infos[1], NULL), -EOPNOTSUPP);
	assert_logged(ERR, ADDR2, "physical addresses", "there is an IOMMU");
}

/* The kernel lets it join, and then no address can be asked for. */
static void
modes_do_not_share_a_domain(void **state)
{
	struct rte_vfio_cdev_domain *noiommu;
	struct rte_vfio_cdev_device *device;
	struct fixture *f = *state;

	assert_int_equal(first_open(f), 0);
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &device), -EXDEV);
	assert_logged(ERR, FIXTURE_ADDR, "with and without an IOMMU");
	assert_int_equal(rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_NOIOMMU, &noiommu), 0);
	assert_int_equal(rte_vfio_cdev_device_open(noiommu, &infos[1], NULL, &device), -EXDEV);
	assert_int_equal(rte_vfio_cdev_domain_prime(noiommu, &infos[1], NULL), -EXDEV);
	assert_int_equal(rte_vfio_cdev_domain_destroy(noiommu), 0);
	assert_int_equal(fake_calls(FAKE_BIND), 1);
}

static void
interrupts_that_are_not_isolated_are_logged(void **state)
{
	struct fixture *f = *state;

	fake_fail(FAKE_BIND, 1, EPERM);
	assert_int_equal(first_open(f), -EPERM);
	assert_logged(ERR, ADDR, "cannot bind", "allow_unsafe_interrupts");
	assert_kernel_holds(1, 0, 0);
}

/* The kernel's error is the same. */
static void
group_that_another_driver_has_is_logged(void **state)
{
	struct fixture *f = *state;

	fake_sysfs_link("../../../../kernel/iommu_groups/5",
			"class/vfio-dev/" NAME "/device/iommu_group");
	fake_sysfs_link("../e1000e", "kernel/iommu_groups/5/devices/0000:00:05.1/driver");
	fake_fail(FAKE_BIND, 1, EPERM);
	assert_int_equal(first_open(f), -EPERM);
	assert_logged(ERR, ADDR, "cannot bind", "0000:00:05.1 of its IOMMU group driven by e1000e");
	assert_logged(ERR, ADDR, "cannot bind", "bind the others to vfio-pci");
}

/* Memory that a process cannot pin is refused with the device it waits for. */
static void
memlock_limit_refuses_the_device(void **state)
{
	struct fixture *f = *state;

	fake.memlock = HUGE;
	assert_int_equal(map(f, IOVA, HUGE), 0);
	assert_int_equal(map(f, IOVA + HUGE, HUGE), 0);
	assert_int_equal(first_open(f), -ENOMEM);
	assert_logged(ERR, "cannot map", "RLIMIT_MEMLOCK");
	assert_kernel_holds(1, 0, 0);
	fake.memlock = 2 * HUGE;
	assert_int_equal(first_open(f), 0);
	assert_kernel_holds(2, 2, 2 * HUGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, translated_begin, translated_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(device_is_attached_to_the_ioas),
		TEST(nothing_is_verified),
		TEST(same_mapping_counts_a_user),
		TEST(mapping_outside_the_ranges_is_refused_with_the_range),
		TEST(more_ranges_than_usual_are_read),
		TEST(ranges_that_cannot_be_read_refuse_the_device),
		TEST(device_that_cannot_reach_the_memory_is_refused),
		TEST(ranges_are_those_of_all_devices),
		TEST(ranges_do_not_wait_for_other_files),
		TEST(memory_is_pending_until_the_next_device),
		TEST(pending_memory_outside_the_ranges_refuses_the_device),
		TEST(part_of_a_mapping_is_not_unmapped),
		TEST(physical_addresses_are_not_given),
		TEST(modes_do_not_share_a_domain),
		TEST(interrupts_that_are_not_isolated_are_logged),
		TEST(group_that_another_driver_has_is_logged),
		TEST(memlock_limit_refuses_the_device),
	};

	return cmocka_run_group_tests_name("translated", tests, NULL, NULL);
}
