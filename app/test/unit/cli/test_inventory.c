/* SPDX-License-Identifier: BSD-3-Clause */

/* What is read of devices, and how it is listed; sysfs and /proc may hold anything. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "asserts.h"
#include "cmd.h"
#include "fake_heap.h"
#include "fake_sysfs.h"
#include "inventory.h"

#define ADDR "0000:00:03.0"
#define PCI "sys/bus/pci/devices/"
#define NULL_DEV "1:3\n" /* /dev/null stands for a cdev or a group that is open */

static struct host host;
static struct inventory inventory;
static char *text;

static int
host_begin(void **state)
{
	(void)state;
	fake_sysfs_reset();
	fake_sysfs_mkdir("sys/bus/pci/devices");
	fake_sysfs_mkdir("proc");
	return host_open(fake_sysfs_root(), &host);
}

static int
host_end(void **state)
{
	(void)state;
	inventory_free(&inventory);
	host_close(&host);
	free(text);
	text = NULL;
	return 0;
}

/* A PCI device, bound to a driver or not, of a vendor with few names: ASAN makes many slow. */
static void
device_add(const char *addr, const char *class, const char *driver)
{
	fake_sysfs_write("0x1b36\n", PCI "%s/vendor", addr);
	fake_sysfs_write("0x0001\n", PCI "%s/device", addr);
	fake_sysfs_write(class, PCI "%s/class", addr);
	fake_sysfs_write("1\n", PCI "%s/numa_node", addr);
	if (driver != NULL)
		fake_sysfs_link(driver, PCI "%s/driver", addr);
}

/* And its cdev, in the group 12. */
static void
cdev_add(const char *addr, const char *name, const char *dev)
{
	device_add(addr, "0x020000\n", "../../../../bus/pci/drivers/vfio-pci");
	fake_sysfs_link("../../../kernel/iommu_groups/12", PCI "%s/iommu_group", addr);
	fake_sysfs_mkdir(PCI "%s/vfio-dev/%s", addr, name);
	if (dev != NULL)
		fake_sysfs_write(dev, PCI "%s/vfio-dev/%s/dev", addr, name);
	fake_sysfs_link("../../../kernel/iommu_groups/12",
			"sys/class/vfio-dev/%s/device/iommu_group", name);
}

static void
process_add(int pid, const char *name, const char *file)
{
	fake_sysfs_write(name, "proc/%d/comm", pid);
	fake_sysfs_link(file, "proc/%d/fd/7", pid);
}

static const struct inventory_device *
only_device(bool all)
{
	inventory_free(&inventory);
	assert_int_equal(inventory_read(&host, all, &inventory), 0);
	assert_int_equal(inventory.count, 1);
	return &inventory.devices[0];
}

