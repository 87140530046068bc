/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices that go to stock's group although the backend is there; RTE_VFIO_CDEV=prefer. */

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "test_bus.h"
#include "test_bus_mp.h"

static void
group_of(const char *addr, const char *name)
{
	fake_sysfs_write(name, "bus/pci/devices/%s/iommu_group/name", addr);
}

static void
unpinned_device_is_warned_of(void **state)
{
	int fd;

	(void)state;
	group_of(BUS_STOCK_ADDR, "vfio-noiommu\n");
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), 0);
	assert_logged(WARNING, "bus.vfio_cdev", BUS_STOCK_ADDR, "neither pinned nor verified",
		      strerror(ENODEV), "Linux >= 7.3");
	log_clear();
	fake_sysfs_add(BUS_STOCK_ADDR, "vfio7", NULL);
	assert_int_equal(bus_release(BUS_STOCK_ADDR, fd), 0);
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), 0);
	assert_logged(WARNING, "bus.vfio_cdev", BUS_STOCK_ADDR, "neither pinned nor verified",
		      strerror(EOPNOTSUPP), "CONFIG_VFIO_DEVICE_CDEV");
}

static void
device_that_stock_refuses_is_not(void **state)
{
	int fd;

	(void)state;
	group_of(BUS_STOCK_ADDR, "vfio-noiommu\n");
	fake_eal()->stock[STOCK_SETUP].ret = 1;
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), 1);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
}

/* Its group pins. */
static void
device_with_an_iommu_is_not(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
}

static void
goes_to_its_group(int err, const char *remedy)
{
	int fd;

	log_clear();
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(stock_calls(STOCK_SETUP), 1);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_logged(WARNING, "lib.vfio_cdev", BUS_ADDR3, strerror(err), remedy);
	assert_logged(WARNING, "bus.vfio_cdev", BUS_ADDR3, "VFIO group", BUS_NAME3,
		      "RTE_VFIO_CDEV=require");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	assert_int_equal(stock_calls(STOCK_RELEASE), 1);
}

static void
translated_cdev_that_cannot_be_opened_is_left(void **state)
{
	static const int errors[] = { ENOENT, EACCES, EPERM };

	for (size_t i = 0; i < RTE_DIM(errors); i++) {
		assert_int_equal(bus_begin(state), 0);
		bus_translated(true);
		fake_node(BUS_NODE3)->open_error = errors[i];
		goes_to_its_group(errors[i], "");
		assert_int_equal(bus_end(state), 0);
	}
}

static void
translated_cdev_without_an_iommufd_is_left(void **state)
{
	(void)state;
	bus_translated(true);
	fake_node(FAKE_IOMMU)->open_error = ENOENT;
	goes_to_its_group(ENOENT, "modprobe iommufd");
}

/* Only what cannot be opened: an error of a device that is open is an error. */
static void
translated_cdev_that_cannot_be_bound_is_an_error(void **state)
{
	int fd;

	(void)state;
	bus_translated(true);
	fake_fail(FAKE_BIND, 1, EACCES);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), -1);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
}

/* Its group would mean unpinned memory. */
static void
device_without_an_iommu_does_not_go_to_its_group(void **state)
{
	int fd;

	(void)state;
	fake_node(BUS_NODE)->open_error = EPERM;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
}

static int
primary_has_not(const struct rte_mp_msg *request, struct rte_mp_reply *reply)
{
	struct wire wire;

	memcpy(&wire, request->param, sizeof(wire));
	absent_device_reply(wire, wire.iova_mode, reply);
	return 0;
}

static void
secondary_follows_to_the_group(void **state)
{
	int fd;

	(void)state;
	bus_translated(false);
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	fake_eal()->mp_primary = primary_has_not;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(stock_calls(STOCK_SETUP), 1);
	assert_logged(INFO, "bus.vfio_cdev", BUS_ADDR3, "VFIO group", "primary", "-a");
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_int_equal(stock_calls(STOCK_SETUP), 1);
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR, "has not set it up");
}

/* Group 7 has BUS_ADDR3, and stock finds it. */
static void
group_has_device(void)
{
	bus_translated(true);
	bus_group_add(7, BUS_ADDR3);
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	fake_eal()->group = 7;
}

