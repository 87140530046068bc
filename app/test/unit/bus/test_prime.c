/* SPDX-License-Identifier: BSD-3-Clause */

/* The device that primes a domain, and RTE_VFIO_CDEV_PRIME. */

#include <errno.h>

#include "allow.h"
#include "test_bus.h"

/* As OVS and grout start: a device that no machine has, or one that is its host bridge. */
#define NO_DEVICE "0000:00:00.0"

static void
class_set(const char *addr, const char *class)
{
	fake_sysfs_write(class, "bus/pci/devices/%s/class", addr);
}

static bool
has_address(void)
{
	return rte_mem_virt2phy(FAKE_VA(5)) == FAKE_PHYS(5);
}

static void
where_none_is_allowed_an_idle_device_primes(void **state)
{
	(void)state;
	bus_devargs(0, NO_DEVICE, RTE_DEV_ALLOWED);
	assert_true(has_address());
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	assert_false(fake_node(BUS_NODE)->bound);
	assert_logged(INFO, "bus.vfio_cdev", BUS_ADDR ": bound " BUS_NAME, "resets",
		      "RTE_VFIO_CDEV_PRIME");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
}

/* The EAL refuses the others, or takes them for names of another bus. */
static void
only_an_address_is_that_of_a_device(void **state)
{
	static const char *const names[] = { BUS_ADDR, "00:03.0", "0:3.0", "00000000:0:3.0" };
	static const char *const others[] = {
		"100000000:0:3.0", " 0:3.0", "0:0x3.0",	      "0:+3.0",
		"0:-fffffffd.0",   "0:3. 0", "0:100000003.0", "0:3.0 ",
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(names); i++) {
		bus_devargs(0, names[i], RTE_DEV_BLOCKED);
		assert_false(allow_has("pci", BUS_ADDR));
	}
	for (size_t i = 0; i < RTE_DIM(others); i++) {
		bus_devargs(0, others[i], RTE_DEV_BLOCKED);
		assert_true(allow_has("pci", BUS_ADDR));
	}
}

static void
host_bridge_is_no_device(void **state)
{
	(void)state;
	class_set(NO_DEVICE, "0x060000\n");
	where_none_is_allowed_an_idle_device_primes(state);
}

/* Of whatever kind it is, also a non-transparent bridge: the application uses that one. */
static void
where_another_is_allowed_no_device_is_touched(void **state)
{
	static const char *const classes[] = { "0x020000\n", "0x068000\n" };

	for (size_t i = 0; i < RTE_DIM(classes); i++) {
		assert_int_equal(bus_end(state), 0);
		assert_int_equal(bus_begin(state), 0);
		class_set(BUS_STOCK_ADDR, classes[i]);
		bus_devargs(0, BUS_STOCK_ADDR, RTE_DEV_ALLOWED);
		fake_eal()->iova_mode = RTE_IOVA_DC;
		assert_false(has_address());
		assert_int_equal(fake_calls(FAKE_BIND), 0);
		assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
		assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
	}
}

/* The application has a device. */
static void
where_there_is_a_virtual_device_no_other_is_touched(void **state)
{
	(void)state;
	fake_eal()->bus = "vdev";
	bus_devargs(0, NO_DEVICE, RTE_DEV_ALLOWED);
	bus_devargs(1, "net_null0", RTE_DEV_ALLOWED);
	fake_eal()->devargs[1].bus = rte_bus_find_by_name("vdev");
	fake_eal()->iova_mode = RTE_IOVA_DC;
	assert_false(has_address());
	assert_int_equal(fake_calls(FAKE_BIND), 0);
}

static void
where_the_allowed_one_is_busy_no_other_is_touched(void **state)
{
	(void)state;
	bus_devargs(0, BUS_ADDR2, RTE_DEV_ALLOWED);
	fake_node(FAKE_CDEV(BUS_NAME2))->bound = true;
	assert_false(has_address());
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	fake_node(FAKE_CDEV(BUS_NAME2))->bound = false;
}

