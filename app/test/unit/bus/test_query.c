/* SPDX-License-Identifier: BSD-3-Clause */

/* Queries of buses and drivers; RTE_VFIO_CDEV=prefer. */

#include <errno.h>
#include <stdio.h>

#include "test_bus.h"

#define CONTAINER_FD 77

static int
info_get(const char *addr, int *fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	return rte_vfio_get_device_info(fake_sysfs_base(), addr, fd, &info);
}

static int
group_num_get(const char *addr, int *group)
{
	return rte_vfio_get_group_num(fake_sysfs_base(), addr, group);
}

static void
enable_is_what_stock_says(void **state)
{
	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(stock_calls(STOCK_ENABLE), 1);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
}

static void
enable_succeeds_with_cdevs_alone(void **state)
{
	(void)state;
	fake_eal()->stock[STOCK_ENABLE].ret = -1;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_logged(WARNING, "bus.vfio_cdev", "groups are not usable");
	fake_sysfs_reset();
	assert_int_equal(rte_vfio_enable("vfio"), -1);
}

static void
vfio_is_enabled_where_there_are_cdevs(void **state)
{
	(void)state;
	assert_int_equal(rte_vfio_is_enabled("vfio"), 1);
	assert_int_equal(rte_vfio_is_enabled("vfio_pci"), 1);
	assert_int_equal(rte_vfio_is_enabled("vfio_platform"), 0);
	fake_eal()->stock[STOCK_IS_ENABLED].ret = 1;
	assert_int_equal(rte_vfio_is_enabled("vfio_platform"), 1);
	fake_eal()->stock[STOCK_IS_ENABLED].ret = 0;
	fake_sysfs_reset();
	assert_int_equal(rte_vfio_is_enabled("vfio"), 0);
	fake_sysfs_add(BUS_ADDR, "vfio0", "510:0\n");
	assert_int_equal(rte_vfio_is_enabled("vfio"), 1);
}

static void
noiommu_is_enabled_where_there_are_cdevs(void **state)
{
	(void)state;
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 1);
	fake_sysfs_reset();
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 0);
	fake_eal()->stock[STOCK_NOIOMMU_IS_ENABLED].ret = -1;
	assert_int_equal(rte_vfio_noiommu_is_enabled(), -1);
}

/* The device that a line names, if there is one. */
static void
assert_no_huge_is_warned_of(const char *addr)
{
	log_clear();
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 1);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), addr != NULL);
	if (addr != NULL)
		assert_logged(ERR, "bus.vfio_cdev", addr, "cannot be used with --no-huge",
			      strerror(EOPNOTSUPP), "--in-memory", "rte_vfio_cdev_domain_pin()");
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

static void
no_huge_is_warned_of_once(void **state)
{
	(void)state;
	assert_no_huge_is_warned_of(NULL);
	fake_eal()->no_huge = true;
	assert_no_huge_is_warned_of(BUS_ADDR);
	assert_no_huge_is_warned_of(NULL);
}

static void
no_huge_is_warned_of_for_an_allowed_device(void **state)
{
	struct rte_devargs *args = fake_eal()->devargs;

	(void)state;
	fake_eal()->no_huge = fake_eal()->no_pci = true;
	assert_no_huge_is_warned_of(NULL);
	fake_eal()->no_pci = false;
	strcpy(args->name, BUS_STOCK_ADDR);
	args->policy = RTE_DEV_ALLOWED;
	assert_no_huge_is_warned_of(NULL);
	strcpy(args->name, BUS_ADDR2);
	assert_no_huge_is_warned_of(BUS_ADDR2);
}

static void
virtual_addresses_are_warned_of_once(void **state)
{
	(void)state;
	log_clear();
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	fake_eal()->iova_mode = RTE_IOVA_VA;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR, "cannot be used with virtual addresses",
		      "leave --iova-mode=va out");
	log_clear();
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 1);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

