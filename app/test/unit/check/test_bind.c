/* SPDX-License-Identifier: BSD-3-Clause */

/* How a device is bound, and when no command is given for it. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "machine.h"

#define OTHER "0000:00:04.0"
#define INTERFACES "Inter-|   Receive\n face |bytes\n    lo: 0 0 0\n"

/* An interface, or a disk, of the device. */
static void
part_add(const char *class, const char *name)
{
	char target[256];

	snprintf(target, sizeof(target), "../../devices/pci0000:00/" OTHER "/virtio1/%s/%s", class,
		 name);
	fake_sysfs_mkdir("sys/devices/pci0000:00/" OTHER "/virtio1/%s/%s", class, name);
	fake_sysfs_link(target, "sys/class/%s/%s", class, name);
	snprintf(target, sizeof(target), INTERFACES "%6s: 0 0 0\n", name);
	fake_sysfs_write(target, "proc/net/dev");
}

/* What opening such a file ends with, if it is opened to have it alone: 0 or an errno. */
static struct {
	const char *end;
	int err;
	unsigned int count;
} exclusive;

int
__real_open64(const char *path, int flags, mode_t mode);

int
__wrap_open64(const char *path, int flags, ...);

int
__wrap_open64(const char *path, int flags, ...)
{
	size_t len = strlen(path), end = exclusive.end != NULL ? strlen(exclusive.end) : 0;
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	} else if ((flags & O_EXCL) != 0) {
		/* Nothing is written, and nothing waits for a medium. */
		assert_int_equal(flags & (O_ACCMODE | O_NONBLOCK), O_RDONLY | O_NONBLOCK);
		exclusive.count++;
		if (end > 0 && len >= end && strcmp(path + len - end, exclusive.end) == 0) {
			errno = exclusive.err;
			return -1;
		}
	}
	return __real_open64(path, flags, mode);
}

