/* SPDX-License-Identifier: BSD-3-Clause */

/* What makes the domain ready before there is a device: another one, or io_uring. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "prime.h"
#include "test_compat.h"

#define NAMED "RTE_VFIO_CDEV_PRIME=" ADDR1

static void
attr_set(const char *addr, const char *attr, const char *value)
{
	fake_sysfs_write(value, "bus/pci/devices/%s/%s", addr, attr);
}

/* So often BIND was called for a device; those of the other have failed if it was called more. */
static void
assert_primed_by(const char *addr, unsigned int binds)
{
	assert_true(prime_domain());
	assert_logged(INFO, addr, "for a moment", "resets", "RTE_VFIO_CDEV_PRIME");
	assert_int_equal(fake_calls(FAKE_BIND), binds);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
	assert_false(fake_node(CDEV0)->bound && fake_node(CDEV1)->bound);
	/* Once is enough. */
	assert_true(prime_domain());
	assert_int_equal(fake_calls(FAKE_BIND), binds);
}

static void
first_device_that_is_idle_primes(void **state)
{
	(void)state;
	assert_primed_by(ADDR0, 1);
	assert_false(fake_node(CDEV0)->bound);
}

static void
device_in_use_is_passed_over(void **state)
{
	(void)state;
	fake_node(CDEV0)->bound = true;
	assert_primed_by(ADDR1, 2);
}

static void
device_that_is_hardly_for_the_program_comes_last(void **state)
{
	(void)state;
	attr_set(ADDR0, "class", "0x030000\n");
	assert_primed_by(ADDR1, 1);
}

static void
device_that_is_hardly_for_the_program_is_better_than_none(void **state)
{
	(void)state;
	attr_set(ADDR0, "class", "0x030000\n");
	fake_node(CDEV1)->bound = true;
	assert_primed_by(ADDR0, 2);
}

/* Its VFs would lose it. */
static void
device_with_vfs_never_primes(void **state)
{
	(void)state;
	attr_set(ADDR0, "sriov_numvfs", "2\n");
	assert_primed_by(ADDR1, 1);
}

static void
named_device_primes_and_no_other(void **state)
{
	(void)state;
	attr_set(ADDR1, "sriov_numvfs", "2\n");
	assert_primed_by(ADDR1, 1);
}

static void
where_the_named_device_is_in_use_none_primes(void **state)
{
	(void)state;
	fake_node(CDEV1)->bound = true;
	assert_false(prime_domain());
	assert_in_range(machine.sleeps, 5, 20);
	assert_int_equal(fake_calls(FAKE_BIND), machine.sleeps + 1);
	assert_logged(WARNING, ADDR1, "cannot bind", strerror(EINVAL));
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 1);
}

/* Another process primes by it, too. */
static void
devices_that_are_in_use_for_a_moment_are_waited_for(void **state)
{
	(void)state;
	fake_node(CDEV0)->bound = true;
	fake_node(CDEV1)->bound = true;
	machine.idle_after = 3;
	assert_primed_by(ADDR0, 3 * 2 + 1);
	assert_int_equal(machine.sleeps, 3);
}

static void
device_that_is_broken_is_not_waited_for(void **state)
{
	(void)state;
	fake_fail_from(FAKE_BIND, 1, ENODEV);
	assert_false(prime_domain());
	assert_int_equal(machine.sleeps, 0);
	assert_int_equal(fake_calls(FAKE_BIND), 2);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 1);
}

static void
name_of_no_device_is_explained(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++)
		assert_false(prime_domain());
	assert_logged(WARNING, "RTE_VFIO_CDEV_PRIME=" ADDR2 ": ", "no device of that name",
		      strerror(ENODEV), "dpdk-vfio-cdev list");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 1);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_int_equal(machine.sleeps, 0);
}

static void
without_permission_none_primes(void **state)
{
	(void)state;
	assert_false(prime_domain());
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
	assert_string_equal(log_text(), "");
}

static void
devices_that_are_all_in_use_are_logged_once(void **state)
{
	(void)state;
	fake_node(CDEV0)->bound = true;
	fake_node(CDEV1)->bound = true;
	for (int i = 0; i < 3; i++)
		assert_false(prime_domain());
	assert_in_range(machine.sleeps, 5, 20);
	assert_int_equal(fake_calls(FAKE_BIND), 2 * (machine.sleeps + 1));
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 1);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	assert_logged(WARNING, ADDR1, "cannot bind");
}

/* A machine with the kernel's groups only: pagemap reports, and io_uring pins. */
static void
groups_only(void)
{
	fake_sysfs_reset();
	fake_sysfs_link("../../../../kernel/iommu_groups/0",
			"bus/pci/devices/" ADDR0 "/iommu_group");
	fake_sysfs_write("vfio-noiommu\n", "kernel/iommu_groups/0/name");
}