/* In a container of the application: there, and not in the default one. */
static void
group_in_a_container_is_stocks_where_its_cdev_is_not_usable(void **state)
{
	int container, fd;

	(void)state;
	group_has_device();
	fake_eal()->stock[STOCK_IS_ENABLED].ret = 1;
	fake_eal()->stock[STOCK_CREATE].ret = 50;
	fake_eal()->stock[STOCK_BIND].ret = 51;
	fake_eal()->stock[STOCK_DESTROY].ret = 0;
	container = rte_vfio_container_create();
	fake_node(BUS_NODE3)->open_error = EACCES;
	assert_int_equal(rte_vfio_container_group_bind(container, 7), 51);
	assert_logged(WARNING, "bus.vfio_cdev", BUS_ADDR3, "VFIO group");
	/* Stock has it from now on. */
	fake_node(BUS_NODE3)->open_error = 0;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), 0);
	assert_int_equal(stock_calls(STOCK_SETUP), 1);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 2);
	assert_int_equal(bus_release(BUS_ADDR3, fd), 0);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
}

/* Stock would set it up in the default container, where the application's memory is not. */
static void
group_that_this_library_has_bound_is_not_left_to_stock(void **state)
{
	int container, fd;

	(void)state;
	group_has_device();
	container = rte_vfio_container_create();
	assert_true(rte_vfio_container_group_bind(container, 7) >= 0);
	fake_node(BUS_NODE3)->open_error = EACCES;
	assert_int_equal(bus_setup(BUS_ADDR3, &fd), -1);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
	assert_int_equal(rte_vfio_container_destroy(container), 0);
}

/* NBL_CALLER stands for net/nbl, by its name: it makes the group's ioctls itself. */
static void
driver_of_the_groups_ioctls_gets_the_group(void **state)
{
	int (*bind)(int (*bind)(int, int), int container, int group);
	void *nbl = dlopen(NBL_CALLER, RTLD_NOW);
	int container, fd;

	(void)state;
	assert_non_null(nbl);
	*(void **)&bind = dlsym(nbl, "nbl_bind");
	bus_translated(true);
	bus_group_add(7, BUS_ADDR3);
	fake_eal()->stock[STOCK_IS_ENABLED].ret = 1;
	fake_eal()->stock[STOCK_CREATE].ret = 50;
	fake_eal()->stock[STOCK_BIND].ret = 51;
	container = rte_vfio_container_create();
	assert_int_equal(bind(rte_vfio_container_group_bind, container, 7), 51);
	assert_int_equal(rte_vfio_container_group_unbind(container, 7), -1);
	fake_eal()->stock[STOCK_UNBIND].ret = 0;
	assert_int_equal(rte_vfio_container_group_unbind(container, 7), 0);
	fd = rte_vfio_container_group_bind(container, 7);
	assert_true(fd >= 0 && fd != 51);
	assert_int_equal(stock_calls(STOCK_BIND), 1);
	fake_eal()->stock[STOCK_DESTROY].ret = 0;
	assert_int_equal(rte_vfio_container_destroy(container), 0);
	dlclose(nbl);
}

int
bus_group_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(unpinned_device_is_warned_of),
		BUS_TEST(device_that_stock_refuses_is_not),
		BUS_TEST(device_with_an_iommu_is_not),
		BUS_TEST(translated_cdev_that_cannot_be_opened_is_left),
		BUS_TEST(translated_cdev_without_an_iommufd_is_left),
		BUS_TEST(translated_cdev_that_cannot_be_bound_is_an_error),
		BUS_TEST(device_without_an_iommu_does_not_go_to_its_group),
		BUS_TEST(secondary_follows_to_the_group),
		BUS_TEST(group_in_a_container_is_stocks_where_its_cdev_is_not_usable),
		BUS_TEST(group_that_this_library_has_bound_is_not_left_to_stock),
		BUS_TEST(driver_of_the_groups_ioctls_gets_the_group),
	};

	return cmocka_run_group_tests_name("bus: group", tests, NULL, NULL);
}