static void
blocked_device_does_not_come_later(void **state)
{
	(void)state;
	bus_devargs(0, NO_DEVICE, RTE_DEV_ALLOWED);
	bus_devargs(1, BUS_ADDR, RTE_DEV_BLOCKED);
	assert_true(has_address());
	assert_logged(INFO, "bus.vfio_cdev", BUS_ADDR2 ": bound " BUS_NAME2);
}

static void
busy_device_is_passed_over(void **state)
{
	(void)state;
	bus_devargs(0, NO_DEVICE, RTE_DEV_ALLOWED);
	fake_node(BUS_NODE)->bound = true;
	assert_true(has_address());
	assert_logged(INFO, "bus.vfio_cdev", BUS_ADDR2 ": bound " BUS_NAME2);
	fake_node(BUS_NODE)->bound = false;
}

/* Its VFs may be others': a reset of the PF disturbs them. */
static void
device_with_vfs_is_left_alone(void **state)
{
	(void)state;
	bus_devargs(0, NO_DEVICE, RTE_DEV_ALLOWED);
	fake_sysfs_write("2\n", "bus/pci/devices/" BUS_ADDR "/sriov_numvfs");
	fake_sysfs_write("0\n", "bus/pci/devices/" BUS_ADDR2 "/sriov_numvfs");
	fake_node(BUS_NODE)->open_error = EIO;
	assert_true(has_address());
	assert_logged(INFO, "bus.vfio_cdev", BUS_ADDR2 ": bound " BUS_NAME2);
	assert_null(strstr(log_text(), BUS_ADDR));
}

/* 22.11 tries for addresses before it looks whether it will need them. */
static void
without_hugepages_no_device_is_touched(void **state)
{
	(void)state;
	bus_devargs(0, NO_DEVICE, RTE_DEV_ALLOWED);
	fake_eal()->iova_mode = RTE_IOVA_DC;
	fake_eal()->no_huge = true;
	assert_false(has_address());
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
}

/* -A allows none; an option that names a device allows that one. */
static void
without_probing_an_idle_device_primes(void **state)
{
	(void)state;
	fake_eal()->no_probing = true;
	fake_eal()->iova_mode = RTE_IOVA_VA;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_int_equal(bus_end(state), 0);
	assert_int_equal(bus_begin(state), 0);
	fake_eal()->no_probing = true;
	assert_true(has_address());
	assert_logged(INFO, "bus.vfio_cdev", BUS_ADDR ": bound " BUS_NAME, "resets");
	assert_int_equal(bus_end(state), 0);
	assert_int_equal(bus_begin(state), 0);
	fake_eal()->no_probing = true;
	bus_devargs(0, BUS_ADDR2, RTE_DEV_ALLOWED);
	fake_node(BUS_NODE)->open_error = EIO;
	assert_true(has_address());
	assert_string_equal(log_text(), "");
}

/* It may never plug one in: a warning. */
static void
without_rawio_a_warning_says_why_none_can_come(void **state)
{
	(void)state;
	bus_devargs(0, NO_DEVICE, RTE_DEV_ALLOWED);
	fake_eal()->iova_mode = RTE_IOVA_DC;
	fake.rawio = false;
	assert_false(has_address());
	assert_false(has_address());
	assert_logged(WARNING, "bus.vfio_cdev", "no physical addresses", "CAP_SYS_RAWIO");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
device_of_ntb_is_as_good_as_another(void **state)
{
	(void)state;
	class_set(BUS_ADDR, "0x068000\n");
	class_set(BUS_ADDR2, "0x020000\n");
	fake_node(FAKE_CDEV(BUS_NAME2))->open_error = EIO;
	assert_true(has_address());
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	assert_null(strstr(log_text(), BUS_ADDR2));
}

/* --iova-mode=pa would not help: the line that says why is there already. */
static void
without_addresses_their_lack_is_the_reason(void **state)
{
	int fd;

	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_DC;
	fake.rawio = false;
	assert_false(has_address());
	fake_eal()->iova_mode = RTE_IOVA_VA;
	log_clear();
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR, "IOVA as VA", "no physical addresses");
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR, strerror(EINVAL), "no physical addresses");
	assert_null(strstr(log_text(), "--iova-mode"));
}

