/* SPDX-License-Identifier: BSD-3-Clause */

/* VFIO_GROUP_GET_DEVICE_FD: the cdev is bound to the domain, and attached. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "iommufd_uapi.h"
#include "rte_vfio_cdev.h"
#include "test_compat.h"

#define UUID "00112233-4455-6677-8899-aabbccddeeff"

static const unsigned char uuid[FAKE_TOKEN_LEN] = {
	0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
	0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff,
};

static void
device_is_bound_attached_and_returned(void **state)
{
	const int group = group_get(GROUP0, container_get());
	int fd, again;

	(void)state;
	assert_false(fake_node(CDEV0)->bound);
	fd = device_get(group, ADDR0);
	assert_int_not_equal(fd, group);
	assert_true(is_node(fd, CDEV0));
	assert_true(fake_node(CDEV0)->bound);
	assert_int_equal(fake_calls(FAKE_ATTACH), 1);
	assert_logged(INFO, ADDR0 ": noiommu-vfio0", "0 pages pinned");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	/* The container, the group, the device and the iommufd. */
	assert_int_equal(files_open(), 4);
	again = device_get(group, ADDR0);
	assert_true(is_node(again, CDEV0));
	assert_int_equal(fake_calls(FAKE_ATTACH), 1);
	/* The device is the file, whatever fd of it is left. */
	close(group);
	close(fd);
	assert_true(fake_node(CDEV0)->bound);
	close(again);
	assert_false(fake_node(CDEV0)->bound);
	assert_int_equal(files_open(), 2);
}

static void
devices_of_a_container_are_in_one_domain(void **state)
{
	const int container = container_get();
	const int group0 = group_get(GROUP0, container), group1 = group_get(GROUP1, container);

	(void)state;
	assert_true(is_node(device_get(group0, ADDR0), CDEV0));
	assert_true(is_node(device_get(group1, ADDR1), CDEV1));
	assert_int_equal(rte_vfio_cdev_iommufds_open(), 1);
	assert_int_equal(fake_calls(FAKE_HWPT_ALLOC), 1);
	assert_int_equal(fake_calls(FAKE_ATTACH), 2);
}

static void
name_must_be_the_devices(void **state)
{
	static const char *const names[] = {
		"", ADDR1, "0000:00:03.00", "0000:00:03", "00:03.0", " 0000:00:03.0",
	};
	static const char *const tokens[] = {
		(ADDR0 " vf_token"),	(ADDR0 " vf_token="),	   (ADDR0 " vf_token=" UUID "0"),
		(ADDR0 " token=" UUID), (ADDR0 "  vf_token" UUID),
	};
	const int group = group_get(GROUP0, container_get());
	char name[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_fails(device_get(group, names[i]), ENODEV);
	for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
		assert_fails(device_get(group, tokens[i]), EINVAL);
	memset(name, 'a', sizeof(name)); /* without an end */
	assert_fails(device_get(group, name), ENODEV);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
}

static void
token_is_passed_on(void **state)
{
	const int group = group_get(GROUP0, container_get());

	(void)state;
	fake_node(CDEV0)->token = uuid;
	assert_fails(device_get(group, ADDR0), EACCES);
	assert_logged(ERR, ADDR0, "cannot bind", strerror(EACCES));
	assert_int_equal(machine.sleeps, 0);
	assert_true(device_get(group, ADDR0 " vf_token=" UUID) >= 0);
	/* It is bound: the token was checked when it was. */
	assert_true(device_get(group, ADDR0) >= 0);
}

static void
group_without_a_container_gives_no_device(void **state)
{
	int container = container_get();
	const int group = open(GROUP0, O_RDWR);

	(void)state;
	assert_fails(device_get(group, ADDR0), EINVAL);
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), 0);
	assert_fails(device_get(group, ADDR0), EINVAL);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
	assert_int_equal(ioctl(container, COMPAT_SET_IOMMU, (uintptr_t)COMPAT_NOIOMMU), 0);
	assert_true(device_get(group, ADDR0) >= 0);
}

/* As in the kernel, a group that joins later needs no VFIO_SET_IOMMU of its own. */
static void
group_joins_a_container_that_is_set_up(void **state)
{
	int container = container_get(), other = container_get();
	const int group1 = open(GROUP1, O_RDWR);

	(void)state;
	machine.ioctl_ret = -1; /* the kernel's has no group of its own */
	machine.ioctl_errno = EINVAL;
	group_get(GROUP0, container);
	assert_int_equal(ioctl(group1, COMPAT_GROUP_SET_CONTAINER, &other), 0);
	assert_fails(device_get(group1, ADDR1), EINVAL);
	assert_int_equal(ioctl(group1, COMPAT_GROUP_UNSET_CONTAINER), 0);
	assert_int_equal(ioctl(group1, COMPAT_GROUP_SET_CONTAINER, &container), 0);
	assert_true(device_get(group1, ADDR1) >= 0);
}

