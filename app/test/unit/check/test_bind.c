/* SPDX-License-Identifier: BSD-3-Clause */

/* How a device is bound, and when no command is given for it. */

#include <stdio.h>

#include "machine.h"

#define OTHER "0000:00:04.0"

/* An interface, or a disk, of the device. */
static void
part_add(const char *class, const char *name)
{
	char target[256];

	snprintf(target, sizeof(target), "../../devices/pci0000:00/" OTHER "/virtio1/%s/%s", class,
		 name);
	fake_sysfs_mkdir("sys/devices/pci0000:00/" OTHER "/virtio1/%s/%s", class, name);
	fake_sysfs_link(target, "sys/class/%s/%s", class, name);
}

static void
no_command_unbinds(const char *use)
{
	assert_int_equal(machine_check_device(OTHER), CHECK_FAIL);
	assert_finding("device-driver", CHECK_FAIL, use, "no command is given");
	assert_no_cure("device-driver", "echo");
}

static void
command_unbinds(void)
{
	machine_check_device(OTHER);
	assert_finding("device-driver", CHECK_FAIL, "not to vfio-pci", "/driver/unbind && ");
}

/* What dpdk-devbind.py refuses, and what it should. */
static void
interface_in_use_is_not_unbound(void **state)
{
	static const char line[] = "Iface\tDestination\n%s\t00000000\t0102A8C0\t0003\n";
	static const char six[] = "%s 40 00000000000000000000000000000000 00 "
				  "00000000000000000000000000000000 00000100 1 0 1     eth7\n";
	char text[512];

	(void)state;
	machine_device_add(OTHER, "virtio-pci");
	part_add("net", "eth7");
	command_unbinds();
	snprintf(text, sizeof(text), line, "eth77");
	fake_sysfs_write(text, "proc/net/route");
	command_unbinds();
	snprintf(text, sizeof(text), line, "eth7");
	fake_sysfs_write(text, "proc/net/route");
	no_command_unbinds("this machine uses it: interface eth7 has routes");
	machine_remove("proc/net/route");
	/* Each interface that is up has this one. */
	snprintf(text, sizeof(text), six, "fe800000000000000000000000000000");
	fake_sysfs_write(text, "proc/net/ipv6_route");
	command_unbinds();
	snprintf(text, sizeof(text), six, "00000000000000000000000000000000");
	fake_sysfs_write(text, "proc/net/ipv6_route");
	no_command_unbinds("interface eth7 has routes");
	machine_remove("proc/net/ipv6_route");
	fake_sysfs_mkdir("sys/devices/pci0000:00/" OTHER "/virtio1/net/eth7/upper_br0");
	no_command_unbinds("interface eth7 is part of another one");
}

/* A container has it: its routes are not to be seen, nor its name. */
static void
interface_of_a_container_is_not_unbound(void **state)
{
	static const char *const dirs[] = { "net", "virtio1/net" };

	(void)state;
	machine_device_add(OTHER, "virtio-pci");
	for (size_t i = 0; i < 2; i++) {
		fake_sysfs_mkdir("sys/bus/pci/devices/" OTHER "/%s", dirs[i]);
		no_command_unbinds("its interface is in another network namespace");
		fake_sysfs_mkdir("sys/bus/pci/devices/" OTHER "/%s/eth7", dirs[i]);
		command_unbinds();
	}
}

static void
uio_in_use_is_not_unbound(void **state)
{
	(void)state;
	machine_device_add(OTHER, "uio_pci_generic");
	fake_sysfs_write("1:3\n", "sys/bus/pci/devices/" OTHER "/uio/uio0/dev");
	command_unbinds();
	machine_process_add(77, "testpmd", "/dev/null");
	no_command_unbinds("pid 77 (testpmd) has uio0 open");
}

static void
disk_in_use_is_not_unbound(void **state)
{
	(void)state;
	machine_device_add(OTHER, "nvme");
	part_add("block", "vda");
	part_add("block", "vda1");
	fake_sysfs_write("254:1\n", "sys/class/block/vda1/dev");
	fake_sysfs_mkdir("sys/class/block/vda1/holders");
	command_unbinds();
	fake_sysfs_write("/dev/vda1 /mnt ext4 rw 0 0\n", "proc/mounts");
	no_command_unbinds("this machine uses it: disk vda1 is mounted");
	/* "/dev/root", and what has another name. */
	fake_sysfs_write("/dev/root / ext4 rw 0 0\n", "proc/mounts");
	fake_sysfs_write("22 1 254:1 / / rw - ext4 /dev/root rw\n", "proc/self/mountinfo");
	no_command_unbinds("disk vda1 is mounted");
	machine_remove("proc/self/mountinfo");
	fake_sysfs_write("Filename Type\n/dev/vda1   partition 9\n", "proc/swaps");
	no_command_unbinds("disk vda1 is a swap");
	machine_remove("proc/swaps");
	fake_sysfs_mkdir("sys/class/block/vda1/holders/dm-0");
	no_command_unbinds("disk vda1 has holders");
}

