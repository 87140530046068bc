/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices without a cdev, whose memory io_uring pins; RTE_VFIO_CDEV=prefer. */

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"
#include "test_bus.h"

#define GROUP_ADDR BUS_STOCK_ADDR
#define UIO_ADDR "0000:00:08.0"

/* A machine whose only device has no cdev. */
static int
pin_begin(void **state)
{
	bus_begin(state);
	fake_sysfs_reset();
	fake_eal()->pagemap = fake_phys;
	return 0;
}

static void
group_device_add(void)
{
	fake_sysfs_write("vfio-noiommu\n", "bus/pci/devices/%s/iommu_group/name", GROUP_ADDR);
}

static void
uio_device_add(void)
{
	fake_sysfs_mkdir("bus/pci/devices/" UIO_ADDR "/uio/uio0");
}

static int
group_begin(void **state)
{
	pin_begin(state);
	group_device_add();
	return 0;
}

#define PIN_TEST(name) cmocka_unit_test_setup_teardown(name, pin_begin, bus_end)
#define GROUP_TEST(name) cmocka_unit_test_setup_teardown(name, group_begin, bus_end)

/* A page of the EAL that it adds; false: it gets no address. */
static bool
page_is_added(uint64_t offset)
{
	static struct rte_memseg_list *msl;
	bool has;

	if (offset == 0)
		msl = fake_eal_list(false, true);
	fake_eal_memseg(msl, FAKE_VA(offset), FAKE_PHYS(offset), FAKE_HUGE);
	fake_eal_use(FAKE_VA(offset), false);
	has = rte_mem_virt2iova(FAKE_VA(offset)) == FAKE_PHYS(offset);
	fake_eal_use(FAKE_VA(offset), true);
	return has;
}

/* Of PIN_ONLY; bytes are counted as of whole hugepages there. */
static struct rte_vfio_cdev_stats
pinned(void)
{
	struct rte_vfio_cdev_stats stats = { 0 };

	if (backend.domains[PIN_ONLY] != NULL)
		rte_vfio_cdev_domain_stats(backend.domains[PIN_ONLY], &stats);
	return stats;
}

static void
memory_is_pinned_before_its_address_is_given(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_logged(INFO, "bus.vfio_cdev", GROUP_ADDR, "io_uring", "no IOAS confirms");
	assert_true(page_is_added(0));
	assert_string_equal(fake_trace(), "NBKppp");
	assert_int_equal(rte_bus_probe(), 0);
	assert_int_equal(stock_calls(STOCK_PROBE), 1);
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	assert_logged(INFO, "bus.vfio_cdev", GROUP_ADDR, "VFIO group", "1 pages pinned",
		      "not confirmed by an IOAS", "Linux >= 7.3");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
	assert_int_equal(pinned().pages_mapped, 1);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	fake_eal_drop(FAKE_VA(0));
	assert_int_equal(pinned().pages_mapped, 0);
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

/* No more files when the bus looks for devices: it looks again. */
static void
search_that_fails_is_logged_and_repeated(void **state)
{
	struct rlimit limit, none;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	rte_vfio_enable("vfio");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_logged(WARNING, "bus/pci/devices", strerror(EMFILE));
	assert_true(page_is_added(0));
	assert_int_equal(pinned().pages_mapped, 1);
}

static void
page_does_not_move_once_its_address_is_given(void **state)
{
	rte_iova_t iova;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	fake.restless = FAKE_VA(0);
	iova = rte_mem_virt2iova(FAKE_VA(0));
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), FAKE_PHYS(FAR));
	assert_int_equal(iova, fake_phys(FAKE_VA(0)));
	assert_int_not_equal(iova, FAKE_PHYS(0));
}

/* Read-only, or of a file: stock knows its address, and pinning goes on for the rest. */
static void
memory_that_cannot_be_pinned_has_stocks_address(void **state)
{
	static const int errors[] = { EFAULT, EOPNOTSUPP, EBUSY };

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	for (size_t i = 0; i < RTE_DIM(errors); i++) {
		fake_fail(FAKE_RING_PIN, 1, errors[i]);
		assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), FAKE_PHYS(FAR));
		assert_int_equal(pinned().provisional, 0);
	}
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
	assert_true(page_is_added(0));
	assert_int_equal(pinned().pages_mapped, 1);
}