static void
group_stays_in_its_container_while_the_device_is_open(void **state)
{
	const int group = group_get(GROUP0, container_get());
	struct compat_group_status status = { .argsz = sizeof(status) };

	(void)state;
	assert_true(device_get(group, ADDR0) >= 0);
	assert_fails(ioctl(group, COMPAT_GROUP_UNSET_CONTAINER), EBUSY);
	assert_int_equal(ioctl(group, COMPAT_GROUP_GET_STATUS, &status), 0);
	assert_int_equal(status.flags, COMPAT_GROUP_VIABLE | COMPAT_GROUP_CONTAINER_SET);
}

/* As a secondary process gets it: bound by the primary, or not yet. */
static void
group_that_was_sent_gives_the_device(void **state)
{
	struct ifd_vfio_bind bind = { .argsz = sizeof(bind) };
	struct compat_group_status status = { .argsz = sizeof(status) };
	const int group = open(GROUP0, O_RDWR), sent = fake_send(group);

	(void)state;
	assert_fails(device_get(sent, ADDR0), EINVAL);
	bind.iommufd = open(FAKE_IOMMU, O_RDWR);
	assert_int_equal(fake_sys.ioctl(group, IFD_VFIO_BIND, &bind), 0);
	assert_true(is_node(device_get(sent, ADDR0), CDEV0));
	assert_fails(device_get(sent, ADDR1), ENODEV);
	/* What this process has alone is pinned by a domain that the other device primes. */
	assert_int_equal(fake_calls(FAKE_BIND), 3);
	assert_int_equal(rte_vfio_cdev_iommufds_open(), 1);
	assert_false(fake_node(CDEV1)->bound);
	assert_logged(INFO, ADDR1, "for a moment");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
	assert_int_equal(ioctl(sent, COMPAT_GROUP_GET_STATUS, &status), 0);
	assert_int_equal(status.flags, COMPAT_GROUP_VIABLE | COMPAT_GROUP_CONTAINER_SET);
}

static void
memory_of_a_process_without_a_device_to_prime_is_explained(void **state)
{
	struct ifd_vfio_bind bind = { .argsz = sizeof(bind) };
	const int group = open(GROUP0, O_RDWR);

	(void)state;
	fake_node(CDEV1)->bound = true;
	bind.iommufd = open(FAKE_IOMMU, O_RDWR);
	assert_int_equal(fake_sys.ioctl(group, IFD_VFIO_BIND, &bind), 0);
	log_clear();
	for (int i = 0; i < 2; i++)
		assert_true(is_node(device_get(group, ADDR0), CDEV0));
	assert_logged(WARNING, ADDR0 ": ", "another process has bound noiommu-vfio0",
		      "bind one more to vfio-pci");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 2); /* and the cause */
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

/* Another process primes its domain by the device. */
static void
device_that_is_bound_for_a_moment_is_waited_for(void **state)
{
	static const int errors[] = { EINVAL, EBUSY };
	const int container = container_get();
	int group, fd;

	(void)state;
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		group = group_get(GROUP0, container);
		log_clear();
		machine.sleeps = 0;
		fake_fail(FAKE_BIND, 1, errors[i]);
		fd = device_get(group, ADDR0);
		assert_true(fd >= 0);
		assert_int_equal(machine.sleeps, 1);
		assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
		assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
		close(fd);
		close(group);
	}
}

static void
device_of_another_program_is_an_error_in_the_end(void **state)
{
	const int group = group_get(GROUP0, container_get());

	(void)state;
	fake_node(CDEV0)->bound = true;
	assert_fails(device_get(group, ADDR0), EBUSY);
	assert_in_range(machine.sleeps, 5, 50);
	assert_logged(ERR, ADDR0, "cannot bind", strerror(EINVAL), "another program");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	fake_node(CDEV0)->bound = false;
	assert_true(device_get(group, ADDR0) >= 0);
}

static void
other_errors_are_reported_at_once(void **state)
{
	const int group = group_get(GROUP0, container_get());

	(void)state;
	fake_fail(FAKE_BIND, 1, ENODEV);
	assert_fails(device_get(group, ADDR0), ENODEV);
	assert_int_equal(machine.sleeps, 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
	fake_fail(FAKE_HWPT_ALLOC, 1, EOPNOTSUPP);
	assert_fails(device_get(group, ADDR0), EOPNOTSUPP);
	assert_false(fake_node(CDEV0)->bound);
	assert_true(device_get(group, ADDR0) >= 0);
}

static void
machine_without_an_iommufd_is_explained(void **state)
{
	const int group = group_get(GROUP0, container_get());

	(void)state;
	fake_node_remove(FAKE_IOMMU);
	assert_fails(device_get(group, ADDR0), ENOENT);
	assert_logged(ERR, ADDR0, FAKE_IOMMU, strerror(ENOENT), "modprobe iommufd");
	assert_int_equal(machine.sleeps, 0);
}

/* The kernel has no call that unbinds it. */
static void
device_that_cannot_be_attached_is_unusable_until_its_group_is_opened_anew(void **state)
{
	int container = container_get(), group = group_get(GROUP0, container);

	(void)state;
	fake_fail(FAKE_ATTACH, 1, ENOMEM);
	assert_fails(device_get(group, ADDR0), ENOMEM);
	assert_logged(ERR, ADDR0, "cannot attach", strerror(ENOMEM));
	assert_true(fake_node(CDEV0)->bound);
	for (int i = 0; i < 2; i++)
		assert_fails(device_get(group, ADDR0), EIO);
	assert_int_equal(machine.sleeps, 0);
	close(group);
	group = open(GROUP0, O_RDWR);
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), 0);
	ioctl(container, COMPAT_SET_IOMMU, (uintptr_t)COMPAT_NOIOMMU);
	assert_true(device_get(group, ADDR0) >= 0);
}