/* The disk of a namespace with several paths is below no controller. */
static void
disk_with_several_paths_is_not_unbound(void **state)
{
	(void)state;
	machine_device_add(OTHER, "nvme");
	part_add("block", "nvme3c5n1");
	fake_sysfs_link("../../devices/virtual/nvme-subsystem/nvme-subsys3/nvme3n1",
			"sys/class/block/nvme3n1");
	fake_sysfs_link("../../devices/virtual/nvme-subsystem/nvme-subsys3/nvme3n1/nvme3n1p2",
			"sys/class/block/nvme3n1p2");
	fake_sysfs_link("../../devices/virtual/nvme-subsystem/nvme-subsys4/nvme4n1",
			"sys/class/block/nvme4n1");
	fake_sysfs_write("/dev/nvme4n1 /mnt ext4 rw 0 0\n", "proc/mounts");
	command_unbinds();
	fake_sysfs_write("/dev/nvme3n1p2 /mnt ext4 rw 0 0\n", "proc/mounts");
	no_command_unbinds("disk nvme3n1p2 is mounted");
}

/* DPDK's own driver of these works through the kernel's, which is to keep them. */
static void
bifurcated_driver_is_left_alone(void **state)
{
	static const char *const drivers[] = { "mlx4_core", "mlx5_core", "mana" };

	(void)state;
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		machine_device_add(OTHER, drivers[i]);
		fake_sysfs_link("../../../../kernel/iommu_groups/0",
				"sys/bus/pci/devices/" OTHER "/iommu_group");
		fake_sysfs_link("../../../../bus/pci/devices/" OTHER,
				"sys/kernel/iommu_groups/0/devices/" OTHER);
		fake_sysfs_mkdir("sys/bus/pci/devices/" OTHER "/net");
		/* With its driver it needs neither capabilities nor addresses of the kernel. */
		fake_sysfs_write("CapEff:\t0\n", "proc/self/status");
		assert_int_equal(machine_check_device(OTHER), CHECK_WARN);
		assert_finding("device-driver", CHECK_WARN, drivers[i], "leave it");
		assert_finding("device-driver", CHECK_WARN, "does not serve it", NULL);
		assert_no_cure("device-driver", "vfio-pci");
		assert_finding("capabilities", CHECK_PASS, "", NULL);
		assert_finding("physical-addresses", CHECK_PASS, "no physical", NULL);
		assert_no_finding("group-viable");
		machine_remove("sys/bus/pci/devices/" OTHER);
		machine_remove("sys/kernel/iommu_groups/0/devices/" OTHER);
	}
}

static void
function_with_virtual_ones_is_not_unbound(void **state)
{
	(void)state;
	machine_device_add(OTHER, "ixgbe");
	fake_sysfs_write("0\n", "sys/bus/pci/devices/" OTHER "/sriov_numvfs");
	command_unbinds();
	fake_sysfs_write("3\n", "sys/bus/pci/devices/" OTHER "/sriov_numvfs");
	no_command_unbinds("this machine uses it: it has 3 virtual functions");
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
		       "echo Y >/sys/module/vfio/parameters/enable_unsafe_noiommu_mode && echo");
	/* With an IOMMU it is not the parameter. */
	fake_sysfs_link("../../../../kernel/iommu_groups/0",
			"sys/bus/pci/devices/" OTHER "/iommu_group");
	machine_check_device(OTHER);
	assert_finding("device-driver", CHECK_FAIL, "\"write error: No such device\"", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(interface_in_use_is_not_unbound),
		MACHINE_TEST(interface_of_a_container_is_not_unbound),
		MACHINE_TEST(uio_in_use_is_not_unbound),
		MACHINE_TEST(disk_in_use_is_not_unbound),
		MACHINE_TEST(disk_with_several_paths_is_not_unbound),
		MACHINE_TEST(bifurcated_driver_is_left_alone),
		MACHINE_TEST(function_with_virtual_ones_is_not_unbound),
		MACHINE_TEST(failed_binding_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
