/* SPDX-License-Identifier: BSD-3-Clause */

/* The checks of a device. */

#include <errno.h>
#include <numa.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_heap.h"
#include "machine.h"

#define OTHER "0000:00:04.0"
#define NODE_PAGES "sys/devices/system/node/node%d/hugepages/hugepages-2048kB/free_hugepages"

/* Of the machine that runs the tests: its nodes have nothing to do with ours. */
int
__wrap_numa_max_node(void);

int
__wrap_numa_max_node(void)
{
	return 3;
}

int
__wrap_numa_distance(int from, int to);

int
__wrap_numa_distance(int from, int to)
{
	return from == to ? 10 : to == 3 ? 17 : 21;
}

static void
devices_are_taken_in_order(void **state)
{
	(void)state;
	machine_device_add(OTHER, "vfio-pci");
	machine_device_add("0000:00:01.0", "e1000e");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("devices", CHECK_PASS, "2 devices", NULL);
	assert_finding("device-driver", CHECK_PASS, "bound to vfio-pci", NULL);
	assert_finding_of(MACHINE_ADDR, "device-cdev", CHECK_PASS, "noiommu-vfio0", NULL);
	assert_finding_of(OTHER, "device-cdev", CHECK_FAIL, "No such device", "vfio-pci");
	machine_remove(MACHINE_DEVICE);
	machine_remove("sys/bus/pci/devices/" OTHER);
	machine_check();
	assert_finding("devices", CHECK_FAIL, "no device is bound", "dpdk-devbind.py");
}

static void
address_without_domain_is_one(void **state)
{
	(void)state;
	assert_int_equal(machine_check_device("00:03.0"), CHECK_PASS);
	assert_finding_of(MACHINE_ADDR, "device-driver", CHECK_PASS, "vfio-pci", NULL);
}

static void
address_of_nothing_fails(void **state)
{
	static const char *const addrs[] = {
		"0000:00:09.0",
		"",
		"..",
		"../devices/0000:00:03.0",
		"a\033[31mb\n",
		"00000000000000000000000000000000000000000000000000000000000000000000000000000000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		assert_int_equal(machine_check_device(addrs[i]), CHECK_FAIL);
		assert_finding("device-driver", CHECK_FAIL, "no such PCI device", "lspci -D");
		assert_no_finding("device-cdev");
	}
}

static void
other_driver_is_named(void **state)
{
	(void)state;
	machine_device_add(OTHER, "e1000e");
	machine_check_device(OTHER);
	assert_finding("device-driver", CHECK_FAIL, "bound to e1000e",
		       "echo " OTHER " >/sys/bus/pci/devices/" OTHER "/driver/unbind; "
		       "echo vfio-pci >/sys/bus/pci/devices/" OTHER "/driver_override; "
		       "echo " OTHER " >/sys/bus/pci/drivers_probe");
	machine_remove("sys/bus/pci/drivers/vfio-pci");
	machine_check_device(OTHER);
	assert_finding("device-driver", CHECK_FAIL, "", "modprobe vfio-pci; ");
}

/* "write error: No such device", or "Invalid argument". */
static void
failed_binding_is_explained(void **state)
{
	(void)state;
	machine_device_add(OTHER, "");
	machine_check_device(OTHER);
	assert_finding("device-driver", CHECK_FAIL, "dmesg", "drivers_probe");
	fake_sysfs_write("(null)\n", "sys/bus/pci/devices/" OTHER "/driver_override");
	machine_check_device(OTHER);
	assert_finding("device-driver", CHECK_FAIL, "\"write error: No such device\"",
		       "driver_override");
	fake_sysfs_write("N\n", PARAMETER);
	machine_check_device(OTHER);
	assert_finding("device-driver", CHECK_FAIL, "\"write error: Invalid argument\"",
		       "echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode; echo");
	/* With an IOMMU it is not the parameter. */
	fake_sysfs_link("../../../../kernel/iommu_groups/0",
			"sys/bus/pci/devices/" OTHER "/iommu_group");
	machine_check_device(OTHER);
	assert_finding("device-driver", CHECK_FAIL, "\"write error: No such device\"", NULL);
}

