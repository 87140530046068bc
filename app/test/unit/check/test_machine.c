/* SPDX-License-Identifier: BSD-3-Clause */

/* The checks of kernel, process and container. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"

#define STATUS "proc/self/status"
#define PAGES "sys/kernel/mm/hugepages/hugepages-2048kB/"

/* In CapEff: all but CAP_SYS_RAWIO (17), CAP_SYS_ADMIN (21). */
#define WITHOUT_RAWIO "CapEff:\t000001fffffdffff\n"
#define WITHOUT_RAWIO_ADMIN "CapEff:\t000001ffffddffff\n"

static void
good_machine_passes(void **state)
{
	(void)state;
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("kernel-version", CHECK_PASS, "7.3.4-test", NULL);
	assert_finding("kernel-options", CHECK_PASS, "all options", NULL);
	assert_finding("capabilities", CHECK_PASS, "privileged container", NULL);
	assert_finding("iommufd-node", CHECK_PASS, "/dev/iommu", NULL);
	assert_finding("memlock", CHECK_PASS, "CAP_IPC_LOCK", NULL);
	assert_finding("hugepages", CHECK_PASS,
		       "200 of 256 hugepages of 2048 kB are free (200 on "
		       "node 0)",
		       NULL);
	assert_finding("physical-addresses", CHECK_PASS, "pagemap is not needed", NULL);
	assert_finding_of(MACHINE_ADDR, "device-cdev", CHECK_PASS, "noiommu-vfio0, no-IOMMU", NULL);
	assert_finding("dpdk", CHECK_PASS, "DPDK 22.11 (/lib/librte_eal.so.23)", NULL);
	assert_no_finding("app");
}

static void
verdicts_have_names(void **state)
{
	(void)state;
	assert_string_equal(check_verdict_name(CHECK_PASS), "PASS");
	assert_string_equal(check_verdict_name(CHECK_WARN), "WARN");
	assert_string_equal(check_verdict_name(CHECK_FAIL), "FAIL");
	assert_string_equal(check_verdict_name((enum check_verdict)7), "?");
}

/* Only for devices without an IOMMU is 7.3 needed, unless the kernel shows that it can. */
static void
old_kernel_fails(void **state)
{
	(void)state;
	fake_sysfs_write("6.12.9\n", "proc/sys/kernel/osrelease");
	machine_check();
	assert_finding("kernel-version", CHECK_PASS, "6.12.9", NULL);
	fake.get_pa_error = ENOTTY;
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("kernel-version", CHECK_FAIL, "came with Linux 7.3", "boot Linux 7.3");
	assert_finding("get-pa", CHECK_FAIL, "Inappropriate ioctl", "older than Linux 7.3");
	fake_sysfs_write("5.15.0\n", "proc/sys/kernel/osrelease");
	machine_check();
	assert_finding("kernel-version", CHECK_FAIL, "came with Linux 6.6", "boot Linux 7.3");
	fake_sysfs_write("../../../etc/passwd", "proc/sys/kernel/osrelease");
	machine_check();
	assert_finding("kernel-version", CHECK_WARN, "cannot be read", "ProcSubset");
}

static void
device_with_iommu_needs_less(void **state)
{
	(void)state;
	fake_sysfs_write("6.12.9\n", "proc/sys/kernel/osrelease");
	fake_sysfs_write("CapEff:\t0\n", STATUS);
	fake_sysfs_write("0 1000 1\n", "proc/self/uid_map");
	fake_sysfs_write("N\n", PARAMETER);
	fake.get_pa_error = ENOTTY;
	machine_remove(MACHINE_DEVICE "/vfio-dev");
	machine_remove("sys/class/vfio-dev/noiommu-vfio0");
	fake_sysfs_write("1:3\n", MACHINE_DEVICE "/vfio-dev/vfio0/dev");
	fake_sysfs_link("/dev/null", "dev/vfio/devices/vfio0");
	fake_sysfs_write("0\n", PAGES "nr_hugepages");
	fake_sysfs_write("0\n", PAGES "free_hugepages");
	machine_check();
	assert_finding("hugepages", CHECK_WARN, "--no-huge", "echo 512 >");
	assert_finding("kernel-version", CHECK_PASS, "with an IOMMU", NULL);
	assert_finding("kernel-options", CHECK_PASS, "all options", NULL);
	assert_finding("capabilities", CHECK_PASS, "needs", NULL);
	assert_finding("user-namespace", CHECK_PASS, "do not mind", NULL);
	assert_finding("noiommu-parameter", CHECK_PASS, "has an IOMMU", NULL);
	assert_finding("physical-addresses", CHECK_PASS, "no physical addresses", NULL);
	assert_no_finding("get-pa");
}