/* Open vSwitch allows the host bridge alone, and plugs its ports in later. */
static void
device_that_may_be_plugged_in_later_pins(void **state)
{
	(void)state;
	bus_devargs(0, "0000:00:00.0", RTE_DEV_ALLOWED);
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(page_is_added(0));
	assert_int_equal(pinned().pages_mapped, 1);
}

/* The first device without a cdev comes when the EAL has long started. */
static void
memory_is_pinned_first_once_a_device_was_plugged_in(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(rte_bus_probe(), 0);
	group_device_add();
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	assert_true(page_is_added(0));
	assert_int_equal(pinned().pages_mapped, 1);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), FAKE_PHYS(FAR));
	assert_int_equal(pinned().provisional, 1);
}

/* What the application maps is stock's business, which does nothing, when nothing can pin. */
static void
map_goes_on_when_nothing_can_pin(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	fake.memlock = FAKE_PAGE;
	assert_int_equal(bus_map(DEFAULT, FAR, FAKE_PHYS(FAR), LEN), 0);
	assert_logged(WARNING, "io_uring cannot pin", strerror(ENOMEM));
	assert_int_equal(bus_map(DEFAULT, 2 * FAR, FAKE_PHYS(2 * FAR), LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 2);
	assert_int_equal(fake_holds().areas, 0);
}

/* No device is there yet: an application sees the error that stock gives, and maps later. */
static void
map_before_a_device_is_stocks(void **state)
{
	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	fake_eal()->stock[STOCK_DMA_MAP].ret = -1;
	assert_int_equal(bus_map(DEFAULT, FAR, FAKE_PHYS(FAR), LEN), -1);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_int_equal(pinned().bytes, 0);
}

/* The EAL takes it out of its list alone, and no device is there yet. */
static void
page_that_is_given_up_is_unpinned(void **state)
{
	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(page_is_added(0));
	fake_eal_drop(FAKE_VA(0));
	assert_int_equal(fake_holds().areas, 0);
}

static void
page_of_another_node_is_unpinned(void **state)
{
	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	fake_eal()->node = 1;
	assert_false(page_is_added(0));
	assert_int_equal(fake_holds().areas, 0);
}

/* No call of rte_vfio_*() comes for a device over UIO. */
static void
memory_of_a_uio_device_is_pinned(void **state)
{
	(void)state;
	uio_device_add();
	bus_memory(3);
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_logged(INFO, "bus.vfio_cdev", UIO_ADDR, "io_uring");
	assert_int_equal(rte_bus_probe(), 0);
	assert_int_equal(pinned().pages_mapped, 3);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(FAKE_HUGE), FAKE_HUGE);
	assert_int_equal(pinned().pages_mapped, 2);
}

static void
device_that_the_options_block_pins_nothing(void **state)
{
	(void)state;
	uio_device_add();
	bus_devargs(0, UIO_ADDR, RTE_DEV_BLOCKED);
	bus_devargs(1, GROUP_ADDR, RTE_DEV_BLOCKED);
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(page_is_added(0));
	assert_int_equal(rte_bus_probe(), 0);
	assert_string_equal(fake_trace(), "");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_INFO), 0);
}

static void
program_without_pci_pins_nothing(void **state)
{
	(void)state;
	fake_eal()->no_pci = true;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(page_is_added(0));
	assert_int_equal(rte_bus_probe(), 0);
	assert_string_equal(fake_trace(), "");
}

/* The IOAS is there but cannot pin: the device is stock's, as it was. */
static void
device_beside_an_ioas_that_cannot_pin_is_left_to_stock(void **state)
{
	int fd;

	bus_begin(state);
	group_device_add();
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	bus_memory(1);
	fake_fail(FAKE_MAP, 1, ENOMEM);
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	assert_logged(WARNING, "bus.vfio_cdev", GROUP_ADDR, "neither pinned nor verified");
}

static void
device_with_an_iommu_pins_nothing(void **state)
{
	(void)state;
	fake_sysfs_write("DMA-FQ\n", "bus/pci/devices/%s/iommu_group/name", GROUP_ADDR);
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(page_is_added(0));
	assert_string_equal(fake_trace(), "");
}