/* Stock answers with the module's parameter, which is for devices without an IOMMU. */
static void
noiommu_is_not_enabled_where_each_cdev_has_an_iommu(void **state)
{
	(void)state;
	fake_sysfs_reset();
	fake_sysfs_add(BUS_ADDR, "vfio0", "510:0\n");
	fake_eal()->stock[STOCK_NOIOMMU_IS_ENABLED].ret = 1;
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 0);
	fake_sysfs_add(BUS_ADDR2, "vfio1", NULL);
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 1);
	fake_eal()->stock[STOCK_NOIOMMU_IS_ENABLED].ret = 0;
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 0);
	fake_sysfs_reset();
	fake_sysfs_add(BUS_ADDR, "vfio0", "510:0\n");
	fake_sysfs_add(BUS_ADDR2, BUS_NAME2, "510:1\n");
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 1);
}

/* There are both kinds, of which one may not be allowed. */
static void
noiommu_is_enabled_for_a_device_that_the_eal_may_use(void **state)
{
	struct rte_devargs *allowed = &fake_eal()->devargs[0];

	(void)state;
	bus_translated(false);
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 1);
	snprintf(allowed->name, sizeof(allowed->name), "%s", BUS_ADDR3);
	allowed->policy = RTE_DEV_ALLOWED;
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 0);
	snprintf(allowed->name, sizeof(allowed->name), "%s", BUS_ADDR);
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 1);
	snprintf(allowed->name, sizeof(allowed->name), "%s", BUS_ADDR3);
	fake_sysfs_add(BUS_STOCK_ADDR, "noiommu-vfio9", NULL);
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 1);
}

static void
info_of_a_device_is_given_for_its_fd(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd, got;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	got = fd;
	assert_int_equal(rte_vfio_get_device_info(fake_sysfs_base(), BUS_ADDR, &got, &info), 0);
	assert_int_equal(info.num_irqs, VFIO_PCI_NUM_IRQS);
	assert_int_equal(got, fd);
	got = 0;
	assert_int_equal(info_get(BUS_ADDR, &got), 0);
	assert_int_equal(got, fd);
}

static void
info_for_a_foreign_fd_is_refused(void **state)
{
	int fd, got;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	got = fd + 1;
	assert_int_equal(info_get(BUS_ADDR, &got), -1);
	assert_int_equal(got, fd + 1);
	got = -1;
	assert_int_equal(info_get(BUS_ADDR, &got), -1);
	got = fd;
	assert_int_equal(rte_vfio_get_device_info(fake_sysfs_base(), BUS_ADDR, &got, NULL), -1);
	assert_int_equal(stock_calls(STOCK_DEVICE_INFO), 0);
}

static void
info_without_fd_sets_the_device_up(void **state)
{
	int fd = 0;

	(void)state;
	assert_int_equal(info_get(BUS_ADDR, &fd), 0);
	assert_true(fd > 0);
	assert_kernel_holds(2, 0, 0);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
}

/* What is positive to setup_device is an error here. */
static void
info_of_an_unmanaged_device_is_an_error(void **state)
{
	int fd = 0;

	(void)state;
	fake_eal()->stock[STOCK_SETUP].ret = 1;
	assert_int_equal(info_get(BUS_STOCK_ADDR, &fd), -1);
	assert_int_equal(stock_calls(STOCK_SETUP), 1);
}

static void
info_of_a_device_of_stock_comes_from_stock(void **state)
{
	struct eal_api *api = (struct eal_api *)(uintptr_t)eal_api();
	const struct eal_api all = *api;
	int fd = -1;

	(void)state;
	assert_int_equal(info_get(BUS_STOCK_ADDR, &fd), -1);
	assert_int_equal(stock_calls(STOCK_DEVICE_INFO), 0);
	fd = 5;
	assert_int_equal(info_get(BUS_STOCK_ADDR, &fd), 0);
	assert_int_equal(stock_calls(STOCK_DEVICE_INFO), 1);

	/* As before 24.03. */
	api->get_device_info = NULL;
	assert_int_equal(info_get(BUS_STOCK_ADDR, &fd), -1);
	*api = all;
}

static void
group_number_is_that_of_stock(void **state)
{
	int group = -1;

	(void)state;
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	fake_eal()->group = 12;
	assert_int_equal(group_num_get(BUS_ADDR, &group), 1);
	assert_int_equal(group, 12);
	fake_eal()->stock[STOCK_GROUP_NUM].ret = -1;
	assert_int_equal(group_num_get(BUS_ADDR, &group), -1);
}

