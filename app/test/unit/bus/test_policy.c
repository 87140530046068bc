/* SPDX-License-Identifier: BSD-3-Clause */

/* The values of RTE_VFIO_CDEV other than prefer. */

#include <errno.h>
#include <stdlib.h>

#include "test_bus.h"

static int
info_get(const char *addr)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = 5;

	return rte_vfio_get_device_info(fake_sysfs_base(), addr, &fd, &info);
}

/* require: it is not set up, stock is not asked, and the line says why. */
static void
setup_is_refused(const char *cause, const char *remedy)
{
	int fd;

	log_clear();
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), -1);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
	assert_logged(ERR, "bus.vfio_cdev", BUS_STOCK_ADDR, "RTE_VFIO_CDEV=require", cause, remedy);
}

static void
required_cdev_is_used(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_true(fake_node(BUS_NODE)->bound);
	assert_logged(INFO, BUS_ADDR, BUS_NAME);
}

static void
device_without_a_required_cdev_is_refused(void **state)
{
	(void)state;
	setup_is_refused(strerror(ENODEV), "enable_unsafe_noiommu_mode");
	fake_sysfs_add(BUS_STOCK_ADDR, "noiommu-vfio2", NULL);
	setup_is_refused(strerror(EOPNOTSUPP), "CONFIG_VFIO_DEVICE_CDEV");
}

static void
required_cdev_may_have_an_iommu(void **state)
{
	int fd;

	(void)state;
	fake_sysfs_add(BUS_STOCK_ADDR, "vfio2", "510:2\n");
	fake_node_add(FAKE_CDEV("vfio2"), FAKE_MAJOR, 2);
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), 0);
	assert_true(fake_node(FAKE_CDEV("vfio2"))->bound);
}

int
bus_require_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(required_cdev_is_used),
		BUS_TEST(device_without_a_required_cdev_is_refused),
		BUS_TEST(required_cdev_may_have_an_iommu),
	};

	return cmocka_run_group_tests_name("bus: require", tests, NULL, NULL);
}

static void
everything_goes_to_stock(void **state)
{
	int fd, group;

	(void)state;
	fake_eal()->no_huge = true;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(rte_bus_probe(), 0);
	assert_int_equal(rte_vfio_is_enabled("vfio"), 0);
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 0);
	assert_int_equal(rte_vfio_get_group_num(fake_sysfs_base(), BUS_ADDR, &group), 0);
	assert_int_equal(rte_vfio_get_group_fd(1 << 24), -1);
	assert_int_equal(rte_vfio_get_container_fd(), -1);
	assert_int_equal(rte_vfio_container_group_bind(5, 1), -1);
	assert_int_equal(rte_vfio_container_group_unbind(5, 1), -1);
	assert_int_equal(rte_vfio_container_destroy(5), -1);
	assert_int_equal(rte_vfio_clear_group(5), -1);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(info_get(BUS_ADDR), 0);
	assert_int_equal(rte_vfio_container_dma_map(-1, 0, 0, 0), -1);
	assert_int_equal(rte_vfio_container_dma_unmap(-1, 0, 0, 0), -1);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	for (unsigned int i = 0; i < STOCK_COUNT; i++)
		assert_int_equal(stock_calls(i), i != STOCK_CREATE);
	assert_int_equal(rte_vfio_container_create(), -1);
	assert_int_equal(stock_calls(STOCK_CREATE), 1);
	assert_string_equal(fake_trace(), "");
	assert_string_equal(log_text(), "");
}

static void
errors_of_stock_stay_errors(void **state)
{
	int fd;

	(void)state;
	fake_eal()->stock[STOCK_ENABLE].ret = -1;
	fake_eal()->stock[STOCK_SETUP].ret = -1;
	assert_int_equal(rte_vfio_enable("vfio"), -1);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
}

int
bus_off_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(everything_goes_to_stock),
		BUS_TEST(errors_of_stock_stay_errors),
	};

	return cmocka_run_group_tests_name("bus: off", tests, NULL, NULL);
}

/*
 * First of its process: the value is read once. Begins like a valid one, and is
 * longer than a line.
 */
static void
invalid_value_is_logged_once_with_the_valid_ones(void **state)
{
	char value[2000] = "Prefer";
	int fd, group;

	(void)state;
	memset(value + strlen(value), 'x', sizeof(value) - strlen(value) - 1);
	assert_int_equal(setenv("RTE_VFIO_CDEV", value, 1), 0);
	assert_int_equal(rte_vfio_enable("vfio"), -1);
	assert_logged(ERR, "bus.vfio_cdev", "RTE_VFIO_CDEV=Prefer", strerror(EINVAL), "prefer",
		      "require", "off");
	assert_int_equal(rte_vfio_is_enabled("vfio"), 0);
	assert_int_equal(rte_vfio_noiommu_is_enabled(), -1);
	assert_int_equal(rte_vfio_get_group_num(fake_sysfs_base(), BUS_ADDR, &group), -1);
	assert_int_equal(rte_vfio_get_group_fd(1), -1);
	assert_int_equal(rte_vfio_get_container_fd(), -1);
	assert_int_equal(rte_vfio_container_create(), -1);
	assert_int_equal(rte_vfio_container_group_bind(5, 1), -1);
	assert_int_equal(rte_vfio_container_group_unbind(5, 1), -1);
	assert_int_equal(rte_vfio_container_destroy(5), -1);
	assert_int_equal(rte_vfio_clear_group(5), -1);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_int_equal(info_get(BUS_ADDR), -1);
	assert_int_equal(rte_vfio_container_dma_map(-1, 0, 0, 0), -1);
	assert_int_equal(rte_vfio_container_dma_unmap(-1, 0, 0, 0), -1);
	assert_int_equal(bus_release(BUS_ADDR, 5), -1);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	for (unsigned int i = 0; i < STOCK_COUNT; i++)
		assert_int_equal(stock_calls(i), 0);
}

int
bus_invalid_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(invalid_value_is_logged_once_with_the_valid_ones),
	};

	return cmocka_run_group_tests_name("bus: invalid", tests, NULL, NULL);
}

static void
invalid_value_of_a_choice_is_logged(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), -1);
	if (getenv("RTE_VFIO_CDEV_PIN") != NULL)
		assert_logged(ERR, "bus.vfio_cdev", "RTE_VFIO_CDEV_PIN=on", strerror(EINVAL),
			      "auto", "off");
	else
		assert_logged(ERR, "bus.vfio_cdev", "RTE_VFIO_CDEV_PHYS=invalid", strerror(EINVAL),
			      "auto", "ioas", "pagemap");
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_int_equal(stock_calls(STOCK_ENABLE) + stock_calls(STOCK_SETUP), 0);
}

int
bus_phys_invalid_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(invalid_value_of_a_choice_is_logged),
	};

	return cmocka_run_group_tests_name("bus: invalid source", tests, NULL, NULL);
}