static void
memory_of_the_application_is_pinned(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), FAKE_PHYS(FAR));
	assert_int_equal(pinned().provisional, 1);
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = 0;
	assert_int_equal(bus_map(DEFAULT, FAR, FAKE_PHYS(FAR), LEN), 0);
	assert_int_equal(stock_calls(STOCK_DMA_MAP), 1);
	assert_int_equal(pinned().bytes, LEN);
	assert_int_equal(pinned().provisional, 0);
	assert_int_equal(bus_map(DEFAULT, 2 * FAR, FAKE_PHYS(0), LEN), -1);
	assert_logged(ERR, "cannot confirm", strerror(EADDRNOTAVAIL));
	assert_int_equal(bus_map(DEFAULT, 2 * FAR, 0, LEN), 0);
	assert_int_equal(bus_unmap(DEFAULT, 2 * FAR, 0, LEN), 0);
	assert_int_equal(bus_unmap(DEFAULT, FAR, FAKE_PHYS(FAR), LEN), 0);
	assert_int_equal(pinned().bytes, 0);
}

static void
memory_that_stock_cannot_map_is_unpinned(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	fake_eal()->stock[STOCK_DMA_MAP].ret = -1;
	assert_int_equal(bus_map(DEFAULT, FAR, FAKE_PHYS(FAR), LEN), -1);
	assert_int_equal(pinned().bytes, 0);
}

/* Plugged in later: what the EAL has by then was not pinned when its address was read. */
static void
device_is_refused_if_memory_has_moved(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	bus_memory(2);
	group_device_add();
	fake_page_move(FAKE_VA(FAKE_HUGE), FAKE_PHYS(FAR));
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), -1);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
	assert_logged(ERR, "bus.vfio_cdev", GROUP_ADDR, "VFIO group", strerror(EADDRNOTAVAIL));
	assert_int_equal(fake_holds().areas, 0);
	fake_page_move(FAKE_VA(FAKE_HUGE), FAKE_PHYS(FAKE_HUGE));
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	assert_int_equal(pinned().pages_mapped, 2);
}

/* Stock goes on, and one line has the reason. */
static void
stock_goes_on(int err, const char *cure)
{
	int fd;

	assert_true(page_is_added(0));
	assert_true(page_is_added(FAKE_HUGE));
	assert_int_equal(rte_bus_probe(), 0);
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	assert_logged(WARNING, "bus.vfio_cdev", "io_uring cannot pin", strerror(err), cure,
		      "RTE_VFIO_CDEV_PIN=off");
	assert_logged(WARNING, "bus.vfio_cdev", GROUP_ADDR, "neither pinned nor verified");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 2);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
io_uring_that_is_forbidden_leaves_all_to_stock(void **state)
{
	(void)state;
	fake_fail(FAKE_RING_OPEN, 1, EPERM);
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	stock_goes_on(EPERM, "kernel.io_uring_disabled");
	assert_int_equal(fake_calls(FAKE_RING_OPEN), 1);
	assert_kernel_holds(0, 0, 0);
}

static void
memory_that_must_not_be_pinned_is_left_to_stock(void **state)
{
	(void)state;
	fake.memlock = FAKE_PAGE;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	stock_goes_on(ENOMEM, "CAP_IPC_LOCK");
	assert_int_equal(pinned().pages_mapped, 1);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	fake_eal_drop(FAKE_VA(0));
	assert_int_equal(fake_holds().areas, 0);
}

/* Without CAP_SYS_ADMIN there are no addresses, as with stock. */
static void
nothing_is_pinned_without_pagemap(void **state)
{
	(void)state;
	fake_eal()->pagemap = NULL;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_false(page_is_added(0));
	assert_int_equal(fake_calls(FAKE_RING_OPEN), 0);
}

static void
secondary_pins_nothing(void **state)
{
	int fd;

	(void)state;
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_int_equal(rte_bus_probe(), 0);
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	assert_string_equal(fake_trace(), "");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
}

/* The IOAS pins for both, and confirms the addresses. */
static void
memory_is_in_the_ioas_if_there_is_a_cdev(void **state)
{
	int fd, fd2;

	bus_begin(state);
	fake_eal()->pagemap = fake_phys;
	group_device_add();
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(page_is_added(0));
	assert_int_equal(rte_bus_probe(), 0);
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	assert_logged(INFO, "bus.vfio_cdev", GROUP_ADDR, "1 pages pinned and verified");
	assert_int_equal(bus_setup(BUS_ADDR, &fd2), 0);
	assert_int_equal(fake_calls(FAKE_RING_OPEN), 0);
	assert_kernel_holds(2, 1, FAKE_HUGE);
}

