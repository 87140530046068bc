/* SPDX-License-Identifier: BSD-3-Clause */

/* The specification for container runtimes. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "asserts.h"
#include "cmd.h"
#include "fake_sysfs.h"
#include "launch.h"

#define ADDR "0000:00:03.0"
#define OTHER "0000:41:00.0"
#define PCI "sys/bus/pci/devices/"
#define LIBRARY "/opt/a b/librte_bus_vfio_cdev.so"
#define INSIDE "/usr/lib/dpdk-vfio-cdev/" LAUNCH_LIBRARY
#define INSIDE_LIBC "/usr/lib/dpdk-vfio-cdev/" LAUNCH_COMPAT
#define POOL "sys/kernel/mm/hugepages/hugepages-%lukB/nr_hugepages"

static struct host host;
static json_t *spec;
static const char *library;

static void
cdev_add(const char *addr, const char *name, const char *dev)
{
	fake_sysfs_link("../../../../bus/pci/drivers/vfio-pci", PCI "%s/driver", addr);
	fake_sysfs_mkdir(PCI "%s/vfio-dev/%s", addr, name);
	if (dev != NULL)
		fake_sysfs_write(dev, PCI "%s/vfio-dev/%s/dev", addr, name);
}

static int
host_begin(void **state)
{
	(void)state;
	library = LIBRARY;
	fake_sysfs_reset();
	fake_sysfs_mkdir("proc");
	cdev_add(ADDR, "noiommu-vfio3", "511:3\n");
	cdev_add(OTHER, "vfio1", "511:1\n");
	fake_sysfs_mkdir(PCI "0000:00:04.0");
	fake_sysfs_write("10:125\n", "sys/class/misc/iommu/dev");
	fake_sysfs_write("256\n", POOL, 2048UL);
	fake_sysfs_write("0\n", POOL, 1048576UL);
	return host_open(fake_sysfs_root(), &host);
}

static int
host_end(void **state)
{
	(void)state;
	host_close(&host);
	json_decref(spec);
	spec = NULL;
	return 0;
}

/* Print one for devices, up to NULL; what was printed if it could be. */
static void
print(int status, bool no_hugepages, const char *first, const char *second)
{
	char *texts[] = { (char *)(uintptr_t)first, (char *)(uintptr_t)second };
	const struct cdi_request request = {
		.texts = texts,
		.n_texts = (first != NULL) + (second != NULL),
		.library = library,
		.no_hugepages = no_hugepages,
	};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(cdi_print(&host, &request, out), status);
	assert_int_equal(fclose(out), 0);
	json_decref(spec);
	spec = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	assert_true(status == 0 ? spec != NULL : size == 0);
	free(text);
}

/* A part of what was printed is this JSON. */
static void
assert_part(const json_t *part, const char *wanted)
{
	json_t *value = json_loads(wanted, JSON_DECODE_ANY, NULL);
	char *got = json_dumps(part, JSON_ENCODE_ANY | JSON_SORT_KEYS);

	assert_non_null(value);
	if (!json_equal(part, value))
		fail_msg("%s", got);
	free(got);
	json_decref(value);
}

static const json_t *
common(const char *name)
{
	return json_object_get(json_object_get(spec, "containerEdits"), name);
}

static void
devices_are_given_by_their_nodes(void **state)
{
	(void)state;
	print(0, false, NULL, NULL);
	assert_part(json_object_get(spec, "cdiVersion"), "\"0.5.0\"");
	assert_part(json_object_get(spec, "kind"), "\"dpdk.org/vfio-cdev\"");
	assert_part(json_object_get(spec, "devices"),
		    "[{\"name\": \"" ADDR "\", \"containerEdits\": {\"deviceNodes\": [{\"path\": "
		    "\"/dev/vfio/devices/noiommu-vfio3\", \"type\": \"c\", \"major\": 511, "
		    "\"minor\": 3, \"permissions\": \"rw\"}]}}, {\"name\": \"" OTHER
		    "\", \"containerEdits\": {\"deviceNodes\": [{\"path\": "
		    "\"/dev/vfio/devices/vfio1\", \"type\": \"c\", \"major\": 511, \"minor\": 1, "
		    "\"permissions\": \"rw\"}]}}]");
	assert_part(common("deviceNodes"),
		    "[{\"path\": \"/dev/iommu\", \"type\": \"c\", \"major\": 10, \"minor\": 125, "
		    "\"permissions\": \"rw\"}]");
	assert_part(common("env"), "[\"LD_PRELOAD=" INSIDE "\", \"RTE_VFIO_CDEV=require\"]");
}

static void
named_devices_are_printed_once(void **state)
{
	const json_t *devices;

	(void)state;
	print(0, false, "41:00.0", OTHER);
	devices = json_object_get(spec, "devices");
	assert_int_equal(json_array_size(devices), 1);
	assert_part(json_object_get(json_array_get(devices, 0), "name"), "\"" OTHER "\"");
}