/* What a kernel of a distribution looks like before any module is loaded. */
static void
kernel_forget(void)
{
	machine_remove("sys/module");
	machine_remove("sys/bus/pci/drivers/vfio-pci");
	machine_remove("sys/class");
	machine_remove(MACHINE_DEVICE);
	machine_device_add(MACHINE_ADDR, "e1000e");
	machine_remove("proc/devices");
	machine_remove("proc/modules");
	fake_fail_from(FAKE_OPEN, 1, ENOENT);
}

static void
options_are_read_from_the_config(void **state)
{
	(void)state;
	kernel_forget();
	machine_check_device(MACHINE_ADDR);
	assert_finding("kernel-options", CHECK_WARN, "CONFIG_VFIO, CONFIG_VFIO_PCI, CONFIG_IOMMUFD",
		       "grep");
	fake_sysfs_write("CONFIG_VFIO=m\n# CONFIG_IOMMUFD is not set\nCONFIG_VFIO_PCI=m\n"
			 "CONFIG_VFIO_NOIOMMUX=y\n",
			 "boot/config-7.3.4-test");
	machine_check_device(MACHINE_ADDR);
	assert_finding("kernel-options", CHECK_FAIL,
		       "without CONFIG_IOMMUFD, CONFIG_VFIO_DEVICE_CDEV, CONFIG_VFIO_NOIOMMU, "
		       "CONFIG_IOMMUFD_NOIOMMU",
		       "CONFIG_IOMMUFD");
	fake_sysfs_write("CONFIG_VFIO=m\nCONFIG_IOMMUFD=y\nCONFIG_VFIO_PCI=m\n"
			 "CONFIG_VFIO_DEVICE_CDEV=y\nCONFIG_VFIO_NOIOMMU=y\n"
			 "CONFIG_IOMMUFD_NOIOMMU=y\n",
			 "boot/config-7.3.4-test");
	machine_check_device(MACHINE_ADDR);
	assert_finding("kernel-options", CHECK_PASS, "all options", NULL);
	/* The running kernel's own comes first; a text is as good as a compressed one. */
	fake_sysfs_write("CONFIG_VFIO=m\n", "proc/config.gz");
	machine_check_device(MACHINE_ADDR);
	assert_finding("kernel-options", CHECK_FAIL, "without CONFIG_VFIO_PCI", NULL);
}

static void
options_of_rebuilt_modules_count(void **state)
{
	(void)state;
	kernel_forget();
	fake_sysfs_write("# CONFIG_VFIO is not set\n", "lib/modules/7.3.4-test/config");
	fake_sysfs_write("updates/vfio.ko.xz: updates/iommufd.ko.xz\nupdates/vfio-pci.ko.xz:\n",
			 "lib/modules/7.3.4-test/modules.dep");
	machine_check_device(MACHINE_ADDR);
	assert_finding("kernel-options", CHECK_FAIL, "without CONFIG_IOMMUFD,", NULL);
	fake_sysfs_write("updates/vfio.ko.xz:\nupdates/vfio-pci.ko.xz: updates/vfio.ko.xz\n"
			 "updates/iommufd.ko.xz:\n",
			 "lib/modules/7.3.4-test/modules.dep");
	machine_check_device(MACHINE_ADDR);
	assert_finding("kernel-options", CHECK_FAIL,
		       "without CONFIG_VFIO_DEVICE_CDEV, "
		       "CONFIG_VFIO_NOIOMMU, CONFIG_IOMMUFD_NOIOMMU",
		       NULL);
	assert_finding("modules", CHECK_FAIL, "vfio, vfio-pci, iommufd", "modprobe -a");
}