static void
cdev_that_is_none_fails(void **state)
{
	(void)state;
	machine_remove(MACHINE_DEVICE "/vfio-dev/noiommu-vfio0/dev");
	machine_check();
	assert_finding("device-cdev", CHECK_FAIL, "Operation not supported", "CONFIG_IOMMUFD");
	fake_sysfs_write("rubbish\n", MACHINE_DEVICE "/vfio-dev/noiommu-vfio0/dev");
	machine_check();
	assert_finding("device-cdev", CHECK_FAIL, "Bad message", "mounted over sysfs");
	assert_no_finding("device-node");
}

static void
missing_node_fails(void **state)
{
	(void)state;
	machine_remove(MACHINE_NODE);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("device-node", CHECK_FAIL, "noiommu-vfio0 is missing",
		       "--device /dev/iommu");
	assert_finding("device-node", CHECK_FAIL, "",
		       "mknod /dev/vfio/devices/noiommu-vfio0 c 1 3");
	/* A container that was given what stock DPDK wants. */
	fake_sysfs_write("", "dev/vfio/vfio");
	machine_check();
	assert_finding("device-node", CHECK_FAIL, "is for groups", NULL);
	machine_remove("dev/vfio");
	machine_check();
	assert_finding("device-node", CHECK_FAIL, "is missing", NULL);
}

/* By its number; a device plugin calls it as it likes. */
static void
renamed_node_is_found(void **state)
{
	(void)state;
	machine_remove(MACHINE_NODE);
	fake_sysfs_link("/dev/zero", "dev/vfio/0");
	fake_sysfs_link("..", "dev/vfio/a/circle");
	fake_sysfs_link("/dev/null", "dev/vfio/noiommu-0");
	assert_int_equal(machine_check(), CHECK_FAIL);
	/* A circle leads to it too, and comes first: it is a name as good as any. */
	assert_finding("device-node", CHECK_FAIL, "/noiommu-0, as a device plugin renames",
		       "ln -sf");
	machine_remove("dev/vfio/a");
	machine_check();
	assert_finding("device-node", CHECK_FAIL, "its node is at /dev/vfio/noiommu-0,",
		       "ln -sf /dev/vfio/noiommu-0 /dev/vfio/devices/noiommu-vfio0");
	machine_remove("dev/vfio/noiommu-0");
	fake_sysfs_link("/dev/null", "dev/vfio/of/a/plugin");
	machine_check();
	assert_finding("device-node", CHECK_FAIL, "its node is at /dev/vfio/of/a/plugin,", NULL);
}

/* The group's, where there is no cdev: what stock DPDK cannot do without. */
static void
renamed_group_is_reported_where_it_matters(void **state)
{
	(void)state;
	machine_check();
	assert_no_finding("group-node");
	machine_remove(MACHINE_DEVICE "/vfio-dev");
	machine_check();
	assert_finding("group-node", CHECK_WARN, "is missing and not at /dev/vfio/noiommu-0",
		       "pass /dev/vfio/noiommu-0 to the container");
	fake_sysfs_link("/dev/zero", "dev/vfio/0");
	machine_check();
	assert_finding("group-node", CHECK_WARN, "is renamed to /dev/vfio/0 and not at",
		       "ln -sf /dev/vfio/0 /dev/vfio/noiommu-0");
	fake_sysfs_link("0", "dev/vfio/noiommu-0");
	machine_check();
	assert_finding("group-node", CHECK_PASS, "/dev/vfio/noiommu-0", NULL);
	fake_sysfs_write("rubbish\n", "sys/class/vfio/noiommu-0/dev");
	machine_check();
	assert_no_finding("group-node");
}

static void
node_of_another_device_fails(void **state)
{
	(void)state;
	machine_remove(MACHINE_NODE);
	fake_sysfs_link("/dev/zero", MACHINE_NODE);
	machine_check();
	assert_finding("device-node", CHECK_FAIL, "is not its node: No such device or address",
		       "mknod");
	machine_remove(MACHINE_NODE);
	fake_sysfs_write("", MACHINE_NODE);
	machine_check();
	assert_finding("device-node", CHECK_FAIL, "is not its node: No such device or address",
		       "mknod");
	machine_remove(MACHINE_NODE);
	fake_sysfs_link("noiommu-vfio0", MACHINE_NODE);
	machine_check();
	assert_finding("device-node", CHECK_FAIL, "is not its node: Too many levels", "mknod");
}

