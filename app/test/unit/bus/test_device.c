/* SPDX-License-Identifier: BSD-3-Clause */

/* Setting up and releasing devices; RTE_VFIO_CDEV=prefer. */

#include <errno.h>
#include <sys/sysmacros.h>

#include "fake_heap.h"
#include "test_bus.h"

static void
device_with_a_cdev_is_set_up_over_it(void **state)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	int fd = -1;

	(void)state;
	bus_memory(3);
	fake_sysfs_write("1\n", "bus/pci/devices/" BUS_ADDR "/numa_node");
	assert_int_equal(rte_vfio_setup_device(fake_sysfs_base(), BUS_ADDR, &fd, &info), 0);
	assert_true(fd >= 0);
	assert_int_equal(info.num_regions, VFIO_PCI_NUM_REGIONS);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
	assert_true(fake_node(BUS_NODE)->bound);
	assert_logged(INFO, "bus.vfio_cdev", BUS_ADDR, BUS_NAME, "no-IOMMU", "NUMA node 1",
		      "3 pages mapped", "3 verified");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_INFO), 1);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
}

static void
device_without_a_cdev_goes_to_stock(void **state)
{
	static const int rets[] = { 1, -1, 0 };
	int fd;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(rets); i++) {
		fake_eal()->stock[STOCK_SETUP].ret = rets[i];
		assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), rets[i]);
	}
	assert_int_equal(stock_calls(STOCK_SETUP), 3);
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
entry_without_dev_attribute_goes_to_stock(void **state)
{
	int fd;

	(void)state;
	fake_sysfs_add(BUS_STOCK_ADDR, "noiommu-vfio2", NULL);
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), 0);
	assert_int_equal(stock_calls(STOCK_SETUP), 1);
}

/* What is not certain is not guessed. */
static void
doubtful_sysfs_is_an_error(void **state)
{
	(void)state;
	fake_sysfs_add(BUS_ADDR, "vfio7", "510:7\n");
	bus_setup_fails();
	assert_logged(ERR, "lib.vfio_cdev", BUS_ADDR, strerror(ENOTUNIQ), "mounted over sysfs");

	fake_sysfs_reset();
	fake_sysfs_link("dev", "bus/pci/devices/" BUS_ADDR "/vfio-dev/" BUS_NAME "/dev");
	bus_setup_fails();
	assert_logged(ERR, BUS_ADDR, strerror(ELOOP), "circle");
}

static void
malformed_address_is_an_error(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup("../devices/" BUS_ADDR, &fd), -1);
	assert_logged(ERR, "../devices/" BUS_ADDR, strerror(EINVAL), "domain:bus:device.function");
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
}

/* Bad input: how it comes about, and what the log says besides the device. */
static void
rawio_missing(void)
{
	fake.rawio = false;
}

static void
group_open(void)
{
	fake_node(BUS_NODE)->group_open = true;
}

static void
bound_elsewhere(void)
{
	fake_node(BUS_NODE)->bound = true;
}

static void
iommu_missing(void)
{
	fake_node_remove(FAKE_IOMMU);
}

static void
iommu_unreadable(void)
{
	fake_node(FAKE_IOMMU)->open_error = EACCES;
}

static void
get_pa_unknown(void)
{
	fake.get_pa_error = ENOTTY;
}

static void
get_pa_not_built(void)
{
	fake.get_pa_error = EOPNOTSUPP;
}

static void
memlock_small(void)
{
	fake.memlock = 2 * FAKE_HUGE;
}

static void
page_moved(void)
{
	fake_page_move(FAKE_VA(2 * FAKE_HUGE), FAKE_PHYS(7 * FAKE_HUGE));
}

static void
area_in_the_way(void)
{
	fake_fail(FAKE_MAP, 2, EEXIST);
}

static void
info_fails(void)
{
	fake_fail(FAKE_GET_INFO, 1, EIO);
}

/* Each is logged with step, errno and remedy, and the device is named with the errno. */
static void
bad_input_is_logged_and_leaves_nothing(void **state)
{
	static const struct {
		void (*arrange)(void);
		int err;
		const char *step;
		const char *remedy;
	} cases[] = {
		{ rawio_missing, EPERM, "cannot ", "CAP_SYS_RAWIO" },
		{ group_open, EBUSY, "cannot bind", "group is open" },
		{ bound_elsewhere, EINVAL, "cannot bind", "another program" },
		{ iommu_missing, ENOENT, "cannot open", "modprobe iommufd" },
		{ iommu_unreadable, EACCES, "cannot open", "owner or mode" },
		{ get_pa_unknown, ENOTTY, "cannot use", "Linux 7.3" },
		{ get_pa_not_built, EOPNOTSUPP, "cannot use", "CONFIG_IOMMUFD_NOIOMMU" },
		{ memlock_small, ENOMEM, "cannot map", "RLIMIT_MEMLOCK" },
		{ page_moved, EADDRNOTAVAIL, "cannot confirm", "moved before it was pinned" },
		{ area_in_the_way, EEXIST, "cannot map", "unmap it first" },
		{ info_fails, EIO, "read the device's information", "" },
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		bus_begin(state);
		bus_memory(4);
		cases[i].arrange();
		bus_setup_fails();
		assert_logged(ERR, cases[i].step, strerror(cases[i].err), cases[i].remedy);
		assert_logged(ERR, BUS_ADDR, BUS_NAME, strerror(cases[i].err));
		assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_INFO), 0);
	}
}