/* A kernel with groups only, and no io_uring: VFIO is there, and shows what it has not. */
static void
options_are_concluded_from_what_is_missing(void **state)
{
	(void)state;
	fake_fail_from(FAKE_RING_OPEN, 1, EPERM);
	fake_sysfs_write("Character devices:\n243 vfio\n", "proc/devices");
	machine_remove(MACHINE_DEVICE "/vfio-dev/noiommu-vfio0/dev");
	machine_remove(PARAMETER);
	fake.get_pa_error = EOPNOTSUPP;
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("kernel-options", CHECK_FAIL,
		       "without CONFIG_VFIO_DEVICE_CDEV, "
		       "CONFIG_VFIO_NOIOMMU, CONFIG_IOMMUFD_NOIOMMU",
		       "(package dpdk-vfio-cdev-dkms, or devtools/kmod)");
	assert_finding("get-pa", CHECK_FAIL, "not supported", "CONFIG_IOMMUFD_NOIOMMU");
	assert_finding("device-cdev", CHECK_FAIL, "no cdev", "CONFIG_VFIO_DEVICE_CDEV");
}

static void
modules_not_loaded_fail(void **state)
{
	(void)state;
	fake_fail_from(FAKE_RING_OPEN, 1, EPERM);
	machine_remove("sys/module/iommufd");
	machine_remove(MACHINE_DEVICE "/vfio-dev");
	machine_remove("sys/class/vfio-dev");
	fake_fail_from(FAKE_OPEN, 1, ENOENT);
	machine_check();
	assert_finding("modules", CHECK_FAIL, ": iommufd", "modprobe");
	assert_finding("iommufd-node", CHECK_FAIL, "No such file", "modprobe iommufd");
	assert_no_finding("get-pa");
	/* Built in, it shows elsewhere. */
	fake_sysfs_mkdir("sys/class/misc/iommu");
	machine_check();
	assert_finding("modules", CHECK_PASS, "loaded", NULL);
}

/* mlx5_vfio_pci has the devices that are meant: vfio-pci itself is not needed. */
static void
driver_of_the_same_kind_is_enough(void **state)
{
	(void)state;
	machine_remove("sys/module/vfio_pci");
	machine_remove("sys/bus/pci/drivers/vfio-pci");
	machine_remove(MACHINE_DEVICE "/driver");
	fake_sysfs_write("mlx5_vfio_pci 1 0 - Live 0x0\nvfio_pci_core 1 1 - Live 0x0\n",
			 "proc/modules");
	fake_sysfs_mkdir("sys/bus/pci/drivers/mlx5_vfio_pci");
	fake_sysfs_link("../../drivers/mlx5_vfio_pci", MACHINE_DEVICE "/driver");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("modules", CHECK_PASS, "vfio, mlx5_vfio_pci and iommufd are loaded", NULL);
	assert_finding("kernel-options", CHECK_PASS, "all options", NULL);
	/* The directory of drivers may be masked. */
	machine_remove("sys/bus/pci/drivers");
	machine_check();
	assert_finding("modules", CHECK_PASS, "mlx5_vfio_pci", NULL);
}

/* systemd's ProcSubset=pid: of /proc only the processes are there. */
static void
proc_without_the_kernel_is_no_failure(void **state)
{
	(void)state;
	machine_remove("proc/devices");
	machine_remove("proc/modules");
	machine_remove("proc/sys");
	assert_int_equal(machine_check(), CHECK_PASS);
	assert_finding("kernel-options", CHECK_PASS, "all options", NULL);
	assert_finding("kernel-version", CHECK_PASS, "its release is not to be seen", NULL);
	/* With no cdev nothing is known; it is not known to be missing. */
	machine_remove(MACHINE_DEVICE "/vfio-dev");
	machine_remove("sys/class/vfio-dev");
	fake.rawio = false;
	machine_check();
	assert_finding("kernel-options", CHECK_WARN, "has CONFIG_VFIO_DEVICE_CDEV:", "grep");
	assert_finding("kernel-version", CHECK_WARN, "cannot be read", "ProcSubset=all");
}