/* mlx5 needs its kernel driver; a sound card has no driver in DPDK. */
static void
device_without_a_driver_is_the_last_choice(void **state)
{
	static const char *const class[] = { "0x040300\n", "0x020000\n" };

	for (size_t i = 0; i < RTE_DIM(class); i++) {
		assert_int_equal(bus_begin(state), 0);
		class_set(BUS_ADDR, class[i]);
		fake_sysfs_write("0x15b3\n", "bus/pci/devices/" BUS_ADDR "/vendor");
		class_set(BUS_ADDR2, "0x020000\n");
		fake_node(BUS_NODE)->open_error = EIO;
		assert_true(has_address());
		assert_string_equal(log_text(), "");
		/* But a choice. */
		assert_int_equal(bus_end(state), 0);
		assert_int_equal(bus_begin(state), 0);
		class_set(BUS_ADDR, class[i]);
		bus_devargs(0, BUS_ADDR2, RTE_DEV_BLOCKED);
		assert_true(has_address());
		assert_int_equal(bus_end(state), 0);
	}
}

int
bus_prime_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(only_an_address_is_that_of_a_device),
		BUS_TEST(where_none_is_allowed_an_idle_device_primes),
		BUS_TEST(host_bridge_is_no_device),
		BUS_TEST(where_another_is_allowed_no_device_is_touched),
		BUS_TEST(where_there_is_a_virtual_device_no_other_is_touched),
		BUS_TEST(where_the_allowed_one_is_busy_no_other_is_touched),
		BUS_TEST(blocked_device_does_not_come_later),
		BUS_TEST(busy_device_is_passed_over),
		BUS_TEST(device_with_vfs_is_left_alone),
		BUS_TEST(without_hugepages_no_device_is_touched),
		BUS_TEST(without_probing_an_idle_device_primes),
		BUS_TEST(without_rawio_a_warning_says_why_none_can_come),
		BUS_TEST(device_of_ntb_is_as_good_as_another),
		BUS_TEST(without_addresses_their_lack_is_the_reason),
		BUS_TEST(device_without_a_driver_is_the_last_choice),
	};

	return cmocka_run_group_tests_name("bus: prime", tests, NULL, NULL);
}

/* RTE_VFIO_CDEV_PRIME=0000:00:09.0,0:4.0: the first is none. */
static void
named_device_primes(void **state)
{
	(void)state;
	fake_node(BUS_NODE)->open_error = EIO;
	bus_devargs(0, BUS_ADDR, RTE_DEV_ALLOWED);
	assert_true(has_address());
	assert_int_equal(fake_calls(FAKE_BIND), 1);
	assert_string_equal(log_text(), "");
}

static void
missing_named_device_is_logged(void **state)
{
	(void)state;
	fake_sysfs_reset();
	fake_sysfs_add(BUS_ADDR, BUS_NAME, "510:0\n");
	assert_false(has_address());
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_logged(WARNING, "bus.vfio_cdev", "RTE_VFIO_CDEV_PRIME=0000:00:09.0,0:4.0",
		      strerror(ENODEV));
}

int
bus_prime_named_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(named_device_primes),
		BUS_TEST(missing_named_device_is_logged),
	};

	return cmocka_run_group_tests_name("bus: prime, named", tests, NULL, NULL);
}

static void
no_device_primes(void **state)
{
	int fd;

	(void)state;
	assert_false(has_address());
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	fake_eal()->pagemap = fake_phys;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	/* What pagemap has told is pinned, and compared, by the first device. */
	assert_true(has_address());
	assert_kernel_holds(0, 0, 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_kernel_holds(2, 1, FAKE_PAGE);
}

int
bus_prime_none_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(no_device_primes),
	};

	return cmocka_run_group_tests_name("bus: prime, none", tests, NULL, NULL);
}
