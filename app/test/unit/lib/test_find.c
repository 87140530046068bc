/* SPDX-License-Identifier: BSD-3-Clause */

/* Finding the cdev of a device, in a sysfs that may be hostile. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fixture.h"
#include "vfio_cdev_front.h"

#define ADDR "0000:00:04.0"
#define VFIO_DEV "bus/pci/devices/" ADDR "/vfio-dev"

static int
find(const struct fixture *f, const char *addr, struct rte_vfio_cdev_info *info)
{
	return rte_vfio_cdev_find(f->ctx, fake_sysfs_base(), addr, info);
}

/* Finding fails; the line names the device, the cause and this remedy. */
static void
find_fails(const struct fixture *f, const char *addr, int err, const char *remedy)
{
	struct rte_vfio_cdev_info info;

	log_clear();
	assert_int_equal(find(f, addr, &info), -err);
	assert_logged(ERR, addr, "cannot find the cdev", strerror(err), remedy);
}

static void
whole_names_are_parsed(void **state)
{
	enum rte_vfio_cdev_mode mode;

	(void)state;
	assert_true(vfio_cdev_name_parse("noiommu-vfio0", &mode));
	assert_int_equal(mode, RTE_VFIO_CDEV_NOIOMMU);
	assert_true(vfio_cdev_name_parse("noiommu-vfio1048575", &mode));
	assert_int_equal(mode, RTE_VFIO_CDEV_NOIOMMU);
	assert_true(vfio_cdev_name_parse("vfio0", &mode));
	assert_int_equal(mode, RTE_VFIO_CDEV_TRANSLATED);
	assert_true(vfio_cdev_name_parse("vfio27", &mode));
	assert_int_equal(mode, RTE_VFIO_CDEV_TRANSLATED);
}

static void
other_names_are_refused(void **state)
{
	/* clang-format off */
	static const char *const names[] = {
		"", "vfio", "noiommu-vfio", "noiommu-vfio00", "noiommu-vfio01", "noiommu-vfio0x",
		"noiommu-vfio0 ", "xnoiommu-vfio1", "noiommu-", "noiommu-vfi0",
		"noiommu-vfio-vfio0", "vfio-1", "vfio+1", "vfio 1", "vfio0x1", "vfio1.", "vfio1\n",
		"Vfio1", "VFIO1", "vfio1048576", "vfio4294967296", "vfio18446744073709551616",
		"vfio99999999999999999999", "noiommu-vfio99999999999999999999",
	};
	/* clang-format on */
	enum rte_vfio_cdev_mode mode;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (vfio_cdev_name_parse(names[i], &mode))
			fail_msg("\"%s\" passes for the name of a cdev", names[i]);
}

static void
cdev_without_iommu_is_found(void **state)
{
	const struct fixture *f = *state;
	struct rte_vfio_cdev_info info;

	fake_sysfs_add(ADDR, "noiommu-vfio12", "511:1048575\n");
	fake_sysfs_write("1\n", "bus/pci/devices/" ADDR "/numa_node");
	assert_int_equal(find(f, ADDR, &info), 0);
	assert_string_equal(info.addr, ADDR);
	assert_string_equal(info.name, "noiommu-vfio12");
	assert_int_equal(info.mode, RTE_VFIO_CDEV_NOIOMMU);
	assert_int_equal(info.numa_node, 1);
	assert_int_equal(info.major, 511);
	assert_int_equal(info.minor, 1048575);
	assert_string_equal(rte_vfio_cdev_mode_name(info.mode), "no-IOMMU");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
}

static void
longest_name_is_kept_whole(void **state)
{
	struct rte_vfio_cdev_info info;

	fake_sysfs_add(ADDR, "noiommu-vfio1048575", "511:0\n");
	assert_int_equal(find(*state, ADDR, &info), 0);
	assert_string_equal(info.name, "noiommu-vfio1048575");
}

static void
cdev_with_iommu_is_found(void **state)
{
	struct rte_vfio_cdev_info info;

	fake_sysfs_add(ADDR, "vfio3", "511:3\n");
	assert_int_equal(find(*state, ADDR, &info), 0);
	assert_int_equal(info.mode, RTE_VFIO_CDEV_TRANSLATED);
	assert_int_equal(info.numa_node, -1);
	assert_string_equal(rte_vfio_cdev_mode_name(info.mode), "translated");
}

static void
device_without_vfio_has_no_cdev(void **state)
{
	struct rte_vfio_cdev_info info;

	fake_sysfs_mkdir("bus/pci/devices/" ADDR);
	assert_int_equal(find(*state, ADDR, &info), -ENODEV);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_logged(DEBUG, ADDR, "enable_unsafe_noiommu_mode");

	fake_sysfs_mkdir(VFIO_DEV);
	assert_int_equal(find(*state, ADDR, &info), -ENODEV);
}