static int
exclusive_end(void **state)
{
	memset(&exclusive, 0, sizeof(exclusive));
	return machine_end(state);
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

/* A container may have the host's /sys, and does not see the routes of what is in it. */
static void
interface_of_the_host_is_not_unbound(void **state)
{
	(void)state;
	machine_device_add(OTHER, "virtio-pci");
	part_add("net", "eth7");
	fake_sysfs_write("", "sys/class/net/bonding_masters");
	command_unbinds();
	/* It has one of that name too, but not all of them. */
	fake_sysfs_link("../../devices/virtual/net/docker0", "sys/class/net/docker0");
	no_command_unbinds("interface eth7 is in another network namespace, whose routes this "
			   "process does not see (run this on the host)");
	fake_sysfs_write(INTERFACES "  eth7: 0 0 0\ndocker0: 0 0 0\n", "proc/net/dev");
	command_unbinds();
	fake_sysfs_write(INTERFACES " eth77: 0 0 0\ndocker0: 0 0 0\n", "proc/net/dev");
	no_command_unbinds("interface eth7 is in another network namespace");
	machine_remove("proc/net/dev");
	no_command_unbinds("interface eth7 is in another network namespace");
}

static void
uio_in_use_is_not_unbound(void **state)
{
	(void)state;
	fake_fail_from(FAKE_RING_OPEN, 1, EPERM);
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
	fake_sysfs_write("", "dev/vda1");
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

static void
disk_add(const char *name)
{
	machine_device_add(OTHER, "nvme");
	part_add("block", name);
	fake_sysfs_write("1023:77\n", "sys/class/block/%s/dev", name);
	fake_sysfs_write("", "dev/%s", name);
	exclusive.count = 0;
}

/* ZFS, LIO's iblock and others have it alone, which nothing else shows. */
static void
disk_that_something_has_alone_is_not_unbound(void **state)
{
	(void)state;
	disk_add("nvme0n1");
	command_unbinds();
	assert_int_equal(exclusive.count, 1);
	exclusive.end = "/dev/nvme0n1";
	exclusive.err = EBUSY;
	no_command_unbinds("disk nvme0n1 is taken by the kernel or a program");
	/* Who cannot look does not know. */
	exclusive.err = EACCES;
	no_command_unbinds("disk nvme0n1 cannot be looked at (Permission denied)");
	exclusive.err = ENOMEDIUM;
	command_unbinds();
	exclusive.end = NULL;
	machine_remove("dev/nvme0n1");
	no_command_unbinds("disk nvme0n1 cannot be looked at (No such file or directory)");
	/* A path of a disk with several has no node, nor a number. */
	machine_remove("sys/class/block/nvme0n1/dev");
	command_unbinds();
}

/* QEMU opens a raw disk as any other program may. */
static void
disk_that_a_program_has_open_is_not_unbound(void **state)
{
	(void)state;
	disk_add("nvme0n1");
	machine_process_add(77, "qemu-system-x86\n", "/dev/nvme0n1p1");
	command_unbinds();
	machine_process_add(78, "qemu\n", "/dev/nvme0n1");
	exclusive.count = 0;
	no_command_unbinds("disk nvme0n1 is open in pid 78 (qemu)");
	assert_int_equal(exclusive.count, 0);
}

/* The kernel has these open as a file, without a process and not alone. */
static void
disk_that_is_exported_is_not_unbound(void **state)
{
	static const char *const paths[] = {
		"sys/class/block/loop7/loop/backing_file",
		"sys/kernel/config/nvmet/subsystems/nqn/namespaces/1/device_path",
		"sys/kernel/config/target/core/fileio_0/disk/udev_path",
	};

	(void)state;
	disk_add("nvme0n1");
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		fake_sysfs_write("/dev/nvme0n2\n", "%s", paths[i]);
		command_unbinds();
		fake_sysfs_write("/dev/nvme0n1\n", "%s", paths[i]);
		no_command_unbinds(i == 0 ? "disk nvme0n1 is a loop device's" :
					    "disk nvme0n1 is exported");
		machine_remove(paths[i]);
	}
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

/* A program that has no other devices needs nothing of VFIO. */
static void
bifurcated_driver_needs_no_vfio(void **state)
{
	static const char *const checks[] = { "kernel-version", "kernel-options", "modules",
					      "iommufd-node" };

	(void)state;
	machine_device_add(OTHER, "mlx5_core");
	machine_remove("sys/module");
	machine_remove("sys/class");
	machine_remove("proc/modules");
	fake_sysfs_write("5.15.0\n", "proc/sys/kernel/osrelease");
	fake_fail_from(FAKE_OPEN, 1, ENOENT);
	assert_int_equal(machine_check_device(OTHER), CHECK_WARN);
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		assert_no_finding(checks[i]);
	machine_check_devices(OTHER, MACHINE_ADDR);
	assert_finding("iommufd-node", CHECK_FAIL, "No such file", NULL);
}

static void
device_that_no_driver_takes_is_warned_of(void **state)
{
	static const struct {
		const char *vendor, *class, *why;
	} cases[] = {
		{ "0x15b3\n", "0x020000\n", "15b3:101e over it: mlx5" },
		{ "0x8086\n", "0x040300\n", "8086:101e over it: it is for sound" },
		{ "0x8086\n", "0x060400\n", "8086:101e over it: it is a bridge" },
	};
	/* The second is a non-transparent bridge, of raw/ntb. */
	static const char *const driven[] = { "0x020000\n", "0x068000\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_sysfs_write(cases[i].vendor, "sys/bus/pci/devices/" MACHINE_ADDR "/vendor");
		fake_sysfs_write("0x101e\n", "sys/bus/pci/devices/" MACHINE_ADDR "/device");
		fake_sysfs_write(cases[i].class, "sys/bus/pci/devices/" MACHINE_ADDR "/class");
		assert_int_equal(machine_check_device(MACHINE_ADDR), CHECK_WARN);
		assert_finding("device-driver", CHECK_WARN, cases[i].why, "kernel driver");
	}
	for (size_t i = 0; i < sizeof(driven) / sizeof(driven[0]); i++) {
		fake_sysfs_write(driven[i], "sys/bus/pci/devices/" MACHINE_ADDR "/class");
		assert_int_equal(machine_check_device(MACHINE_ADDR), CHECK_PASS);
		assert_finding("device-driver", CHECK_PASS, "vfio-pci", NULL);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, machine_start, exclusive_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(interface_in_use_is_not_unbound),
		MACHINE_TEST(interface_of_a_container_is_not_unbound),
		MACHINE_TEST(interface_of_the_host_is_not_unbound),
		MACHINE_TEST(uio_in_use_is_not_unbound),
		MACHINE_TEST(disk_in_use_is_not_unbound),
		TEST(disk_that_something_has_alone_is_not_unbound),
		TEST(disk_that_a_program_has_open_is_not_unbound),
		TEST(disk_that_is_exported_is_not_unbound),
		MACHINE_TEST(disk_with_several_paths_is_not_unbound),
		MACHINE_TEST(bifurcated_driver_is_left_alone),
		MACHINE_TEST(bifurcated_driver_needs_no_vfio),
		MACHINE_TEST(device_that_no_driver_takes_is_warned_of),
		MACHINE_TEST(function_with_virtual_ones_is_not_unbound),
		MACHINE_TEST(failed_binding_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