#define MOUNT \
	"{\"hostPath\": \"" LIBRARY "\", \"containerPath\": \"" INSIDE \
	"\", \"options\": [\"ro\", \"nosuid\", \"nodev\", \"bind\"]}"
#define HUGE(path, size) \
	"{\"hostPath\": \"hugetlbfs\", \"containerPath\": \"" path \
	"\", \"type\": \"hugetlbfs\", \"options\": [\"nosuid\", \"nodev\", \"mode=1777\", " \
	"\"pagesize=" size "\"]}"

static void
c_library_front_keeps_its_name(void **state)
{
	(void)state;
	library = "/opt/libvfio_cdev_compat.so.1";
	print(0, true, NULL, NULL);
	assert_part(common("env"), "[\"LD_PRELOAD=" INSIDE_LIBC "\", \"RTE_VFIO_CDEV=require\"]");
	assert_part(json_object_get(json_array_get(common("mounts"), 0), "containerPath"),
		    "\"" INSIDE_LIBC "\"");
}

static void
library_and_hugepages_are_mounted(void **state)
{
	(void)state;
	print(0, false, ADDR, NULL);
	assert_part(common("mounts"), "[" MOUNT ", " HUGE("/dev/hugepages", "2048K") "]");
	print(0, true, ADDR, NULL);
	assert_part(common("mounts"), "[" MOUNT "]");
	fake_sysfs_write("1\n", POOL, 1048576UL);
	print(0, false, ADDR, NULL);
	assert_part(common("mounts"),
		    "[" MOUNT
		    ", " HUGE("/dev/hugepages", "2048K") ", " HUGE("/dev/hugepages-1048576kB",
								   "1048576K") "]");
	/* They may be reserved later. */
	fake_sysfs_write("0\n", POOL, 1048576UL);
	fake_sysfs_write("0\n", POOL, 2048UL);
	print(0, false, ADDR, NULL);
	assert_part(common("mounts"), "[" MOUNT ", " HUGE("/dev/hugepages", "2048K") "]");
}

static void
device_without_a_cdev_is_refused_by_name(void **state)
{
	(void)state;
	print(CMD_TROUBLE, false, "0000:00:04.0", NULL);
	print(CMD_TROUBLE, false, ADDR, "0000:00:04.0");
	print(CMD_TROUBLE, false, "0000:00:09.0", NULL);
	print(CMD_TROUBLE, false, "../../etc", NULL);
	cdev_add("0000:00:05.0", "noiommu-vfio5", NULL);
	print(CMD_TROUBLE, false, "0000:00:05.0", NULL);
	cdev_add("0000:00:06.0", "noiommu-vfio6", "nonsense\n");
	print(CMD_TROUBLE, false, "0000:00:06.0", NULL);
	/* Where none is named they are left out. */
	print(0, false, NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(spec, "devices")), 2);
}

/* It would have to be changed, and the runtime refuses the whole specification with it. */
static void
name_that_cdi_does_not_take_is_refused(void **state)
{
	(void)state;
	fake_sysfs_link("../../../../bus/platform/drivers/vfio-platform",
			"sys/bus/platform/devices/a,b@1/driver");
	fake_sysfs_write("511:9\n", "sys/bus/platform/devices/a,b@1/vfio-dev/vfio9/dev");
	print(CMD_TROUBLE, false, "a,b@1", NULL);
	print(0, false, NULL, NULL);
	assert_int_equal(json_array_size(json_object_get(spec, "devices")), 2);
}

static void
host_that_lacks_something_prints_nothing(void **state)
{
	(void)state;
	fake_sysfs_write("nonsense\n", "sys/class/misc/iommu/dev");
	print(CMD_TROUBLE, false, ADDR, NULL);
	fake_sysfs_reset();
	print(CMD_TROUBLE, false, NULL, NULL);
	fake_sysfs_write("10:125\n", "sys/class/misc/iommu/dev");
	print(CMD_TROUBLE, false, NULL, NULL);
	fake_sysfs_mkdir("sys/bus/pci/devices");
	print(CMD_TROUBLE, false, NULL, NULL);
}

#define CDI_TEST(name) cmocka_unit_test_setup_teardown(name, host_begin, host_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CDI_TEST(devices_are_given_by_their_nodes),
		CDI_TEST(device_without_a_cdev_is_refused_by_name),
		CDI_TEST(host_that_lacks_something_prints_nothing),
		CDI_TEST(c_library_front_keeps_its_name),
		CDI_TEST(library_and_hugepages_are_mounted),
		CDI_TEST(name_that_cdi_does_not_take_is_refused),
		CDI_TEST(named_devices_are_printed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
