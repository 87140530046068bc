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

/* Files whose path ends so may not be opened, for the cgroup says so; NULL: all may be. */
static const char *denied;

int
__real_faccessat(int fd, const char *path, int mode, int flags);

int
__wrap_faccessat(int fd, const char *path, int mode, int flags);

int
__wrap_faccessat(int fd, const char *path, int mode, int flags)
{
	size_t len = strlen(path), end = denied != NULL ? strlen(denied) : 0;

	if (denied != NULL && mode != F_OK && len >= end && strcmp(path + len - end, denied) == 0) {
		errno = EPERM;
		return -1;
	}
	return __real_faccessat(fd, path, mode, flags);
}

static int
denied_end(void **state)
{
	denied = NULL;
	return machine_end(state);
}

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
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("devices", CHECK_PASS, "2 devices", NULL);
	assert_finding("device-driver", CHECK_PASS, "bound to vfio-pci", NULL);
	assert_finding_of(MACHINE_ADDR, "device-cdev", CHECK_PASS, "noiommu-vfio0", NULL);
	assert_finding_of(OTHER, "device-cdev", CHECK_WARN, "No such device", "vfio-pci");
	machine_remove(MACHINE_DEVICE);
	machine_remove("sys/bus/pci/devices/" OTHER);
	machine_check();
	assert_finding("devices", CHECK_FAIL, "no device is bound", "dpdk-devbind.py");
}

/* A pod has the node of one device, and sees all of them in sysfs; it has to work with one. */
static void
device_that_was_not_named_may_fail(void **state)
{
	(void)state;
	machine_device_add(OTHER, "vfio-pci");
	fake_sysfs_write("1:9\n", "sys/bus/pci/devices/" OTHER "/vfio-dev/noiommu-vfio1/dev");
	fake_sysfs_link("../../bus/pci/devices/" OTHER "/vfio-dev/noiommu-vfio1",
			"sys/class/vfio-dev/noiommu-vfio1");
	fake_sysfs_link("../..", "sys/bus/pci/devices/" OTHER "/vfio-dev/noiommu-vfio1/device");
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding_of(OTHER, "device-node", CHECK_WARN, "is missing", "--device");
	assert_int_equal(machine_check_device(OTHER), CHECK_FAIL);
	assert_finding_of(OTHER, "device-node", CHECK_FAIL, "is missing", "--device");
	/* Where the other one does not work either, none is left. */
	machine_process_add(12, "qemu\n", "/dev/null");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding_of(OTHER, "device-node", CHECK_FAIL, "is missing", "--device");
}

/* As the EAL takes it (lib/pci/rte_pci.c), and no more. */
static void
address_is_what_the_eal_takes(void **state)
{
	static const char *const addrs[] = { "00:03.0", "0:3.0", "0:0:3.0", "00000000:00:03.0" };

	(void)state;
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++) {
		assert_int_equal(machine_check_device(addrs[i]), CHECK_PASS);
		assert_finding_of(MACHINE_ADDR, "device-driver", CHECK_PASS, "vfio-pci", NULL);
	}
	machine_device_add("0000:1a:1f.7", "vfio-pci");
	machine_check_device("0000:1A:1F.7");
	assert_finding_of("0000:1a:1f.7", "device-driver", CHECK_PASS, "vfio-pci", NULL);
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
		"0000:00:03.8",
		"0000:00:23.0",
		"000000000:00:03.0",
		":00:03.0",
		"00:03.",
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
	assert_finding("device-driver", CHECK_FAIL,
		       "bound to e1000e, not to vfio-pci; the driver_override that the cure sets "
		       "stays",
		       "echo vfio-pci >/sys/bus/pci/devices/" OTHER "/driver_override && "
		       "echo " OTHER " >/sys/bus/pci/devices/" OTHER "/driver/unbind && "
		       "echo " OTHER " >/sys/bus/pci/drivers_probe");
	machine_remove("sys/bus/pci/drivers/vfio-pci");
	machine_check_device(OTHER);
	assert_finding("device-driver", CHECK_FAIL, "", "modprobe vfio-pci && echo");
}