/* CONFIG_VFIO_DEVICE_CDEV or CONFIG_IOMMUFD_NOIOMMU is not set. */
static void
entry_without_dev_attribute_is_no_cdev(void **state)
{
	struct rte_vfio_cdev_info info;

	fake_sysfs_add(ADDR, "noiommu-vfio1", NULL);
	assert_int_equal(find(*state, ADDR, &info), -EOPNOTSUPP);
	assert_string_equal(info.name, "noiommu-vfio1");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_logged(DEBUG, ADDR, "CONFIG_VFIO_DEVICE_CDEV");
}

static void
strange_name_is_ignored_with_a_warning(void **state)
{
	struct rte_vfio_cdev_info info;

	fake_sysfs_add(ADDR, "noiommu-vfio1", "510:1\n");
	fake_sysfs_mkdir(VFIO_DEV "/noiommu-vfio1x");
	assert_int_equal(find(*state, ADDR, &info), 0);
	assert_string_equal(info.name, "noiommu-vfio1");
	assert_logged(WARNING, ADDR, "noiommu-vfio1x", "ignored");
}

static void
control_characters_stay_out_of_the_log(void **state)
{
	struct rte_vfio_cdev_info info;

	fake_sysfs_mkdir(VFIO_DEV "/vfio1\n\033[31mroot\302\233");
	assert_int_equal(find(*state, ADDR, &info), -ENODEV);
	assert_logged(WARNING, ADDR, "vfio1??[31mroot?? is not");
}

static void
only_strange_names_are_no_cdev(void **state)
{
	struct rte_vfio_cdev_info info;

	fake_sysfs_mkdir(VFIO_DEV "/noiommu-vfio");
	assert_int_equal(find(*state, ADDR, &info), -ENODEV);
	assert_logged(WARNING, ADDR, "noiommu-vfio", "ignored");
}

static void
several_cdevs_are_an_error(void **state)
{
	fake_sysfs_add(ADDR, "noiommu-vfio1", "510:1\n");
	fake_sysfs_add(ADDR, "vfio2", "510:2\n");
	find_fails(*state, ADDR, ENOTUNIQ, "mounted over sysfs");
}

static void
symlink_loops_are_an_error(void **state)
{
	fake_sysfs_link("vfio-dev", VFIO_DEV);
	find_fails(*state, ADDR, ELOOP, "circle");

	fake_sysfs_reset();
	fake_sysfs_link("noiommu-vfio1", VFIO_DEV "/noiommu-vfio1");
	find_fails(*state, ADDR, ELOOP, "circle");

	fake_sysfs_reset();
	fake_sysfs_link("dev", VFIO_DEV "/noiommu-vfio1/dev");
	find_fails(*state, ADDR, ELOOP, "circle");
}

static void
malformed_dev_attribute_is_an_error(void **state)
{
	/* clang-format off */
	static const char *const devs[] = {
		"", "\n", "510\n", "510:\n", ":1\n", "510:1", "510:12", "510:1 \n", " 510:1\n",
		"510:-1\n", "+510:1\n", "510:1:2\n", "510.1\n", "0510:1\n", "510:01\n", "0x1fe:1\n",
		"510:1048576\n", "4294967296:1\n", "99999999999999999999:1\n", "510:1\n\n",
		"510:1\n510:2\n", "510:11111111111111111111111111111111\n",
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof(devs) / sizeof(devs[0]); i++) {
		fake_sysfs_reset();
		fake_sysfs_add(ADDR, "noiommu-vfio1", devs[i]);
		find_fails(*state, ADDR, EBADMSG, "major:minor");
	}
}

static void
dev_attribute_that_is_a_directory_is_an_error(void **state)
{
	fake_sysfs_mkdir(VFIO_DEV "/noiommu-vfio1/dev");
	find_fails(*state, ADDR, EISDIR, "");
}

static void
vfio_dev_that_is_a_file_is_an_error(void **state)
{
	fake_sysfs_write("", VFIO_DEV);
	find_fails(*state, ADDR, ENOTDIR, "");
}

static void
address_that_is_none_is_an_error(void **state)
{
	static const char *const addrs[] = {
		"",	  ".",	    "..",      "../x",	  "../devices/" ADDR, "/",
		"/" ADDR, ADDR "/", ADDR "/.", "./" ADDR, ".hidden",
	};

	fake_sysfs_add(ADDR, "noiommu-vfio1", "510:1\n");
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		find_fails(*state, addrs[i], EINVAL, "domain:bus:device.function");
}

