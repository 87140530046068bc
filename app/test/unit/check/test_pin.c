/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices without a cdev, whose memory io_uring pins. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"

#define SWITCH "proc/sys/kernel/io_uring_disabled"
#define PINNED "addresses from pagemap, not confirmed by an IOAS"

/* Linux 6.12 of a distribution, with a device on UIO. */
static int
older_start(void **state)
{
	if (machine_start(state) < 0)
		return -1;
	unsetenv("RTE_VFIO_CDEV");
	unsetenv("RTE_VFIO_CDEV_PIN");
	fake_sysfs_write("6.12.9\n", "proc/sys/kernel/osrelease");
	machine_remove("sys/module");
	machine_remove("sys/bus/pci/drivers/vfio-pci");
	machine_remove("sys/class");
	machine_remove(MACHINE_DEVICE);
	machine_remove("proc/devices");
	machine_remove("proc/modules");
	fake_node_remove("/dev/iommu");
	machine_device_add(MACHINE_ADDR, "uio_pci_generic");
	fake_sysfs_mkdir(MACHINE_DEVICE "/uio/uio0");
	return 0;
}

static int
older_end(void **state)
{
	unsetenv("RTE_VFIO_CDEV");
	unsetenv("RTE_VFIO_CDEV_PIN");
	return machine_end(state);
}

#define OLDER_TEST(name) cmocka_unit_test_setup_teardown(name, older_start, older_end)

static void
older_kernel_works_with_warnings(void **state)
{
	(void)state;
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("kernel-version", CHECK_WARN,
		       "with RTE_VFIO_CDEV=prefer, the default, memory is pinned by io_uring "
		       "instead",
		       "boot Linux 7.3");
	assert_finding("io-uring", CHECK_PASS, "which needs CAP_SYS_ADMIN, and are not confirmed",
		       NULL);
	assert_finding_of(MACHINE_ADDR, "device-driver", CHECK_WARN, PINNED, "Linux 7.3 or later");
	assert_finding("physical-addresses", CHECK_WARN, "not confirmed", "boot Linux 7.3");
	assert_no_finding("kernel-options");
	assert_no_finding("modules");
	assert_no_finding("iommufd-node");
	assert_no_finding("device-cdev");
}

/* A kernel with cdevs can do better by a command; but not what would cut a use of the device. */
static void
device_on_uio_is_better_on_vfio(void **state)
{
	(void)state;
	machine_remove(MACHINE_DEVICE);
	machine_device_add(MACHINE_ADDR, "igb_uio");
	fake_sysfs_write("1:3\n", MACHINE_DEVICE "/uio/uio0/dev");
	assert_int_equal(machine_check_device(MACHINE_ADDR), CHECK_WARN);
	assert_finding("device-driver", CHECK_WARN, "igb_uio, over which DPDK works: pinned by",
		       "better: vfio-pci, with a cdev: echo vfio-pci >");
	machine_process_add(77, "testpmd", "/dev/null");
	assert_int_equal(machine_check_device(MACHINE_ADDR), CHECK_WARN);
	assert_finding("device-driver", CHECK_WARN, "pid 77 (testpmd) has uio0 open",
		       "once that use has ended");
	assert_no_cure("device-driver", "unbind");
}

/* An IOMMU would refuse what it is given there: physical addresses. */
static void
device_on_uio_with_an_iommu_fails(void **state)
{
	(void)state;
	machine_remove(MACHINE_DEVICE);
	machine_remove("sys/kernel/iommu_groups");
	machine_device_add(MACHINE_ADDR, "uio_pci_generic");
	fake_sysfs_link("../../../../kernel/iommu_groups/0", MACHINE_DEVICE "/iommu_group");
	fake_sysfs_mkdir("sys/kernel/iommu_groups/0/devices");
	assert_int_equal(machine_check_device(MACHINE_ADDR), CHECK_FAIL);
	assert_finding("device-driver", CHECK_FAIL, "not to vfio-pci", "echo vfio-pci >");
	assert_no_finding("io-uring");
}

static void
group_without_a_cdev_works_with_warnings(void **state)
{
	(void)state;
	machine_remove(MACHINE_DEVICE "/vfio-dev");
	machine_remove("sys/class/vfio-dev");
	fake_sysfs_write("Character devices:\n 10 misc\n", "proc/devices");
	fake_sysfs_link("/dev/null", "dev/vfio/noiommu-0");
	fake_sysfs_write("1:3\n", "sys/class/vfio/noiommu-0/dev");
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("io-uring", CHECK_PASS, "not confirmed", NULL);
	assert_finding("kernel-options", CHECK_WARN, "CONFIG_VFIO_DEVICE_CDEV, which cdevs need",
		       "build the kernel");
	assert_finding_of(MACHINE_ADDR, "device-cdev", CHECK_WARN,
			  "over its VFIO group, pinned by io_uring, " PINNED, "");
}