/* What io_uring has pinned the IOAS confirms with the first cdev. */
static void
cdev_that_comes_later_confirms_all(void **state)
{
	int fd, fd2;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(page_is_added(0));
	assert_int_equal(rte_mem_virt2iova(FAKE_VA(FAR)), FAKE_PHYS(FAR));
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	fake_sysfs_add(BUS_ADDR, BUS_NAME, "510:0\n");
	assert_int_equal(bus_setup(BUS_ADDR, &fd2), 0);
	assert_logged(INFO, BUS_ADDR, "1 pages mapped", "1 verified");
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(0), FAKE_HUGE);
	fake_eal_drop(FAKE_VA(0));
	assert_int_equal(pinned().pages_mapped, 0);
	assert_int_equal(fake_calls(FAKE_UNMAP), 1);
}

/* The ring is the parent's as well. */
static void
child_pins_and_unpins_nothing(void **state)
{
	unsigned int before;
	int status;

	(void)state;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(page_is_added(0));
	before = fake_calls(FAKE_RING_UNPIN);
	if (fork() == 0) {
		fake_eal_drop(FAKE_VA(0));
		process_end(rte_mem_virt2iova(FAKE_VA(FAR)) != FAKE_PHYS(FAR) ||
			    fake_calls(FAKE_RING_UNPIN) != before ||
			    fake_calls(FAKE_RING_PIN) != 1);
	}
	assert_true(wait(&status) > 0);
	assert_int_equal(status, 0);
	assert_int_equal(pinned().pages_mapped, 1);
}

int
bus_pin_tests(void)
{
	const struct CMUnitTest tests[] = {
		GROUP_TEST(memory_is_pinned_before_its_address_is_given),
		GROUP_TEST(search_that_fails_is_logged_and_repeated),
		GROUP_TEST(page_does_not_move_once_its_address_is_given),
		GROUP_TEST(memory_that_cannot_be_pinned_has_stocks_address),
		GROUP_TEST(device_that_may_be_plugged_in_later_pins),
		PIN_TEST(memory_is_pinned_first_once_a_device_was_plugged_in),
		GROUP_TEST(map_goes_on_when_nothing_can_pin),
		GROUP_TEST(map_before_a_device_is_stocks),
		GROUP_TEST(page_that_is_given_up_is_unpinned),
		GROUP_TEST(page_of_another_node_is_unpinned),
		PIN_TEST(memory_of_a_uio_device_is_pinned),
		GROUP_TEST(device_that_the_options_block_pins_nothing),
		GROUP_TEST(program_without_pci_pins_nothing),
		GROUP_TEST(device_beside_an_ioas_that_cannot_pin_is_left_to_stock),
		PIN_TEST(device_with_an_iommu_pins_nothing),
		GROUP_TEST(memory_of_the_application_is_pinned),
		GROUP_TEST(memory_that_stock_cannot_map_is_unpinned),
		PIN_TEST(device_is_refused_if_memory_has_moved),
		GROUP_TEST(io_uring_that_is_forbidden_leaves_all_to_stock),
		GROUP_TEST(memory_that_must_not_be_pinned_is_left_to_stock),
		GROUP_TEST(nothing_is_pinned_without_pagemap),
		GROUP_TEST(secondary_pins_nothing),
		GROUP_TEST(memory_is_in_the_ioas_if_there_is_a_cdev),
		GROUP_TEST(cdev_that_comes_later_confirms_all),
		GROUP_TEST(child_pins_and_unpins_nothing),
	};

	return cmocka_run_group_tests_name("bus: pin", tests, NULL, NULL);
}

static void
nothing_is_pinned(void **state)
{
	int fd;

	(void)state;
	uio_device_add();
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_true(page_is_added(0));
	assert_int_equal(rte_bus_probe(), 0);
	assert_int_equal(bus_setup(GROUP_ADDR, &fd), 0);
	assert_logged(WARNING, "bus.vfio_cdev", GROUP_ADDR, "neither pinned nor verified");
	assert_string_equal(fake_trace(), "");
}

int
bus_pin_off_tests(void)
{
	const struct CMUnitTest tests[] = {
		GROUP_TEST(nothing_is_pinned),
	};

	return cmocka_run_group_tests_name("bus: RTE_VFIO_CDEV_PIN=off", tests, NULL, NULL);
}