static void
masked_modules_are_no_failure(void **state)
{
	(void)state;
	machine_remove("sys/module");
	machine_remove("sys/class/vfio-dev");
	machine_remove("proc/modules");
	machine_remove("proc/devices");
	fake_fail_from(FAKE_OPEN, 1, EACCES);
	machine_check();
	assert_finding("kernel-options", CHECK_PASS, "all options", NULL);
	assert_finding("modules", CHECK_PASS, "loaded", NULL);
	machine_remove(MACHINE_DEVICE "/vfio-dev");
	machine_check();
	assert_finding("kernel-options", CHECK_WARN, "CONFIG_VFIO_NOIOMMU", "grep");
}

/* Another one may be readable; that there is one says nothing. */
static void
config_that_cannot_be_read_is_none(void **state)
{
	char path[PATH_MAX];

	(void)state;
	kernel_forget();
	fake_sysfs_mkdir("boot");
	snprintf(path, sizeof(path), "%s/boot/config-7.3.4-test", fake_sysfs_root());
	assert_int_equal(mknod(path, S_IFSOCK | 0600, 0), 0);
	machine_check_device(MACHINE_ADDR);
	assert_finding("kernel-options", CHECK_WARN, "cannot be read", "grep");
	fake_sysfs_write("CONFIG_VFIO=m\n", "lib/modules/7.3.4-test/config");
	machine_check_device(MACHINE_ADDR);
	assert_finding("kernel-options", CHECK_FAIL, "without CONFIG_VFIO_PCI", NULL);
}

/* As distributions have them: 5.14 with iommufd of 6.x. */
static void
kernel_with_later_parts_passes(void **state)
{
	(void)state;
	fake_sysfs_write("5.14.0-503.el9\n", "proc/sys/kernel/osrelease");
	fake.rawio = false;
	machine_check();
	assert_finding("kernel-version", CHECK_PASS, "without an IOMMU", NULL);
	machine_remove(MACHINE_DEVICE "/vfio-dev");
	machine_remove("sys/class/vfio-dev");
	fake_sysfs_write("1:3\n", MACHINE_DEVICE "/vfio-dev/vfio0/dev");
	machine_check();
	assert_finding("kernel-version", CHECK_PASS, "5.14.0-503.el9 gives devices with an IOMMU",
		       NULL);
}

static void
masked_sysfs_is_reported(void **state)
{
	(void)state;
	machine_remove("sys/module");
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("sysfs", CHECK_WARN, "/sys/module/vfio is not to be seen", "-v /sys/module");
	assert_finding("modules", CHECK_PASS, "loaded", NULL);
	assert_no_finding("noiommu-parameter");
	machine_remove("sys");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("sysfs", CHECK_FAIL, "/sys/bus/pci/devices is not to be seen", "-v /sys:");
	assert_finding("devices", CHECK_FAIL, "no device", "dpdk-devbind.py");
}

static void
parameter_off_fails_what_is_not_bound(void **state)
{
	(void)state;
	fake_sysfs_write("N\n", PARAMETER);
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("noiommu-parameter", CHECK_WARN, "bound before go on", "echo Y >/sys/");
	machine_device_add("0000:00:04.0", "");
	machine_check_device("0000:00:04.0");
	assert_finding("noiommu-parameter", CHECK_FAIL, "write error: Invalid argument",
		       "bound anew: echo Y >/sys/module/vfio/");
	machine_check_devices(MACHINE_ADDR, "0000:00:04.0");
	assert_finding("noiommu-parameter", CHECK_FAIL, "write error: Invalid argument", NULL);
}

/* What is bound shows its mode; of what is not, a group is all that shows an IOMMU. */
static void
device_behind_an_iommu_needs_no_unsafe_mode(void **state)
{
	(void)state;
	fake_sysfs_write("6.12.9\n", "proc/sys/kernel/osrelease");
	fake_sysfs_write("N\n", PARAMETER);
	fake.get_pa_error = ENOTTY;
	machine_device_add("0000:00:04.0", "e1000e");
	fake_sysfs_link("../../../../kernel/iommu_groups/7",
			"sys/bus/pci/devices/0000:00:04.0/iommu_group");
	fake_sysfs_mkdir("sys/kernel/iommu_groups/7");
	machine_check_device("0000:00:04.0");
	assert_finding("noiommu-parameter", CHECK_PASS, "each device has an IOMMU", NULL);
	assert_finding("kernel-version", CHECK_PASS, "with an IOMMU", NULL);
	assert_no_finding("get-pa");
	/* With no device at all the machine's groups show it, but not those of VFIO. */
	machine_remove(MACHINE_DEVICE);
	machine_remove("sys/bus/pci/devices/0000:00:04.0");
	machine_check();
	assert_finding("noiommu-parameter", CHECK_PASS, "each device has an IOMMU", NULL);
	assert_finding("devices", CHECK_FAIL, "no device is bound", NULL);
	machine_remove("sys/kernel/iommu_groups/7");
	machine_check();
	assert_finding("noiommu-parameter", CHECK_FAIL, "is off", "echo Y >");
}

