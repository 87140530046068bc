/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory mapped with the IOVA 0, and pinned by the application itself; RTE_VFIO_CDEV=prefer. */

#include <errno.h>

#include <rte_errno.h>

#include "rte_bus_vfio_cdev.h"
#include "test_bus.h"

static int
map(uint64_t offset, uint64_t len)
{
	return bus_map(DEFAULT, offset, 0, len);
}

static int
unmap(uint64_t offset, uint64_t len)
{
	return bus_unmap(DEFAULT, offset, 0, len);
}

static void
device_setup_ok(void)
{
	int fd;

	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
}

static void
scattered_memory_is_mapped_where_it_is(void **state)
{
	(void)state;
	device_setup_ok();
	fake_page_move(FAKE_VA(3 * FAKE_PAGE), FAKE_PHYS(FAKE_HUGE));
	assert_int_equal(map(0, LEN), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_int_equal(unmap(0, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
}

/* testpmd --mp-alloc=anon: addresses page by page, one map, once per port. */
static void
pages_whose_address_was_asked_for_are_the_ones_mapped(void **state)
{
	rte_iova_t first;

	(void)state;
	device_setup_ok();
	fake.restless = FAKE_VA(0);
	first = rte_mem_virt2iova(FAKE_VA(0));
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAKE_PAGE)), FAKE_PHYS(FAKE_PAGE));
	for (unsigned int port = 0; port < 2; port++)
		assert_int_equal(map(0, LEN), 0);
	assert_int_equal(fake_phys(FAKE_VA(0)), first);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

static void
part_of_it_is_unmapped(void **state)
{
	(void)state;
	device_setup_ok();
	assert_int_equal(map(0, LEN), 0);
	assert_int_equal(unmap(0, LEN + FAKE_PAGE), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(unmap(2 * LEN, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(FAKE_PAGE, FAKE_PAGE), 0);
	assert_kernel_holds(2, 2, LEN - FAKE_PAGE);
	assert_int_equal(unmap(0, FAKE_PAGE), 0);
	assert_int_equal(unmap(2 * FAKE_PAGE, LEN - 2 * FAKE_PAGE), 0);
	assert_kernel_holds(2, 0, 0);
}

/* Two that overlap are two mappings, and so are two at other addresses. */
static void
parts_are_mapped_as_well(void **state)
{
	(void)state;
	device_setup_ok();
	assert_int_equal(map(0, LEN), 0);
	assert_int_equal(map(FAKE_PAGE, LEN), 0);
	assert_int_equal(map(0, FAKE_PAGE), 0);
	assert_int_equal(unmap(FAKE_PAGE, LEN), 0);
	assert_kernel_holds(2, 2, LEN + FAKE_PAGE);
	assert_int_equal(unmap(0, FAKE_PAGE), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

static void
neighbours_are_mapped_apart(void **state)
{
	(void)state;
	device_setup_ok();
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(map(((i + 1) % 3) * LEN, LEN), 0);
	assert_kernel_holds(2, 3, 3 * LEN);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(unmap(i * LEN, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

static void
bad_ranges_are_refused(void **state)
{
	(void)state;
	device_setup_ok();
	assert_int_equal(map(0, 0), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(map(5, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(map(0, -FAKE_PAGE), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(map(0, LEN), 0);
	assert_int_equal(rte_vfio_container_dma_map(DEFAULT, 0, 0, 0), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(unmap(FAKE_PAGE, 0), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

static void
what_fails_leaves_nothing_mapped(void **state)
{
	(void)state;
	device_setup_ok();
	fake_fail(FAKE_MAP, 1, EFAULT);
	assert_int_equal(map(0, LEN), -1);
	assert_int_equal(rte_errno, EFAULT);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(unmap(0, LEN), -1);
	assert_int_equal(rte_errno, EINVAL);
}

static void
unmap_that_fails_can_be_tried_again(void **state)
{
	(void)state;
	device_setup_ok();
	assert_int_equal(map(0, LEN), 0);
	fake_fail(FAKE_UNMAP, 1, EBUSY);
	assert_int_equal(unmap(0, LEN), -1);
	assert_int_equal(rte_errno, EBUSY);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

/* Its addresses are asked for when they can be. */
static void
memory_before_the_first_device_is_pinned_for_it(void **state)
{
	(void)state;
	assert_int_equal(map(0, LEN), 0);
	assert_kernel_holds(0, 0, 0);
	fake_page_move(FAKE_VA(FAKE_PAGE), FAKE_PHYS(FAKE_HUGE));
	device_setup_ok();
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

static void
domain_is_the_applications_once_a_device_is_set_up(void **state)
{
	struct rte_vfio_cdev_domain *domain = NULL;
	struct rte_vfio_cdev_pin *pin;

	(void)state;
	assert_int_equal(rte_bus_vfio_cdev_domain(&domain), -ENODEV);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(0)), FAKE_PHYS(0));
	assert_int_equal(rte_bus_vfio_cdev_domain(&domain), -ENODEV);
	assert_null(domain);
	device_setup_ok();
	assert_int_equal(rte_bus_vfio_cdev_domain(&domain), 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
	assert_int_equal(rte_vfio_cdev_domain_pin(domain, FAKE_VA(0), LEN, &pin), 0);
	assert_kernel_holds(2, 2, LEN + FAKE_PAGE);
	assert_int_equal(rte_vfio_cdev_pin_release(pin), 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
}

int
bus_iova_zero_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(scattered_memory_is_mapped_where_it_is),
		BUS_TEST(pages_whose_address_was_asked_for_are_the_ones_mapped),
		BUS_TEST(part_of_it_is_unmapped),
		BUS_TEST(parts_are_mapped_as_well),
		BUS_TEST(neighbours_are_mapped_apart),
		BUS_TEST(bad_ranges_are_refused),
		BUS_TEST(what_fails_leaves_nothing_mapped),
		BUS_TEST(unmap_that_fails_can_be_tried_again),
		BUS_TEST(memory_before_the_first_device_is_pinned_for_it),
		BUS_TEST(domain_is_the_applications_once_a_device_is_set_up),
	};

	return cmocka_run_group_tests_name("bus: IOVA 0", tests, NULL, NULL);
}