/* A kernel without groups: the bus skips a device without a number. */
static void
cdev_without_a_group_gets_a_number(void **state)
{
	int group = -1, group2 = -1;

	(void)state;
	assert_int_equal(group_num_get(BUS_ADDR, &group), 1);
	assert_int_equal(group_num_get(BUS_ADDR2, &group2), 1);
	assert_true(group >= 1 << 24);
	assert_int_not_equal(group, group2);
	assert_int_equal(rte_vfio_get_group_fd(group), -ENOENT);
	assert_int_equal(stock_calls(STOCK_GROUP_FD), 0);
}

static void
device_without_group_and_cdev_has_no_number(void **state)
{
	int group = -1;

	(void)state;
	assert_int_equal(group_num_get(BUS_STOCK_ADDR, &group), 0);
	assert_int_equal(group, -1);
}

/* Opening it would fail with EBUSY while the cdev is bound. */
static void
group_of_a_cdev_device_is_not_opened(void **state)
{
	int fd;

	(void)state;
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	fake_eal()->stock[STOCK_GROUP_FD].ret = 9;
	fake_eal()->group = 12;
	assert_int_equal(rte_vfio_get_group_fd(12), 9);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(rte_vfio_get_group_fd(12), -ENOENT);
	assert_int_equal(stock_calls(STOCK_GROUP_FD), 1);
	assert_int_equal(rte_vfio_get_group_fd(13), 9);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	assert_int_equal(rte_vfio_get_group_fd(12), 9);
}

static void
container_is_that_of_stock_or_the_iommufd(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rte_vfio_get_container_fd(), -1);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_true(rte_vfio_get_container_fd() >= 0);
	assert_int_not_equal(rte_vfio_get_container_fd(), fd);
	fake_eal()->stock[STOCK_CONTAINER_FD].ret = CONTAINER_FD;
	assert_int_equal(rte_vfio_get_container_fd(), CONTAINER_FD);
}

static void
device_is_not_asked_in_vain(void **state)
{
	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_VA;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	fake_eal()->iova_mode = RTE_IOVA_PA;
	fake_eal()->no_huge = true;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	fake_eal()->no_huge = false;
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	fake_eal()->process_type = RTE_PROC_PRIMARY;
	bus_translated(true);
	log_clear();
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	for (unsigned int level = 0; level < RTE_VFIO_CDEV_LOG_DEBUG; level++)
		assert_int_equal(log_count(level), 0);
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

int
bus_query_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(enable_is_what_stock_says),
		BUS_TEST(enable_succeeds_with_cdevs_alone),
		BUS_TEST(vfio_is_enabled_where_there_are_cdevs),
		BUS_TEST(noiommu_is_enabled_where_there_are_cdevs),
		BUS_TEST(no_huge_is_warned_of_once),
		BUS_TEST(no_huge_is_warned_of_for_an_allowed_device),
		BUS_TEST(virtual_addresses_are_warned_of_once),
		BUS_TEST(noiommu_is_not_enabled_where_each_cdev_has_an_iommu),
		BUS_TEST(noiommu_is_enabled_for_a_device_that_the_eal_may_use),
		BUS_TEST(info_of_a_device_is_given_for_its_fd),
		BUS_TEST(info_for_a_foreign_fd_is_refused),
		BUS_TEST(info_without_fd_sets_the_device_up),
		BUS_TEST(info_of_an_unmanaged_device_is_an_error),
		BUS_TEST(info_of_a_device_of_stock_comes_from_stock),
		BUS_TEST(group_number_is_that_of_stock),
		BUS_TEST(cdev_without_a_group_gets_a_number),
		BUS_TEST(device_without_group_and_cdev_has_no_number),
		BUS_TEST(group_of_a_cdev_device_is_not_opened),
		BUS_TEST(container_is_that_of_stock_or_the_iommufd),
		BUS_TEST(device_is_not_asked_in_vain),
	};

	return cmocka_run_group_tests_name("bus: queries", tests, NULL, NULL);
}