/* Of two devices only one works without its cdev. */
static void
device_with_a_cdev_needs_what_it_needs(void **state)
{
	(void)state;
	machine_device_add("0000:00:09.0", "uio_pci_generic");
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("kernel-version", CHECK_PASS, "7.3.4-test", NULL);
	fake_node_remove("/dev/iommu");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("iommufd-node", CHECK_FAIL, "/dev/iommu", "");
	assert_finding_of("0000:00:09.0", "device-driver", CHECK_WARN, PINNED, "better: vfio-pci");
}

static void
assert_unpinned(const char *text, const char *cure)
{
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("io-uring", CHECK_FAIL, text, cure);
	assert_finding("io-uring", CHECK_FAIL, "the kernel may move memory that a device uses",
		       cure);
	assert_finding("kernel-version", CHECK_FAIL, "came with Linux 7.3", "boot Linux 7.3");
	assert_finding("device-driver", CHECK_FAIL, "not to vfio-pci", "");
}

static void
what_forbids_io_uring_is_named(void **state)
{
	(void)state;
	fake_fail_from(FAKE_RING_OPEN, 1, EPERM);
	assert_unpinned("a security module such as SELinux forbids it", "class io_uring");
	fake_sysfs_write("0\n", SWITCH);
	assert_unpinned("a security module", "policy");
	fake_sysfs_write("Seccomp:\t2\nCapEff:\t000001ffffffffff\n", "proc/self/status");
	assert_unpinned("seccomp profile", "allows io_uring_setup and io_uring_register");
	fake_sysfs_write("1\n", SWITCH);
	assert_unpinned("seccomp profile", "--security-opt seccomp=FILE");
	fake_sysfs_write("2\n", SWITCH);
	assert_unpinned("kernel.io_uring_disabled forbids it",
			": echo 0 >/proc/sys/kernel/io_uring_disabled");
	fake_sysfs_write("Seccomp:\t2\nCapEff:\t000001ffffdfffff\n", "proc/self/status");
	fake_sysfs_write("1\n", SWITCH);
	assert_unpinned("kernel.io_uring_disabled", ": echo 0 >");
}

static void
kernel_without_io_uring_fails(void **state)
{
	(void)state;
	fake_fail_from(FAKE_RING_OPEN, 1, ENOSYS);
	assert_unpinned("Function not implemented", "built without CONFIG_IO_URING");
	fake_sysfs_write("Seccomp:\t2\nCapEff:\t000001ffffffffff\n", "proc/self/status");
	assert_unpinned("seccomp profile", "io_uring_register");
	fake_reset();
	fake_node_remove("/dev/iommu");
	fake_fail_from(FAKE_RING_BUFFERS, 1, EINVAL);
	assert_unpinned("Invalid argument", "Linux >= 5.13");
}

static void
page_that_cannot_be_pinned_fails(void **state)
{
	(void)state;
	fake.memlock = 0;
	assert_unpinned("Cannot allocate memory", "grant CAP_IPC_LOCK");
}

static void
hidden_addresses_fail(void **state)
{
	(void)state;
	fake.admin = false;
	assert_unpinned("Permission denied", "--cap-add SYS_ADMIN");
	machine_remove("proc/self/pagemap");
	assert_unpinned("/proc/self/pagemap: No such file", "--cap-add SYS_ADMIN");
}

static void
nothing_is_tried_where_it_is_not_wanted(void **state)
{
	(void)state;
	setenv("RTE_VFIO_CDEV_PIN", "off", 1);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("io-uring", CHECK_WARN, "RTE_VFIO_CDEV_PIN=off", "auto");
	setenv("RTE_VFIO_CDEV", "require", 1);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_no_finding("io-uring");
	assert_null(strchr(fake_trace(), 'N'));
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		OLDER_TEST(older_kernel_works_with_warnings),
		MACHINE_TEST(device_on_uio_is_better_on_vfio),
		MACHINE_TEST(device_on_uio_with_an_iommu_fails),
		MACHINE_TEST(group_without_a_cdev_works_with_warnings),
		MACHINE_TEST(device_with_a_cdev_needs_what_it_needs),
		OLDER_TEST(what_forbids_io_uring_is_named),
		OLDER_TEST(kernel_without_io_uring_fails),
		OLDER_TEST(page_that_cannot_be_pinned_fails),
		OLDER_TEST(hidden_addresses_fail),
		OLDER_TEST(nothing_is_tried_where_it_is_not_wanted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