static void
malformed_bdf_has_no_cdev(void **state)
{
	static const char *const addrs[] = { "00:04.0", "0000:00:04", ADDR " ", "zz", "%s%n" };
	struct rte_vfio_cdev_info info;

	fake_sysfs_add(ADDR, "noiommu-vfio1", "510:1\n");
	for (size_t i = 0; i < sizeof(addrs) / sizeof(addrs[0]); i++)
		assert_int_equal(find(*state, addrs[i], &info), -ENODEV);
}

static void
longest_address_is_kept_whole(void **state)
{
	struct rte_vfio_cdev_info info;
	char addr[RTE_VFIO_CDEV_ADDR_LEN];

	memset(addr, 'a', sizeof(addr) - 1);
	addr[sizeof(addr) - 1] = '\0';
	fake_sysfs_add(addr, "noiommu-vfio1", "510:1\n");
	assert_int_equal(find(*state, addr, &info), 0);
	assert_string_equal(info.addr, addr);
}

/* The cause and the remedy are not pushed out of the line. */
static void
overlong_address_is_an_error(void **state)
{
	static const size_t lens[] = { RTE_VFIO_CDEV_ADDR_LEN, 300, 700, 4096, 10000 };
	struct rte_vfio_cdev_info info;
	static char addr[10001];

	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		memset(addr, 'a', lens[i]);
		addr[lens[i]] = '\0';
		log_clear();
		assert_int_equal(find(*state, addr, &info), -EINVAL);
		assert_logged(ERR, "aaaaaaaa", strerror(EINVAL), "domain:bus:device.function");
	}
}

static void
missing_numa_node_is_none(void **state)
{
	struct rte_vfio_cdev_info info;

	fake_sysfs_add(ADDR, "noiommu-vfio1", "510:1\n");
	fake_sysfs_write("-1\n", "bus/pci/devices/" ADDR "/numa_node");
	assert_int_equal(find(*state, ADDR, &info), 0);
	assert_int_equal(info.numa_node, -1);

	fake_sysfs_write("", "bus/pci/devices/" ADDR "/numa_node");
	assert_int_equal(find(*state, ADDR, &info), 0);
	assert_int_equal(info.numa_node, -1);
}

static void
cdevs_are_counted_by_mode(void **state)
{
	const struct fixture *f = *state;

	fake_sysfs_add(ADDR, "noiommu-vfio1", "510:1\n");
	fake_sysfs_add("0000:00:05.0", "vfio2", "510:2\n");
	fake_sysfs_add("0000:00:06.0", "noiommu-vfio3", NULL);
	fake_sysfs_add("0000:00:07.0", "noiommu-vfio4x", "510:4\n");
	assert_int_equal(rte_vfio_cdev_count(f->ctx, RTE_VFIO_CDEV_NOIOMMU), 2);
	assert_int_equal(rte_vfio_cdev_count(f->ctx, RTE_VFIO_CDEV_TRANSLATED), 1);
	assert_int_equal(rte_vfio_cdev_count_without(f->ctx), 1);
}

static int
visit(const struct rte_vfio_cdev_info *info, void *arg)
{
	strcat(arg, info->name);
	return 0;
}