static void
group_is_viable_without_other_drivers(void **state)
{
	(void)state;
	machine_device_add(OTHER, "ixgbe");
	machine_device_add("0000:00:02.0", "pcieport");
	machine_device_add("0000:00:05.0", "");
	fake_sysfs_link("../../../../bus/pci/devices/0000:00:02.0",
			"sys/kernel/iommu_groups/0/devices/0000:00:02.0");
	fake_sysfs_link("../../../../bus/pci/devices/0000:00:05.0",
			"sys/kernel/iommu_groups/0/devices/0000:00:05.0");
	machine_check();
	assert_finding("group-viable", CHECK_PASS, "no other driver", NULL);
	fake_sysfs_link("../../../../bus/pci/devices/" OTHER,
			"sys/kernel/iommu_groups/0/devices/" OTHER);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("group-viable", CHECK_FAIL, OTHER " (ixgbe); the group is not viable",
		       "bind all devices of the group");
}

static void
openers_are_named(void **state)
{
	(void)state;
	machine_process_add(12, "dpdk-testpmd\n", "/dev/null");
	machine_process_add(40, "a\033b\n", "/dev/zero");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("device-in-use", CHECK_FAIL,
		       "its cdev is open in pid 12 (dpdk-testpmd), so "
		       "that the device cannot be bound (\"Invalid argument\")",
		       "kill 12");
	assert_finding("group-in-use", CHECK_FAIL,
		       "its group is open in pid 40 (a?b), so that the "
		       "device cannot be bound (\"Device or resource busy\")",
		       "kill 40");
	for (int pid = 13; pid < 17; pid++)
		machine_process_add(pid, "more\n", "/dev/null");
	machine_check();
	assert_finding("device-in-use", CHECK_FAIL, " and 2 more", "kill ");
	machine_remove("sys/class/vfio");
	machine_check();
	assert_no_finding("group-in-use");
}

static void
far_hugepages_are_reported(void **state)
{
	(void)state;
	machine_check();
	assert_finding("device-numa", CHECK_PASS, "NUMA node 0 has free hugepages", NULL);
	fake_sysfs_write("0\n", NODE_PAGES, 0);
	fake_sysfs_write("5\n", NODE_PAGES, 1);
	fake_sysfs_write("5\n", NODE_PAGES, 3);
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("device-numa", CHECK_WARN,
		       "on NUMA node 0, where no hugepage is free; the "
		       "nearest ones are on node 3 (distance 17, its own has 10)",
		       "echo 512 >/sys/devices/system/node/node0/hugepages/");
	fake_sysfs_write("-1\n", MACHINE_DEVICE "/numa_node");
	machine_check();
	assert_no_finding("device-numa");
	fake_sysfs_write("99999999999\n", MACHINE_DEVICE "/numa_node");
	machine_check();
}

static void
devices_without_memory_for_them_are_an_error(void **state)
{
	(void)state;
	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_int_equal(machine_check_device(MACHINE_ADDR), -ENOMEM);
	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_int_equal(machine_check(), -ENOMEM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(devices_are_taken_in_order),
		MACHINE_TEST(address_without_domain_is_one),
		MACHINE_TEST(address_of_nothing_fails),
		MACHINE_TEST(other_driver_is_named),
		MACHINE_TEST(failed_binding_is_explained),
		MACHINE_TEST(cdev_that_is_none_fails),
		MACHINE_TEST(missing_node_fails),
		MACHINE_TEST(renamed_node_is_found),
		MACHINE_TEST(renamed_group_is_reported_where_it_matters),
		MACHINE_TEST(node_of_another_device_fails),
		MACHINE_TEST(group_is_viable_without_other_drivers),
		MACHINE_TEST(openers_are_named),
		MACHINE_TEST(far_hugepages_are_reported),
		MACHINE_TEST(devices_without_memory_for_them_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