static uint64_t
entry_at(int fd, const void *va)
{
	uint64_t entry = 0;

	assert_int_equal(pread(fd, &entry, 8, (off_t)((uintptr_t)va / FAKE_PAGE * 8)), 8);
	return entry & ~(UINT64_C(1) << 63);
}

static void
without_cdevs_io_uring_pins(void **state)
{
	uint64_t entry;
	int fd;

	(void)state;
	groups_only();
	assert_true(is_node(container_get(), COMPAT_CONTAINER));
	assert_true(is_node(open(GROUP0, O_RDWR), GROUP0));
	fd = open(PAGEMAP, O_RDONLY);
	fake.restless = FAKE_VA(0);
	entry = entry_at(fd, FAKE_VA(0));
	assert_int_equal(entry, fake_phys(FAKE_VA(0)) / FAKE_PAGE);
	assert_int_equal(fake_holds().pinned, FAKE_PAGE);
	assert_logged(INFO, "no cdev", "io_uring", "pagemap");
	assert_int_equal(fake_calls(FAKE_BIND), 0);
}

static void
without_io_uring_the_kernels_addresses_are_given(void **state)
{
	int fd;

	(void)state;
	groups_only();
	container_get();
	fake_fail_from(FAKE_RING_OPEN, 1, EPERM);
	fd = open(PAGEMAP, O_RDONLY);
	assert_int_equal(entry_at(fd, FAKE_VA(0)), FAKE_PHYS(0) / FAKE_PAGE);
	assert_int_equal(entry_at(fd, FAKE_VA(FAKE_PAGE)), FAKE_PHYS(FAKE_PAGE) / FAKE_PAGE);
	assert_int_equal(fake_holds().pinned, 0);
	assert_logged(WARNING, "io_uring cannot pin", strerror(EPERM), "RTE_VFIO_CDEV_PIN=off");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 1);
}

/* Nothing to pin for, or it is not wanted. */
static void
without_cdevs_io_uring_may_not_be_used(void **state)
{
	int fd;

	(void)state;
	groups_only();
	container_get();
	fd = open(PAGEMAP, O_RDONLY);
	assert_int_equal(entry_at(fd, FAKE_VA(0)), FAKE_PHYS(0) / FAKE_PAGE);
	assert_int_equal(fake_calls(FAKE_RING_OPEN), 0);
	assert_string_equal(log_text(), "");
}

static void
before_vfio_is_used_io_uring_is_not(void **state)
{
	int fd;

	(void)state;
	groups_only();
	fd = open(PAGEMAP, O_RDONLY);
	assert_int_equal(entry_at(fd, FAKE_VA(0)), FAKE_PHYS(0) / FAKE_PAGE);
	assert_int_equal(fake_calls(FAKE_RING_OPEN), 0);
}

static void
machine_without_such_devices_needs_no_io_uring(void **state)
{
	int fd;

	(void)state;
	fake_sysfs_reset();
	container_get();
	fd = open(PAGEMAP, O_RDONLY);
	assert_int_equal(entry_at(fd, FAKE_VA(0)), FAKE_PHYS(0) / FAKE_PAGE);
	assert_int_equal(fake_calls(FAKE_RING_OPEN), 0);
}

int
compat_prime_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(first_device_that_is_idle_primes),
		COMPAT_TEST(device_in_use_is_passed_over),
		COMPAT_TEST(device_that_is_hardly_for_the_program_comes_last),
		COMPAT_TEST(device_that_is_hardly_for_the_program_is_better_than_none),
		COMPAT_TEST(device_with_vfs_never_primes),
		COMPAT_TEST_ENV(named_device_primes_and_no_other, NAMED),
		COMPAT_TEST_ENV(named_device_primes_and_no_other,
				"RTE_VFIO_CDEV_PRIME=0:9.0,0:4.0"),
		COMPAT_TEST_ENV(where_the_named_device_is_in_use_none_primes, NAMED),
		COMPAT_TEST(devices_that_are_in_use_for_a_moment_are_waited_for),
		COMPAT_TEST(device_that_is_broken_is_not_waited_for),
		COMPAT_TEST_ENV(name_of_no_device_is_explained, "RTE_VFIO_CDEV_PRIME=" ADDR2),
		COMPAT_TEST_ENV(without_permission_none_primes, "RTE_VFIO_CDEV_PRIME=none"),
		COMPAT_TEST(devices_that_are_all_in_use_are_logged_once),
		COMPAT_TEST(without_cdevs_io_uring_pins),
		COMPAT_TEST(without_io_uring_the_kernels_addresses_are_given),
		COMPAT_TEST_ENV(without_cdevs_io_uring_may_not_be_used, "RTE_VFIO_CDEV_PIN=off"),
		COMPAT_TEST(before_vfio_is_used_io_uring_is_not),
		COMPAT_TEST(machine_without_such_devices_needs_no_io_uring),
	};

	return COMPAT_RUN("compat: prime", tests);
}
