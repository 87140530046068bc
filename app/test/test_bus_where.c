/* SPDX-License-Identifier: BSD-3-Clause */

/* Memory mapped with the IOVA 0, and pinned by the application itself; RTE_VFIO_CDEV=prefer. */

#include <errno.h>

#include <rte_errno.h>

#include "fake_heap.h"
#include "rte_bus_vfio_cdev.h"
#include "test_bus.h"

#define DEFAULT RTE_VFIO_DEFAULT_CONTAINER_FD
#define LEN (8 * FAKE_PAGE)

static int
map(uint64_t offset, uint64_t len)
{
	rte_errno = 0;
	return rte_vfio_container_dma_map(DEFAULT, (uintptr_t)FAKE_VA(offset), 0, len);
}

static int
unmap(uint64_t offset, uint64_t len)
{
	rte_errno = 0;
	return rte_vfio_container_dma_unmap(DEFAULT, (uintptr_t)FAKE_VA(offset), 0, len);
}

static void
assert_refused(int ret, int err)
{
	assert_int_equal(ret, -1);
	assert_int_equal(rte_errno, err);
	assert_logged(ERR, strerror(err == EINVAL ? ENOENT : err == ENOTSUP ? EOPNOTSUPP : err));
	log_clear();
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
	assert_kernel_holds(2, 3, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_refused(unmap(0, LEN), EINVAL);
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
	assert_kernel_holds(2, 2, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 2, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

static void
only_what_was_mapped_is_unmapped(void **state)
{
	(void)state;
	device_setup_ok();
	assert_int_equal(map(0, LEN), 0);
	assert_refused(unmap(FAKE_PAGE, LEN - FAKE_PAGE), ENOTSUP);
	assert_refused(unmap(0, LEN + FAKE_PAGE), ENOTSUP);
	assert_refused(unmap(2 * LEN, LEN), EINVAL);
	assert_refused(map(FAKE_PAGE, FAKE_PAGE), EEXIST);
	assert_refused(map(FAKE_PAGE, LEN), EEXIST);
	assert_refused(map(0, FAKE_PAGE), EEXIST);
	assert_refused(unmap(FAKE_PAGE, LEN), ENOTSUP);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, LEN), 0);
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
	log_clear();
	assert_int_equal(map(0, UINT64_MAX), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_logged(ERR, "bus.vfio_cdev", "give a length that fits");
	assert_int_equal(map(0, LEN), 0);
	assert_int_equal(rte_vfio_container_dma_map(DEFAULT, 0, 0, 0), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(unmap(FAKE_PAGE, 0), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_int_equal(unmap(0, LEN), 0);
	assert_int_equal(unmap(0, 0), -1);
	assert_int_equal(rte_errno, EINVAL);
	assert_kernel_holds(2, 0, 0);
}

static void
what_fails_leaves_nothing_mapped(void **state)
{
	static const enum fake_heap_call calls[] = {
		FAKE_HEAP_CALLOC, FAKE_HEAP_MALLOC, FAKE_HEAP_TSEARCH,
	};

	(void)state;
	device_setup_ok();
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		fake_heap_fail(calls[i]);
		assert_refused(map(0, LEN), ENOMEM);
		assert_kernel_holds(2, 0, 0);
	}
	fake_fail(FAKE_MAP, 1, EFAULT);
	assert_refused(map(0, LEN), EFAULT);
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
	assert_refused(unmap(0, LEN), EBUSY);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

/* There is no address yet to map it at later, so a device is looked for. */
static void
memory_before_the_first_device_is_pinned_at_once(void **state)
{
	(void)state;
	assert_int_equal(map(0, LEN), 0);
	assert_kernel_holds(1, 1, LEN);
	device_setup_ok();
	assert_int_equal(unmap(0, LEN), 0);
	assert_kernel_holds(2, 0, 0);
}

/* vhost takes ENODEV as "no device needs it". */
static void
without_a_device_for_it_the_memory_is_refused(void **state)
{
	(void)state;
	fake.rawio = false;
	assert_int_equal(map(0, LEN), -1);
	assert_int_equal(rte_errno, ENODEV);
	assert_kernel_holds(0, 0, 0);
}

static void
without_a_device_that_opens_the_memory_is_refused(void **state)
{
	(void)state;
	fake_node(BUS_NODE)->open_error = EIO;
	fake_node_remove(FAKE_CDEV(BUS_NAME2));
	assert_int_equal(map(0, LEN), -1);
	assert_int_equal(rte_errno, ENODEV);
	assert_logged(ERR, "bus.vfio_cdev", "where it is", "set up a device first");
	assert_kernel_holds(1, 0, 0);
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
	assert_int_equal(rte_vfio_cdev_domain_pin(domain, FAKE_VA(0), LEN, &pin), 0);
	assert_kernel_holds(2, 1, LEN);
	assert_int_equal(rte_vfio_cdev_pin_release(pin), 0);
	assert_kernel_holds(2, 0, 0);
}

int
bus_where_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(scattered_memory_is_mapped_where_it_is),
		BUS_TEST(pages_whose_address_was_asked_for_are_the_ones_mapped),
		BUS_TEST(only_what_was_mapped_is_unmapped),
		BUS_TEST(neighbours_are_mapped_apart),
		BUS_TEST(bad_ranges_are_refused),
		BUS_TEST(what_fails_leaves_nothing_mapped),
		BUS_TEST(unmap_that_fails_can_be_tried_again),
		BUS_TEST(memory_before_the_first_device_is_pinned_at_once),
		BUS_TEST(without_a_device_for_it_the_memory_is_refused),
		BUS_TEST(without_a_device_that_opens_the_memory_is_refused),
		BUS_TEST(domain_is_the_applications_once_a_device_is_set_up),
	};

	return cmocka_run_group_tests_name("bus: IOVA 0", tests, NULL, NULL);
}