static void
virtual_addresses_are_refused(void **state)
{
	(void)state;
	fake_eal()->iova_mode = RTE_IOVA_VA;
	bus_setup_fails();
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR, strerror(EINVAL), "--iova-mode=pa");
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

static void
unreadable_group_does_not_matter(void **state)
{
	int fd;

	(void)state;
	fake_eal()->stock[STOCK_GROUP_NUM].ret = -1;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
}

static void
second_setup_of_a_device_is_refused(void **state)
{
	int first, second;

	(void)state;
	bus_memory(1);
	assert_int_equal(bus_setup(BUS_ADDR, &first), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &second), -1);
	assert_logged(ERR, BUS_ADDR, strerror(EALREADY), "release");
	assert_kernel_holds(2, 1, FAKE_HUGE);
	assert_int_equal(bus_release(BUS_ADDR, first), 0);
}

static void
token_is_passed_on(void **state)
{
	static const unsigned char token[FAKE_TOKEN_LEN] = { 1, 2, 3 };
	int fd;

	(void)state;
	fake_node(BUS_NODE)->token = token;
	bus_setup_fails();
	assert_logged(ERR, BUS_ADDR, strerror(EACCES), "--vfio-vf-token");
	memcpy(fake_eal()->token, token, sizeof(token));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
}

static void
refused_token_is_not_dropped(void **state)
{
	(void)state;
	fake_eal()->token[0] = 1;
	bus_setup_fails();
	assert_logged(ERR, BUS_ADDR, strerror(EINVAL), "VF token");
	assert_int_equal(fake_calls(FAKE_BIND), 1);
}

static void
devices_share_memory_which_outlives_them(void **state)
{
	int first, second;

	(void)state;
	bus_memory(2);
	assert_int_equal(bus_setup(BUS_ADDR, &first), 0);
	assert_int_equal(bus_setup(BUS_ADDR2, &second), 0);
	assert_int_not_equal(first, second);
	assert_kernel_holds(3, 2, 2 * FAKE_HUGE);
	assert_int_equal(fake_calls(FAKE_MAP), 2);
	assert_int_equal(bus_release(BUS_ADDR, first), 0);
	assert_kernel_holds(2, 2, 2 * FAKE_HUGE);
	assert_int_equal(fake_eal_callbacks(), 1);
	assert_int_equal(bus_release(BUS_ADDR2, second), 0);
	assert_int_equal(fake_eal_callbacks(), 1);
	assert_kernel_holds(1, 2, 2 * FAKE_HUGE);
}

static void
failed_second_device_does_not_harm_the_first(void **state)
{
	int first, second;

	(void)state;
	bus_memory(2);
	assert_int_equal(bus_setup(BUS_ADDR, &first), 0);
	fake_node(FAKE_CDEV(BUS_NAME2))->group_open = true;
	assert_int_equal(bus_setup(BUS_ADDR2, &second), -1);
	assert_kernel_holds(2, 2, 2 * FAKE_HUGE);
	assert_int_equal(fake_eal_callbacks(), 1);
}

/* Without an IOMMU a device writes to freed pages as long as it runs. */
static void
device_is_stopped_before_memory_is_unpinned_on_error(void **state)
{
	const char *trace;

	(void)state;
	bus_memory(2);
	fake_eal()->register_errno = ENOMEM;
	bus_setup_fails();
	trace = fake_trace();
	assert_string_equal(trace + strlen(trace) - 2, "gc");
	assert_false(fake_node(BUS_NODE)->bound);
	assert_int_equal(fake_unpinned_live(), 0);
}

static void
released_device_can_be_set_up_again(void **state)
{
	int fd;

	(void)state;
	bus_memory(1);
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
		assert_kernel_holds(2, 1, FAKE_HUGE);
		assert_int_equal(bus_release(BUS_ADDR, fd), 0);
		assert_kernel_holds(1, 1, FAKE_HUGE);
	}
}