static const char *
listed(bool all, bool json, int status)
{
	size_t size;
	FILE *out;

	free(text);
	out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(list_devices(&host, all, json, out), status);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* The JSON of the only device. */
static json_t *
listed_json(json_t **root)
{
	*root = json_loads(listed(true, true, 0), JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(*root);
	assert_int_equal(json_array_size(json_object_get(*root, "devices")), 1);
	return json_array_get(json_object_get(*root, "devices"), 0);
}

static void
everything_of_a_cdev_is_read(void **state)
{
	const struct inventory_device *device;

	(void)state;
	cdev_add(ADDR, "noiommu-vfio3", "511:3\n");
	device = only_device(false);
	assert_string_equal(device->bus, "pci");
	assert_string_equal(device->addr, ADDR);
	assert_true(device->has_id);
	assert_int_equal(device->vendor, 0x1b36);
	assert_int_equal(device->device, 0x0001);
	assert_string_equal(device->driver, "vfio-pci");
	assert_string_equal(device->cdev, "noiommu-vfio3");
	assert_int_equal(device->mode, INVENTORY_NOIOMMU);
	assert_int_equal(device->numa_node, 1);
	assert_int_equal(device->iommu_group, 12);
	assert_int_equal(device->of_cdev.count + device->of_group.count, 0);
}

static void
modes_are_distinguished(void **state)
{
	(void)state;
	cdev_add("0000:00:01.0", "vfio0", "511:0\n");
	cdev_add("0000:00:02.0", "vfio1", NULL);
	device_add("0000:00:03.0", "0x020000\n", "drivers/e1000");
	cdev_add("0000:00:04.0", "noiommu-vfio2", "what?\n");
	assert_int_equal(inventory_read(&host, true, &inventory), 0);
	assert_int_equal(inventory.count, 4);
	assert_int_equal(inventory.devices[0].mode, INVENTORY_TRANSLATED);
	assert_int_equal(inventory.devices[1].mode, INVENTORY_GROUP_ONLY);
	assert_string_equal(inventory.devices[1].cdev, "");
	assert_int_equal(inventory.devices[2].mode, INVENTORY_NONE);
	assert_int_equal(inventory.devices[3].mode, INVENTORY_UNKNOWN);
	assert_int_equal(inventory.devices[3].err, -EBADMSG);
	assert_string_equal(inventory_mode_name(INVENTORY_NOIOMMU), "no-IOMMU");
	assert_string_equal(inventory_mode_name(INVENTORY_TRANSLATED), "translated");
	assert_string_equal(inventory_mode_name(INVENTORY_GROUP_ONLY), "group only");
	assert_string_equal(inventory_mode_name(INVENTORY_NONE), "none");
	assert_string_equal(inventory_mode_name(INVENTORY_UNKNOWN), "unknown");
}

static void
group_of_an_old_kernel_is_seen(void **state)
{
	(void)state;
	device_add(ADDR, "0x020000\n", "drivers/vfio-pci");
	fake_sysfs_link("iommu_groups/4", PCI ADDR "/iommu_group");
	assert_int_equal(only_device(true)->mode, INVENTORY_NONE);
	fake_sysfs_write("240:0\n", "sys/class/vfio/noiommu-4/dev");
	assert_int_equal(only_device(false)->mode, INVENTORY_GROUP_ONLY);
}

static void
all_are_those_that_can_be_bound(void **state)
{
	(void)state;
	device_add("0000:00:01.0", "0x060400\n", "drivers/pcieport");
	device_add("0000:00:02.0", "0x020000\n", NULL);
	fake_sysfs_mkdir("sys/bus/platform/devices/serial8250");
	fake_sysfs_mkdir("sys/bus/fsl-mc/devices/dprc.1");
	assert_int_equal(inventory_read(&host, false, &inventory), 0);
	assert_int_equal(inventory.count, 0);
	assert_int_equal(inventory_read(&host, true, &inventory), 0);
	assert_int_equal(inventory.count, 2);
	assert_string_equal(inventory.devices[0].addr, "dprc.1");
	assert_false(inventory.devices[0].has_id);
	assert_string_equal(inventory.devices[1].addr, "0000:00:02.0");
	assert_string_equal(inventory.devices[1].driver, "");
}

static void
devices_of_any_bus_are_seen(void **state)
{
	(void)state;
	fake_sysfs_write("511:0\n", "sys/bus/platform/devices/fff51000.eth/vfio-dev/vfio0/dev");
	assert_string_equal(only_device(false)->bus, "platform");
	assert_string_equal(inventory.devices[0].addr, "fff51000.eth");
	assert_int_equal(inventory.devices[0].iommu_group, -1);
	assert_int_equal(inventory.devices[0].numa_node, -1);
}

/* Buses that have nothing to do with VFIO name their devices as they like. */
static void
long_names_of_other_buses_are_no_trouble(void **state)
{
	(void)state;
	fake_sysfs_mkdir("sys/bus/platform/devices/%0*d.firmware", 80, 0);
	assert_string_equal(listed(true, false, 0), "");
	assert_int_equal(inventory_read(&host, false, &inventory), 0);
	assert_int_equal(inventory.count, 0);
}

static void
devices_of_cdx_have_ids(void **state)
{
	json_t *root, *device;

	(void)state;
	fake_sysfs_write("0x10ee\n", "sys/bus/cdx/devices/cdx-00:01/vendor");
	fake_sysfs_write("0x8084\n", "sys/bus/cdx/devices/cdx-00:01/device");
	assert_non_null(strstr(listed(true, false, 0), "cdx-00:01  10ee:8084  -  "));
	device = listed_json(&root);
	assert_string_equal(json_string_value(json_object_get(device, "bus")), "cdx");
	assert_string_equal(json_string_value(json_object_get(device, "vendor_id")), "10ee");
	assert_true(json_is_null(json_object_get(device, "name")));
	json_decref(root);
}

/* DPDK works over UIO; a driver of another kind may be there too. */
static void
device_on_uio_is_listed(void **state)
{
	json_t *root, *openers;

	(void)state;
	device_add(ADDR, "0x020000\n", "drivers/uio_pci_generic");
	fake_sysfs_write("1:3\n", PCI ADDR "/uio/uio0/dev");
	process_add(4321, "dpdk-testpmd\n", "/dev/null");
	assert_int_equal(only_device(false)->mode, INVENTORY_UIO);
	assert_string_equal(inventory_mode_name(INVENTORY_UIO), "UIO");
	assert_non_null(strstr(listed(false, false, 0), "  4321 dpdk-testpmd\n"));
	openers = json_object_get(listed_json(&root), "openers");
	assert_int_equal(json_array_size(openers), 1);
	assert_string_equal(json_string_value(
				    json_object_get(json_array_get(openers, 0), "opened")),
			    "uio");
	json_decref(root);
}

static void
opener_of_the_group_of_an_old_kernel_is_named(void **state)
{
	(void)state;
	device_add(ADDR, "0x020000\n", "drivers/vfio-pci");
	fake_sysfs_link("iommu_groups/4", PCI ADDR "/iommu_group");
	fake_sysfs_write("1:3\n", "sys/class/vfio/noiommu-4/dev");
	process_add(4321, "dpdk-testpmd\n", "/dev/null");
	assert_non_null(strstr(listed(false, false, 0), "  4321 dpdk-testpmd\n"));
}

/* Its vfio-dev is called as if there were an IOMMU. */
static void
opener_of_a_group_without_a_cdev_is_named(void **state)
{
	(void)state;
	cdev_add(ADDR, "vfio1", NULL);
	fake_sysfs_write("1:3\n", "sys/class/vfio/noiommu-12/dev");
	process_add(4321, "dpdk-testpmd\n", "/dev/null");
	assert_non_null(strstr(listed(false, false, 0), "  4321 dpdk-testpmd\n"));
}

static void
openers_are_named(void **state)
{
	json_t *root, *openers;

	(void)state;
	cdev_add(ADDR, "noiommu-vfio3", NULL_DEV);
	fake_sysfs_write("1:5\n", "sys/class/vfio/noiommu-12/dev");
	process_add(4321, "dpdk-testpmd\n", "/dev/null");
	process_add(4322, "other\n", "/dev/zero");
	process_add(4323, "nobody\n", "/dev/full");
	assert_non_null(strstr(listed(false, false, 0), "  4321 dpdk-testpmd +1\n"));
	openers = json_object_get(listed_json(&root), "openers");
	assert_int_equal(json_array_size(openers), 2);
	assert_string_equal(json_string_value(
				    json_object_get(json_array_get(openers, 0), "opened")),
			    "cdev");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(openers, 1), "pid")),
			 4322);
	json_decref(root);
}