static void
user_namespace_fails(void **state)
{
	(void)state;
	fake_sysfs_write("         0       1000          1\n", "proc/self/uid_map");
	fake.rawio = false;
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("user-namespace", CHECK_FAIL, "rootless", "outside of the user namespace");
	assert_finding("get-pa", CHECK_FAIL, "Operation not permitted", "initial user namespace");
	/* Root in there is not root. */
	assert_finding("physical-addresses", CHECK_FAIL, "neither", NULL);
	assert_finding("memlock", CHECK_WARN, "8192 kB", NULL);
	fake_sysfs_write("         0          0      65536\n", "proc/self/uid_map");
	machine_check();
	assert_finding("user-namespace", CHECK_FAIL, "rootless", NULL);
	machine_remove("proc/self/uid_map");
	machine_check();
	assert_finding("user-namespace", CHECK_PASS, "initial", NULL);
}

static void
missing_rawio_fails(void **state)
{
	(void)state;
	fake_sysfs_write(WITHOUT_RAWIO_ADMIN, STATUS);
	fake.rawio = false;
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("capabilities", CHECK_FAIL, "CAP_SYS_RAWIO", "--privileged is not needed");
	assert_finding("get-pa", CHECK_FAIL, "Operation not permitted", "--cap-add SYS_RAWIO");
	assert_finding("physical-addresses", CHECK_FAIL,
		       "\"Cannot use IOVA as 'PA' since physical addresses are not available\"",
		       "SYS_ADMIN");
	assert_finding("physical-addresses", CHECK_FAIL,
		       "\"Expecting 'PA' IOVA mode but current mode is 'VA'\"", NULL);
	fake_sysfs_write(WITHOUT_RAWIO, STATUS);
	machine_check();
	assert_finding("physical-addresses", CHECK_WARN, "not confirmed", "get-pa");
	fake_sysfs_write("nothing\n", STATUS);
	machine_check();
	assert_finding("capabilities", CHECK_FAIL, "CAP_SYS_RAWIO", NULL);
}

static void
translated_device_add(const char *addr)
{
	machine_device_add(addr, "vfio-pci");
	fake_sysfs_link("../../../../kernel/iommu_groups/9", "sys/bus/pci/devices/%s/iommu_group",
			addr);
	fake_sysfs_mkdir("sys/kernel/iommu_groups/9/devices");
	fake_sysfs_write("1:9\n", "sys/bus/pci/devices/%s/vfio-dev/vfio1/dev", addr);
	fake_sysfs_link("../..", "sys/bus/pci/devices/%s/vfio-dev/vfio1/device", addr);
	fake_sysfs_link("../../bus/pci/devices/0000:00:04.0/vfio-dev/vfio1",
			"sys/class/vfio-dev/vfio1");
	fake_sysfs_link("/dev/urandom", "dev/vfio/devices/vfio1");
}

/*
 * The EAL takes both while it has addresses, if only from pagemap; and then the one with
 * an IOMMU works. Without addresses neither does, unless it is given that one alone.
 */