static void
device_of_another_bus_is_looked_at(void **state)
{
	(void)state;
	fake_sysfs_mkdir("sys/bus/fsl-mc/devices/dpni.1");
	machine_check_device("dpni.1");
	assert_finding("device-driver", CHECK_FAIL, "no driver has it",
		       "modprobe vfio-fsl-mc && "
		       "echo vfio-fsl-mc >/sys/bus/fsl-mc/devices/dpni.1/driver_override && "
		       "echo dpni.1 >/sys/bus/fsl-mc/drivers_probe");
	fake_sysfs_link("../../drivers/vfio-fsl-mc", "sys/bus/fsl-mc/devices/dpni.1/driver");
	fake_sysfs_write("1:3\n", "sys/bus/fsl-mc/devices/dpni.1/vfio-dev/vfio5/dev");
	fake_sysfs_link("../../bus/fsl-mc/devices/dpni.1/vfio-dev/vfio5",
			"sys/class/vfio-dev/vfio5");
	fake_sysfs_link("../..", "sys/bus/fsl-mc/devices/dpni.1/vfio-dev/vfio5/device");
	fake_sysfs_link("/dev/null", "dev/vfio/devices/vfio5");
	assert_int_equal(machine_check_device("dpni.1"), CHECK_PASS);
	assert_finding_of("dpni.1", "device-cdev", CHECK_PASS, "vfio5, translated", NULL);
	fake_sysfs_mkdir("sys/bus/fsl-mc/devices/a;reboot");
	machine_check_device("a;reboot");
	assert_finding("device-driver", CHECK_FAIL, "no such PCI device", "lspci -D");
}

static void
cdev_that_is_none_fails(void **state)
{
	(void)state;
	fake_fail_from(FAKE_RING_OPEN, 1, EPERM);
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

/* A name that a plugin, or whoever may write there, has chosen. */
static void
node_name_is_quoted_in_the_cure(void **state)
{
	(void)state;
	machine_remove(MACHINE_NODE);
	fake_sysfs_link("/dev/null", "dev/vfio/a b;reboot 'x");
	machine_check();
	assert_finding("device-node", CHECK_FAIL, "its node is at /dev/vfio/a b;reboot 'x,",
		       "ln -sf '/dev/vfio/a b;reboot '\\''x' /dev/vfio/devices/noiommu-vfio0");
	machine_remove("dev/vfio/a b;reboot 'x");
	fake_sysfs_link("/dev/null", "dev/vfio/a\nreboot");
	machine_check();
	assert_finding("device-node", CHECK_FAIL, "its node is at /dev/vfio/a?reboot",
		       "link /dev/vfio/devices/noiommu-vfio0 to it");
	assert_no_cure("device-node", "ln");
}

/* access(2) asks the cgroup as open(2) does: a node that is mounted need not be allowed. */
static void
node_that_the_cgroup_denies_is_no_lost_one(void **state)
{
	(void)state;
	denied = "/noiommu-vfio0";
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("device-node", CHECK_FAIL,
		       "/dev/vfio/devices/noiommu-vfio0 is not allowed by the container's device "
		       "list: Operation not permitted",
		       "--device-cgroup-rule='c 1:3 rw'");
	assert_no_cure("device-node", "ln -sf");
	machine_remove(MACHINE_DEVICE "/vfio-dev");
	fake_sysfs_link("/dev/zero", "dev/vfio/noiommu-0");
	denied = "/noiommu-0";
	machine_check();
	assert_finding("group-node", CHECK_WARN,
		       "/dev/vfio/noiommu-0 is not allowed by the container's device list", "1:5");
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
		       "if this machine does without them");
}