/* EINVAL of the attachment is no device of another program. */
static void
attachment_is_not_tried_again(void **state)
{
	const int group = group_get(GROUP0, container_get());

	(void)state;
	fake_fail_from(FAKE_ATTACH, 1, EINVAL);
	assert_fails(device_get(group, ADDR0), EINVAL);
	assert_int_equal(fake_calls(FAKE_ATTACH), 1);
	assert_int_equal(machine.sleeps, 0);
	assert_logged(ERR, ADDR0, "cannot attach", strerror(EINVAL));
}

static void
without_a_free_number_there_is_no_copy(void **state)
{
	const int group = group_get(GROUP0, container_get());

	(void)state;
	fake_fail(FAKE_DUP, 1, EMFILE);
	assert_fails(device_get(group, ADDR0), EMFILE);
	assert_true(device_get(group, ADDR0) >= 0);
}

static void
cdev_of_another_bus_is_found(void **state)
{
	int container = container_get(), group;

	(void)state;
	fake_sysfs_add_below("bus/platform/devices", "fd000000.eth", "noiommu-vfio3", "510:3\n");
	fake_sysfs_link("../../../../bus/platform", "bus/platform/devices/fd000000.eth/subsystem");
	fake_sysfs_link("../../../bus/platform/devices/fd000000.eth", "dev/char/510:3/device");
	fake_node_add(FAKE_CDEV("noiommu-vfio3"), FAKE_MAJOR, 3);
	group = open(COMPAT_GROUP "1000003", O_RDWR);
	assert_true(is_node(group, FAKE_CDEV("noiommu-vfio3")));
	assert_int_equal(ioctl(group, COMPAT_GROUP_SET_CONTAINER, &container), 0);
	assert_int_equal(ioctl(container, COMPAT_SET_IOMMU, (uintptr_t)COMPAT_NOIOMMU), 0);
	assert_true(device_get(group, "fd000000.eth") >= 0);
}

static void
groups_of_another_container_are_not_set_up(void **state)
{
	int container = container_get(), other = container_get();
	const int group0 = open(GROUP0, O_RDWR), group1 = open(GROUP1, O_RDWR);

	(void)state;
	assert_int_equal(ioctl(group0, COMPAT_GROUP_SET_CONTAINER, &container), 0);
	assert_int_equal(ioctl(group1, COMPAT_GROUP_SET_CONTAINER, &other), 0);
	assert_int_equal(ioctl(container, COMPAT_SET_IOMMU, (uintptr_t)COMPAT_NOIOMMU), 0);
	assert_true(device_get(group0, ADDR0) >= 0);
	assert_fails(device_get(group1, ADDR1), EINVAL);
	assert_int_equal(ioctl(other, COMPAT_SET_IOMMU, (uintptr_t)COMPAT_NOIOMMU), 0);
	assert_true(device_get(group1, ADDR1) >= 0);
}

int
compat_device_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(groups_of_another_container_are_not_set_up),
		COMPAT_TEST(device_is_bound_attached_and_returned),
		COMPAT_TEST_ENV(device_is_bound_attached_and_returned, "RTE_VFIO_CDEV=require"),
		COMPAT_TEST(devices_of_a_container_are_in_one_domain),
		COMPAT_TEST(name_must_be_the_devices),
		COMPAT_TEST(token_is_passed_on),
		COMPAT_TEST(group_without_a_container_gives_no_device),
		COMPAT_TEST(group_joins_a_container_that_is_set_up),
		COMPAT_TEST(group_stays_in_its_container_while_the_device_is_open),
		COMPAT_TEST(group_that_was_sent_gives_the_device),
		COMPAT_TEST(memory_of_a_process_without_a_device_to_prime_is_explained),
		COMPAT_TEST(device_that_is_bound_for_a_moment_is_waited_for),
		COMPAT_TEST(device_of_another_program_is_an_error_in_the_end),
		COMPAT_TEST(other_errors_are_reported_at_once),
		COMPAT_TEST(machine_without_an_iommufd_is_explained),
		COMPAT_TEST(
			device_that_cannot_be_attached_is_unusable_until_its_group_is_opened_anew),
		COMPAT_TEST(attachment_is_not_tried_again),
		COMPAT_TEST(without_a_free_number_there_is_no_copy),
		COMPAT_TEST(cdev_of_another_bus_is_found),
	};

	return COMPAT_RUN("compat: device", tests);
}