static void
missing_rawio_leaves_devices_with_an_iommu(void **state)
{
	static const char other[] = "0000:00:04.0";

	(void)state;
	translated_device_add(other);
	fake_sysfs_write(WITHOUT_RAWIO, STATUS);
	fake.rawio = false;
	assert_int_equal(machine_check(), CHECK_WARN);
	assert_finding("capabilities", CHECK_WARN, "CAP_SYS_RAWIO", "-a 0000:00:04.0");
	assert_finding("get-pa", CHECK_WARN, "Operation not permitted", "-a 0000:00:04.0");
	assert_finding("physical-addresses", CHECK_WARN, "pagemap only", NULL);
	assert_int_equal(machine_check_devices(MACHINE_ADDR, other), CHECK_FAIL);
	assert_finding("capabilities", CHECK_FAIL, "CAP_SYS_RAWIO", "-a 0000:00:04.0");
	assert_int_equal(machine_check_device(MACHINE_ADDR), CHECK_FAIL);
	assert_finding("capabilities", CHECK_FAIL, "CAP_SYS_RAWIO", "SYS_RAWIO");
	assert_no_cure("capabilities", "-a ");
	assert_int_equal(machine_check_device(other), CHECK_PASS);
	fake_sysfs_write(WITHOUT_RAWIO_ADMIN, STATUS);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("capabilities", CHECK_FAIL, "CAP_SYS_RAWIO", "-a 0000:00:04.0");
	fake_sysfs_write("         0     100000      65536\n", "proc/self/uid_map");
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("user-namespace", CHECK_FAIL, "rootless", "-a 0000:00:04.0");
}

/* Only stock DPDK needs to read pagemap. */
static void
device_left_to_stock_wants_sys_admin(void **state)
{
	(void)state;
	fake_fail_from(FAKE_RING_OPEN, 1, EPERM);
	machine_remove(MACHINE_DEVICE "/vfio-dev");
	fake_sysfs_write("CapEff:\t000001ffffdfffff\n", STATUS);
	machine_check();
	assert_finding("capabilities", CHECK_WARN, "/proc/self/pagemap", "device-cdev");
	assert_finding("device-cdev", CHECK_FAIL, "No such device", "vfio-pci");
}

static void
iommufd_node_that_cannot_be_opened_fails(void **state)
{
	(void)state;
	fake_fail_from(FAKE_OPEN, 1, EPERM);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_finding("iommufd-node", CHECK_FAIL, "Operation not permitted", "--device");
	fake_fail_from(FAKE_OPEN, 1, EACCES);
	machine_check();
	assert_finding("iommufd-node", CHECK_FAIL, "Permission denied", "owner");
	assert_finding("kernel-options", CHECK_PASS, "all options", NULL);
	/* Something else is at its name. */
	fake_fail_from(FAKE_OPEN, 1, 0);
	fake_fail_from(FAKE_IOAS_ALLOC, 1, ENOTTY);
	machine_check();
	assert_finding("iommufd-node", CHECK_FAIL, "Inappropriate ioctl", "make the node anew");
}

static void
nothing_to_be_seen_is_no_crash(void **state)
{
	(void)state;
	machine_remove("sys");
	machine_remove("proc");
	machine_remove("dev");
	fake_fail_from(FAKE_OPEN, 1, ENOENT);
	assert_int_equal(machine_check(), CHECK_FAIL);
	assert_int_equal(machine_check_device(MACHINE_ADDR), CHECK_FAIL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE_TEST(good_machine_passes),
		MACHINE_TEST(verdicts_have_names),
		MACHINE_TEST(old_kernel_fails),
		MACHINE_TEST(device_with_iommu_needs_less),
		MACHINE_TEST(options_are_read_from_the_config),
		MACHINE_TEST(options_of_rebuilt_modules_count),
		MACHINE_TEST(options_are_concluded_from_what_is_missing),
		MACHINE_TEST(modules_not_loaded_fail),
		MACHINE_TEST(driver_of_the_same_kind_is_enough),
		MACHINE_TEST(proc_without_the_kernel_is_no_failure),
		MACHINE_TEST(masked_modules_are_no_failure),
		MACHINE_TEST(config_that_cannot_be_read_is_none),
		MACHINE_TEST(kernel_with_later_parts_passes),
		MACHINE_TEST(masked_sysfs_is_reported),
		MACHINE_TEST(parameter_off_fails_what_is_not_bound),
		MACHINE_TEST(device_behind_an_iommu_needs_no_unsafe_mode),
		MACHINE_TEST(user_namespace_fails),
		MACHINE_TEST(missing_rawio_fails),
		MACHINE_TEST(missing_rawio_leaves_devices_with_an_iommu),
		MACHINE_TEST(device_left_to_stock_wants_sys_admin),
		MACHINE_TEST(iommufd_node_that_cannot_be_opened_fails),
		MACHINE_TEST(nothing_to_be_seen_is_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