static void
more_openers_than_fit_are_counted(void **state)
{
	json_t *root, *device;

	(void)state;
	cdev_add(ADDR, "noiommu-vfio3", NULL_DEV);
	for (int pid = 100; pid < 110; pid++)
		process_add(pid, "many\n", "/dev/null");
	device = listed_json(&root);
	assert_int_equal(json_array_size(json_object_get(device, "openers")), INVENTORY_OPENERS);
	assert_int_equal(json_integer_value(json_object_get(device, "opener_count")), 10);
	json_decref(root);
}

static void
table_is_aligned_and_fits(void **state)
{
	const char *line;

	(void)state;
	cdev_add(ADDR, "noiommu-vfio100", NULL_DEV);
	cdev_add("10000:00:03.0", "vfio1", "511:1\n");
	process_add(4194303, "fifteen letters\n", "/dev/null");
	listed(false, false, 0);
	assert_int_equal(strcspn(text, "I"), strlen("10000:00:03.0  "));
	for (line = text; *line != '\0'; line = strchr(line, '\n') + 1)
		assert_in_range(strcspn(line, "\n"), 80, 100);
	assert_non_null(strstr(text, "  noiommu-vfio100  "));
	assert_non_null(strstr(text, "4194303 fifteen"));
}

static void
hostile_contents_are_not_shown(void **state)
{
	static const char hostile[] = "\033]0;x\a\n\x9b\x7f";
	const char *shown;

	(void)state;
	cdev_add("\033[31mred\r", "noiommu-vfio3", NULL_DEV);
	process_add(4321, "\033[2J\n", "/dev/null");
	device_add(ADDR, "0x020000\n", "drivers/\033[1m\xc3\xa4");
	fake_sysfs_write(hostile, PCI ADDR "/vendor");
	fake_sysfs_write("99999999999999999999\n", PCI ADDR "/numa_node");
	fake_sysfs_link("iommu_groups/-1", PCI ADDR "/iommu_group");
	for (int json = 0; json < 2; json++)
		for (shown = listed(true, json, 0); *shown != '\0'; shown++)
			assert_true(*shown == '\n' || (*shown >= ' ' && *shown <= '~'));
	assert_int_equal(inventory_read(&host, true, &inventory), 0);
	assert_int_equal(inventory.count, 2);
	assert_string_equal(inventory.devices[0].addr, "?[31mred?");
	assert_false(inventory.devices[1].has_id);
	assert_int_equal(inventory.devices[1].numa_node, -1);
	assert_int_equal(inventory.devices[1].iommu_group, -1);
}

