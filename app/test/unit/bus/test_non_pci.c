/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Devices that are not on the PCI bus, as the buses and drivers of DPDK use them
 * (drivers/bus/cdx, bus/platform, bus/fslmc, crypto/bcmfs).
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include <rte_errno.h>

#include "container_table.h"
#include "test_bus.h"

#define NAME "noiommu-vfio5"
#define MINOR 5
#define NODE FAKE_CDEV(NAME)
#define CDX_ADDR "cdx-00:01"
#define PLATFORM_ADDR "fd4a0000.dma-controller"
#define FSLMC_ADDR "dprc.2"
#define FSLMC_NAME "vfio6"
#define GROUP 7

struct kind {
	const char *base; /* below the root of sysfs */
	const char *addr;
};

static const struct kind kinds[] = {
	{ "bus/cdx/devices", CDX_ADDR },
	{ "bus/platform/devices", PLATFORM_ADDR },
	/* crypto/bcmfs looks for one device in the directory of another */
	{ "bus/platform/devices/fs4", "67000000.fs4" },
};

static char base[PATH_MAX];

static void
kind_add(const struct kind *kind)
{
	snprintf(base, sizeof(base), "%s/%s", fake_sysfs_root(), kind->base);
	fake_sysfs_add_below(kind->base, kind->addr, NAME, "510:5\n");
	fake_node_add(NODE, FAKE_MAJOR, MINOR);
}

/* Only this device has a cdev. */
static void
kind_alone(const struct kind *kind, const char *bus)
{
	fake_sysfs_reset();
	kind_add(kind);
	fake_eal()->bus = bus;
}

/* What its bus does for a device: set it up, query it, map memory for it, release it. */
static void
kind_lives(const struct kind *kind)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	const uint64_t va = (uintptr_t)FAKE_VA(9 * FAKE_HUGE);
	int fd = -1, asked = 0, group = -1;

	assert_int_equal(rte_vfio_setup_device(base, kind->addr, &fd, &info), 0);
	assert_true(fd >= 0);
	assert_int_equal(info.num_irqs, VFIO_PCI_NUM_IRQS);
	assert_true(fake_node(NODE)->bound);
	assert_logged(INFO, "bus.vfio_cdev", kind->addr, NAME, "no-IOMMU", "2 verified");

	assert_int_equal(rte_vfio_get_device_info(base, kind->addr, &asked, &info), 0);
	assert_int_equal(asked, fd);
	assert_int_equal(rte_vfio_get_group_num(base, kind->addr, &group), 1);
	assert_int_equal(group, CDEV_GROUP_BASE + MINOR);
	assert_int_equal(rte_vfio_get_group_fd(group), -ENOENT);
	assert_int_equal(rte_vfio_container_dma_map(RTE_VFIO_DEFAULT_CONTAINER_FD, va,
						    FAKE_PHYS(9 * FAKE_HUGE), FAKE_HUGE),
			 0);
	assert_kernel_holds(2, 3, 3 * FAKE_HUGE);
	assert_int_equal(rte_vfio_container_dma_unmap(RTE_VFIO_DEFAULT_CONTAINER_FD, va,
						      FAKE_PHYS(9 * FAKE_HUGE), FAKE_HUGE),
			 0);
	assert_int_equal(rte_vfio_release_device(base, kind->addr, fd), 0);
	assert_kernel_holds(1, 2, 2 * FAKE_HUGE);
	assert_int_equal(stock_calls(STOCK_SETUP) + stock_calls(STOCK_RELEASE), 0);
}

static void
devices_of_other_buses_are_set_up_over_their_cdevs(void **state)
{
	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		assert_int_equal(bus_begin(state), 0);
		bus_memory(2);
		kind_add(&kinds[i]);
		kind_lives(&kinds[i]);
		assert_int_equal(bus_end(state), 0);
	}
}

static void
errors_of_other_buses_name_the_device(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = -1;

	for (size_t i = 0; i < RTE_DIM(kinds); i++) {
		assert_int_equal(bus_begin(state), 0);
		kind_add(&kinds[i]);
		fake_node(NODE)->group_open = true;
		assert_int_equal(rte_vfio_setup_device(base, kinds[i].addr, &fd, &info), -1);
		assert_logged(ERR, "lib.vfio_cdev", kinds[i].addr, NODE, strerror(EBUSY));
		assert_int_equal(fd, -1);
		/* Their buses want virtual addresses; -b, or --iova-mode=pa, is the way out. */
		fake_eal()->iova_mode = RTE_IOVA_VA;
		assert_int_equal(rte_vfio_setup_device(base, kinds[i].addr, &fd, &info), -1);
		assert_logged(ERR, kinds[i].addr, strerror(EINVAL), "--iova-mode=pa");
		assert_int_equal(bus_end(state), 0);
	}
}