/* Not with a command that ends it: it may be a guest, or what is in production. */
static void
opener_fails_a_device_that_was_named(void **state)
{
	const char *const devices[] = { MACHINE_ADDR, NULL };

	(void)state;
	machine_process_add(12, "dpdk-testpmd\n", "/dev/null");
	machine_process_add(40, "a\033b\n", "/dev/zero");
	assert_int_equal(machine_check_device(MACHINE_ADDR), CHECK_FAIL);
	assert_finding("device-in-use", CHECK_FAIL,
		       "its cdev is open in pid 12 (dpdk-testpmd), so "
		       "that the device cannot be bound (\"Invalid argument\")",
		       "use another device");
	assert_no_cure("device-in-use", "kill");
	assert_finding("group-in-use", CHECK_FAIL,
		       "its group is open in pid 40 (a?b), so that the "
		       "device cannot be bound (\"Device or resource busy\")",
		       "use another device");
	for (int pid = 13; pid < 17; pid++)
		machine_process_add(pid, "more\n", "/dev/null");
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("device-in-use", CHECK_WARN, " and 2 more", "use another device");
	machine_remove("sys/class/vfio");
	machine_check();
	assert_no_finding("group-in-use");
	assert_int_equal(machine_check_options(
				 &(struct check_options){ .devices = devices, .joins = true }),
			 CHECK_PASS);
	assert_no_finding("device-in-use");
}

/* "-b": the EAL passes over it, and so do the checks. */
static void
blocked_device_is_not_looked_at(void **state)
{
	const char *const blocked[] = { OTHER, MACHINE_ADDR, NULL };
	const char *const other[] = { OTHER, NULL };

	(void)state;
	machine_device_add(OTHER, "vfio-pci");
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_int_equal(machine_check_options(&(struct check_options){ .blocked = other }),
			 CHECK_PASS);
	assert_finding("devices", CHECK_PASS, "1 device is", NULL);
	assert_int_equal(machine_check_options(&(struct check_options){ .blocked = blocked }),
			 CHECK_FAIL);
	assert_finding("devices", CHECK_FAIL, "no device but those that are blocked", "bind one");
}

/* "-a 0000:00:00.0": a program that is given its devices later. */
static void
program_without_devices_needs_none(void **state)
{
	(void)state;
	machine_remove(MACHINE_DEVICE);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_int_equal(machine_check_options(&(struct check_options){ .no_devices = true }),
			 CHECK_WARN);
	assert_finding("physical-addresses", CHECK_WARN, "pagemap only", NULL);
	assert_no_finding("devices");
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
		       "echo 512 >/sys/devices/system/node/node0/hugepages/hugepages-2048kB/");
	fake_sysfs_write("100\n",
			 "sys/devices/system/node/node0/hugepages/hugepages-2048kB/"
			 "nr_hugepages");
	machine_check();
	assert_finding("device-numa", CHECK_WARN, "", "echo 612 >/sys/devices/");
	/* Not of pages that are smaller than a program of DPDK can do with. */
	fake_sysfs_write("0\n", "sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages");
	machine_check();
	assert_finding("device-numa", CHECK_WARN, "",
		       "echo 612 >/sys/devices/system/node/node0/hugepages/hugepages-2048kB/");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, machine_start, denied_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(devices_are_taken_in_order),
		TEST(device_that_was_not_named_may_fail),
		TEST(address_is_what_the_eal_takes),
		TEST(address_of_nothing_fails),
		TEST(other_driver_is_named),
		TEST(device_of_another_bus_is_looked_at),
		TEST(cdev_that_is_none_fails),
		TEST(missing_node_fails),
		TEST(renamed_node_is_found),
		TEST(node_name_is_quoted_in_the_cure),
		TEST(node_that_the_cgroup_denies_is_no_lost_one),
		TEST(renamed_group_is_reported_where_it_matters),
		TEST(node_of_another_device_fails),
		TEST(group_is_viable_without_other_drivers),
		TEST(opener_fails_a_device_that_was_named),
		TEST(blocked_device_is_not_looked_at),
		TEST(program_without_devices_needs_none),
		TEST(far_hugepages_are_reported),
		TEST(devices_without_memory_for_them_are_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