static void
json_has_every_field(void **state)
{
	static const char *const nulls[] = { "driver", "cdev", "pinning", "error", "iommu_group" };
	json_t *root, *device;

	(void)state;
	device_add(ADDR, "0x020000\n", NULL);
	device = listed_json(&root);
	assert_string_equal(json_string_value(json_object_get(device, "address")), ADDR);
	assert_string_equal(json_string_value(json_object_get(device, "vendor_id")), "1b36");
	assert_string_equal(json_string_value(json_object_get(device, "device_id")), "0001");
	assert_string_equal(json_string_value(json_object_get(device, "mode")), "none");
	assert_int_equal(json_integer_value(json_object_get(device, "numa_node")), 1);
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		assert_true(json_is_null(json_object_get(device, nulls[i])));
	assert_int_equal(json_object_size(device), 15);
	json_decref(root);
}

static void
nothing_is_no_error(void **state)
{
	(void)state;
	assert_string_equal(listed(false, false, 0), "");
	assert_string_equal(listed(false, true, 0), "{\n  \"devices\": []\n}\n");
}

static void
missing_sysfs_is_an_error(void **state)
{
	char addr[RTE_VFIO_CDEV_ADDR_LEN];

	(void)state;
	host.root = "/nonexistent";
	assert_string_equal(listed(false, false, CMD_TROUBLE), "");
	assert_int_equal(inventory_read(&host, false, &inventory), -ENOENT);
	assert_int_equal(address_resolve(&host, ADDR, addr), -ENOENT);
	assert_int_equal(address_resolve(&host, "what", addr), -EINVAL);
}

static void
memory_shortage_is_an_error(void **state)
{
	(void)state;
	cdev_add(ADDR, "noiommu-vfio3", "511:3\n");
	fake_heap_fail(FAKE_HEAP_REALLOC);
	assert_int_equal(inventory_read(&host, false, &inventory), -ENOMEM);
	assert_null(inventory.devices);
}

static void
addresses_are_resolved(void **state)
{
	static const char *const wrong[] = {
		"",
		".",
		"..",
		"foo",
		"../pci",
		"0000:00:03",
		"0000:00:03.8",
		"0000:00:20.0",
		"000000000:00:03.0",
		"0000:00: 3.0",
		":00:03.0",
		"0000:00:03.0 ",
		"0000:00:03.0/driver",
		"00:03.0x",
		"net_tap0",
	};
	char addr[RTE_VFIO_CDEV_ADDR_LEN];

	(void)state;
	device_add(ADDR, "0x020000\n", NULL);
	fake_sysfs_mkdir("sys/bus/platform/devices/fff51000.eth");
	assert_int_equal(address_resolve(&host, ADDR, addr), 0);
	assert_int_equal(address_resolve(&host, "00:03.0", addr), 0);
	assert_string_equal(addr, ADDR);
	/* What the EAL takes too (lib/pci/rte_pci.c). */
	assert_int_equal(address_resolve(&host, "0:3.0", addr), 0);
	assert_string_equal(addr, ADDR);
	assert_int_equal(address_resolve(&host, "0:00:03.0", addr), 0);
	assert_string_equal(addr, ADDR);
	assert_int_equal(address_resolve(&host, "0000:1A:1F.7", addr), -ENODEV);
	assert_string_equal(addr, "0000:1a:1f.7");
	assert_int_equal(address_resolve(&host, "fff51000.eth", addr), 0);
	assert_int_equal(address_resolve(&host, "00:04.0", addr), -ENODEV);
	assert_string_equal(addr, "0000:00:04.0");
	assert_int_equal(address_resolve(&host, "10000:e1:00.0", addr), -ENODEV);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (address_resolve(&host, wrong[i], addr) != -EINVAL)
			fail_msg("\"%s\" passes for an address", wrong[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, host_begin, host_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_of_a_cdev_is_read),
		TEST(modes_are_distinguished),
		TEST(group_of_an_old_kernel_is_seen),
		TEST(all_are_those_that_can_be_bound),
		TEST(devices_of_any_bus_are_seen),
		TEST(long_names_of_other_buses_are_no_trouble),
		TEST(devices_of_cdx_have_ids),
		TEST(openers_are_named),
		TEST(device_on_uio_is_listed),
		TEST(opener_of_the_group_of_an_old_kernel_is_named),
		TEST(opener_of_a_group_without_a_cdev_is_named),
		TEST(more_openers_than_fit_are_counted),
		TEST(table_is_aligned_and_fits),
		TEST(hostile_contents_are_not_shown),
		TEST(json_has_every_field),
		TEST(nothing_is_no_error),
		TEST(missing_sysfs_is_an_error),
		TEST(memory_shortage_is_an_error),
		TEST(addresses_are_resolved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