/* If there is no other device to ask, and only where the bus exists. */
static void
device_of_another_bus_is_asked_for_addresses(void **state)
{
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(bus_begin(state), 0);
		kind_alone(&kinds[i], i == 0 ? "cdx" : "platform");
		assert_int_equal(rte_mem_virt2phy(FAKE_VA(5)), FAKE_PHYS(5));
		assert_int_equal(fake_calls(FAKE_BIND), 1);
		assert_false(fake_node(NODE)->bound);
		assert_int_equal(bus_end(state), 0);

		assert_int_equal(bus_begin(state), 0);
		kind_alone(&kinds[i], NULL);
		assert_int_equal(rte_mem_virt2phy(FAKE_VA(5)), RTE_BAD_PHYS_ADDR);
		assert_int_equal(fake_calls(FAKE_BIND), 0);
		assert_int_equal(bus_end(state), 0);
	}
}

static void
pci_device_is_asked_first(void **state)
{
	(void)state;
	kind_add(&kinds[0]);
	fake_eal()->bus = "cdx";
	fake_node(NODE)->open_error = EIO;
	assert_int_equal(rte_mem_virt2phy(FAKE_VA(5)), FAKE_PHYS(5));
	fake_eal()->no_pci = true;
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

/* -a and -b are a bus's own: those of PCI do not count here. */
static void
options_of_the_bus_are_heeded(void **state)
{
	static const struct {
		const char *bus, *name;
		enum rte_dev_policy policy;
		bool allowed;
	} cases[] = {
		{ "cdx", CDX_ADDR, RTE_DEV_BLOCKED, false },
		{ "cdx", "cdx-00:02", RTE_DEV_BLOCKED, true },
		{ "cdx", CDX_ADDR, RTE_DEV_ALLOWED, true },
		{ "cdx", "cdx-00:02", RTE_DEV_ALLOWED, false },
		{ "pci", BUS_STOCK_ADDR, RTE_DEV_ALLOWED, true },
	};
	struct rte_devargs *args = &fake_eal()->devargs[0];

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		assert_int_equal(bus_begin(state), 0);
		kind_alone(&kinds[0], "cdx");
		fake_sysfs_write("", "bus/cdx/devices/cdx-00:02/uevent");
		args->bus = rte_bus_find_by_name(cases[i].bus);
		snprintf(args->name, sizeof(args->name), "%s", cases[i].name);
		args->policy = cases[i].policy;
		assert_int_equal(rte_mem_virt2phy(FAKE_VA(5)) == FAKE_PHYS(5), cases[i].allowed);
		assert_int_equal(fake_calls(FAKE_BIND), cases[i].allowed);
		assert_int_equal(bus_end(state), 0);
	}
}

/* Beside PCI devices that have an IOMMU; all get physical addresses then. */
static void
noiommu_is_enabled_for_a_device_of_another_bus(void **state)
{
	(void)state;
	bus_translated(true);
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 0);
	kind_add(&kinds[0]);
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 0);
	fake_eal()->bus = "cdx";
	assert_int_equal(rte_vfio_noiommu_is_enabled(), 1);
}

/* bus/fslmc opens and uses the group of its container itself, and has no use for a cdev. */
static void
group_of_fslmc_stays_with_stock(void **state)
{
	int group = -1;

	(void)state;
	snprintf(base, sizeof(base), "%s/bus/fsl-mc/devices", fake_sysfs_root());
	fake_sysfs_add_below("bus/fsl-mc/devices", FSLMC_ADDR, FSLMC_NAME, "510:6\n");
	fake_node_add(FAKE_CDEV(FSLMC_NAME), FAKE_MAJOR, 6);
	fake_eal()->group = GROUP;
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	fake_eal()->stock[STOCK_GROUP_FD].ret = 33;
	fake_eal()->stock[STOCK_CONTAINER_FD].ret = 34;
	fake_eal()->stock[STOCK_CLEAR_GROUP].ret = 0;
	assert_int_equal(rte_vfio_get_group_num(base, FSLMC_ADDR, &group), 1);
	assert_int_equal(group, GROUP);
	assert_int_equal(rte_vfio_get_group_fd(group), 33);
	assert_int_equal(rte_vfio_get_container_fd(), 34);
	assert_int_equal(rte_vfio_clear_group(33), 0);
	assert_int_equal(stock_calls(STOCK_CLEAR_GROUP), 1);
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

int
bus_non_pci_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(devices_of_other_buses_are_set_up_over_their_cdevs),
		BUS_TEST(errors_of_other_buses_name_the_device),
		BUS_TEST(device_of_another_bus_is_asked_for_addresses),
		BUS_TEST(pci_device_is_asked_first),
		BUS_TEST(options_of_the_bus_are_heeded),
		BUS_TEST(noiommu_is_enabled_for_a_device_of_another_bus),
		BUS_TEST(group_of_fslmc_stays_with_stock),
	};

	return cmocka_run_group_tests_name("bus: other kinds", tests, NULL, NULL);
}