static void
foreign_fd_is_not_released(void **state)
{
	int fd;

	(void)state;
	bus_memory(1);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(bus_release(BUS_ADDR, fd + 1), -1);
	assert_logged(ERR, BUS_ADDR, "cannot release", strerror(EBADF));
	assert_int_equal(stock_calls(STOCK_RELEASE), 0);
	assert_kernel_holds(2, 1, FAKE_HUGE);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
}

/*
 * The node has gone, or is another device's by now: no fd, one line in the log, and
 * no harm done.
 */
static void
number_that_no_longer_exists_is_refused(void **state)
{
	int first, fd;

	(void)state;
	bus_memory(1);
	assert_int_equal(bus_setup(BUS_ADDR, &first), 0);
	fake_node(FAKE_CDEV(BUS_NAME2))->rdev = makedev(FAKE_MAJOR, 9);
	for (unsigned int i = 0; i < 2; i++) {
		log_clear();
		assert_int_equal(bus_setup(BUS_ADDR2, &fd), -1);
		assert_int_equal(fd, -1);
		assert_logged(ERR, "lib.vfio_cdev", BUS_ADDR2, FAKE_CDEV(BUS_NAME2),
			      strerror(i == 0 ? ENXIO : ENOENT));
		assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR2, "see the line before");
		assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 2);
		assert_kernel_holds(2, 1, FAKE_HUGE);
		if (i == 0)
			fake_node_remove(FAKE_CDEV(BUS_NAME2));
	}
	assert_int_equal(bus_release(BUS_ADDR, first), 0);
}

/* Its device has gone from sysfs and /dev meanwhile; the fd is good until it is closed. */
static void
device_that_has_gone_is_released_once(void **state)
{
	int fd;

	(void)state;
	fake_eal()->stock[STOCK_RELEASE].ret = -1;
	bus_memory(1);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_sysfs_reset();
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	assert_int_equal(bus_release(BUS_ADDR, fd), -1);
	assert_int_equal(stock_calls(STOCK_RELEASE), 1);
	assert_kernel_holds(1, 1, FAKE_HUGE);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(stock_calls(STOCK_SETUP), 1);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
	/* Stock's fake returns that it has set it up. */
	fake_eal()->stock[STOCK_RELEASE].ret = 0;
}

static void
device_of_stock_is_released_by_stock(void **state)
{
	(void)state;
	fake_eal()->stock[STOCK_RELEASE].ret = -1;
	assert_int_equal(bus_release(BUS_STOCK_ADDR, 5), -1);
	fake_eal()->stock[STOCK_RELEASE].ret = 0;
	assert_int_equal(bus_release(BUS_STOCK_ADDR, 5), 0);
	assert_int_equal(stock_calls(STOCK_RELEASE), 2);
}

static void
short_heap_fails_to_set_up(void **state)
{
	(void)state;
	fake_heap_fail(FAKE_HEAP_MALLOC);
	bus_setup_fails();
	assert_logged(ERR, BUS_ADDR, strerror(ENOMEM));
}

static bool backend_was_locked;

static void
backend_lock_look(void)
{
	if (pthread_mutex_trylock(&backend_lock) != 0)
		backend_was_locked = true;
	else
		pthread_mutex_unlock(&backend_lock);
}

static void
memory_is_locked_before_the_backend(void **state)
{
	int fd;

	(void)state;
	bus_memory(1);
	backend_was_locked = false;
	fake_eal()->lock_hook = backend_lock_look;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	assert_false(backend_was_locked);
}

int
bus_device_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(device_with_a_cdev_is_set_up_over_it),
		BUS_TEST(device_without_a_cdev_goes_to_stock),
		BUS_TEST(entry_without_dev_attribute_goes_to_stock),
		BUS_TEST(doubtful_sysfs_is_an_error),
		BUS_TEST(malformed_address_is_an_error),
		BUS_TEST(bad_input_is_logged_and_leaves_nothing),
		BUS_TEST(virtual_addresses_are_refused),
		BUS_TEST(unreadable_group_does_not_matter),
		BUS_TEST(second_setup_of_a_device_is_refused),
		BUS_TEST(token_is_passed_on),
		BUS_TEST(refused_token_is_not_dropped),
		BUS_TEST(devices_share_memory_which_outlives_them),
		BUS_TEST(failed_second_device_does_not_harm_the_first),
		BUS_TEST(device_is_stopped_before_memory_is_unpinned_on_error),
		BUS_TEST(released_device_can_be_set_up_again),
		BUS_TEST(foreign_fd_is_not_released),
		BUS_TEST(number_that_no_longer_exists_is_refused),
		BUS_TEST(device_that_has_gone_is_released_once),
		BUS_TEST(device_of_stock_is_released_by_stock),
		BUS_TEST(short_heap_fails_to_set_up),
		BUS_TEST(memory_is_locked_before_the_backend),
	};

	return cmocka_run_group_tests_name("bus: devices", tests, NULL, NULL);
}