/* A machine that cannot be looked at is no machine without devices. */
static void
list_that_cannot_be_read_is_an_error(void **state)
{
	const struct fixture *f = *state;
	char names[64] = "";

	files_limit(0);
	log_clear();
	assert_int_equal(rte_vfio_cdev_count(f->ctx, RTE_VFIO_CDEV_NOIOMMU), 0);
	assert_logged(ERR, "cannot find the cdev", "class/vfio-dev", strerror(EMFILE));
	log_clear();
	assert_int_equal(rte_vfio_cdev_walk(f->ctx, "pci", visit, names), -EMFILE);
	assert_logged(ERR, "cannot find the cdev", "bus/pci/devices", strerror(EMFILE));
	files_limit(-1);
	log_clear();
	assert_int_equal(rte_vfio_cdev_walk(f->ctx, "cdx", visit, names), 0);
	assert_int_equal(rte_vfio_cdev_walk(f->ctx, "pci", visit, names), 0);
	assert_string_equal(names, FIXTURE_NAME);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
devices_of_a_group_are_visited(void **state)
{
	const struct fixture *f = *state;
	char target[PATH_MAX], names[64] = "";

	fake_sysfs_add("0000:00:05.0", "vfio2", "510:2\n");
	fake_sysfs_mkdir("bus/pci/devices/0000:00:05.1");
	for (unsigned int function = 0; function < 2; function++) {
		snprintf(target, sizeof(target), "%s/0000:00:05.%u", fake_sysfs_base(), function);
		fake_sysfs_link(target, "kernel/iommu_groups/7/devices/0000:00:05.%u", function);
	}
	assert_int_equal(rte_vfio_cdev_walk_group(f->ctx, 7, visit, names), 0);
	assert_string_equal(names, "vfio2");
	assert_int_equal(rte_vfio_cdev_walk_group(f->ctx, 8, visit, names), 0);
	assert_string_equal(names, "vfio2");
}

static void
count_without_the_class_is_0(void **state)
{
	const struct fixture *f = *state;

	fake_sysfs_reset();
	assert_int_equal(rte_vfio_cdev_count(f->ctx, RTE_VFIO_CDEV_NOIOMMU), 0);
}

/* As where a container has another file in its place. */
static void
class_that_cannot_be_read_has_no_cdevs(void **state)
{
	const struct fixture *f = *state;

	fake_sysfs_reset();
	fake_sysfs_write("", "class/vfio-dev");
	assert_int_equal(vfio_cdev_count(f->ctx, RTE_VFIO_CDEV_NOIOMMU), 0);
	assert_logged(ERR, "class/vfio-dev", strerror(ENOTDIR));
}

static void
attribute_is_read(void **state)
{
	const struct fixture *f = *state;
	char text[16];

	fake_sysfs_write("0x020000\n", "bus/pci/devices/" ADDR "/class");
	assert_int_equal(rte_vfio_cdev_attr(f->ctx, fake_sysfs_base(), ADDR, "class", text,
					    sizeof(text)),
			 0);
	assert_string_equal(text, "0x020000");
	text[0] = '\0';
	assert_int_equal(rte_vfio_cdev_attr(f->ctx, "bus/pci/devices", ADDR, "class", text,
					    sizeof(text)),
			 0);
	assert_string_equal(text, "0x020000");
}

static void
attribute_that_cannot_be_read_is_an_error(void **state)
{
	const struct fixture *f = *state;
	char text[8];

	fake_sysfs_write("0x020000\n", "bus/pci/devices/" ADDR "/class");
	fake_sysfs_write("", "bus/pci/devices/" ADDR "/uevent");
	assert_int_equal(rte_vfio_cdev_attr(f->ctx, fake_sysfs_base(), ADDR, "vendor", text,
					    sizeof(text)),
			 -ENOENT);
	assert_int_equal(rte_vfio_cdev_attr(f->ctx, fake_sysfs_base(), ADDR, "class", text,
					    sizeof(text)),
			 -EBADMSG);
	assert_int_equal(rte_vfio_cdev_attr(f->ctx, fake_sysfs_base(), ADDR, "uevent", text,
					    sizeof(text)),
			 -EBADMSG);
	assert_int_equal(rte_vfio_cdev_attr(f->ctx, fake_sysfs_base(), "../" ADDR, "class", text,
					    sizeof(text)),
			 -EINVAL);
	assert_string_equal(log_text(), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_names_are_parsed),
		cmocka_unit_test(other_names_are_refused),
		CTX_TEST(cdev_without_iommu_is_found),
		CTX_TEST(longest_name_is_kept_whole),
		CTX_TEST(cdev_with_iommu_is_found),
		CTX_TEST(device_without_vfio_has_no_cdev),
		CTX_TEST(entry_without_dev_attribute_is_no_cdev),
		CTX_TEST(strange_name_is_ignored_with_a_warning),
		CTX_TEST(control_characters_stay_out_of_the_log),
		CTX_TEST(only_strange_names_are_no_cdev),
		CTX_TEST(several_cdevs_are_an_error),
		CTX_TEST(symlink_loops_are_an_error),
		CTX_TEST(malformed_dev_attribute_is_an_error),
		CTX_TEST(dev_attribute_that_is_a_directory_is_an_error),
		CTX_TEST(vfio_dev_that_is_a_file_is_an_error),
		CTX_TEST(address_that_is_none_is_an_error),
		CTX_TEST(malformed_bdf_has_no_cdev),
		CTX_TEST(longest_address_is_kept_whole),
		CTX_TEST(overlong_address_is_an_error),
		CTX_TEST(missing_numa_node_is_none),
		CTX_TEST(cdevs_are_counted_by_mode),
		CTX_TEST(devices_of_a_group_are_visited),
		CTX_TEST(count_without_the_class_is_0),
		CTX_TEST(class_that_cannot_be_read_has_no_cdevs),
		CTX_TEST(attribute_is_read),
		CTX_TEST(list_that_cannot_be_read_is_an_error),
		CTX_TEST(attribute_that_cannot_be_read_is_an_error),
	};

	return cmocka_run_group_tests_name("find", tests, NULL, NULL);
}
