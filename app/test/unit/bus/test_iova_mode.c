/* SPDX-License-Identifier: BSD-3-Clause */

/* The answer to the EAL's query of the IOVA mode. */

#include "test_bus.h"
#include "test_bus_mp.h"

/* The EAL has chosen no mode yet. */
static int
mode_begin(void **state)
{
	bus_begin(state);
	fake_eal()->iova_mode = RTE_IOVA_DC;
	return 0;
}

#define MODE_TEST(name) cmocka_unit_test_setup_teardown(name, mode_begin, bus_end)

static void
device_that_may_come_needs_physical_addresses(void **state)
{
	(void)state;
	bus_devargs(0, "0000:00:00.0", RTE_DEV_ALLOWED);
	assert_int_equal(rte_bus_get_iommu_class(), RTE_IOVA_PA);
	fake_eal()->iova_mode = RTE_IOVA_PA;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_logged(INFO, "bus.vfio_cdev", "IOVA as PA", "--iova-mode=va");
	log_clear();
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_null(strstr(log_text(), "IOVA as PA"));
}

/* Some releases query the buses although an option has named the mode. */
static void
mode_of_the_user_wins(void **state)
{
	(void)state;
	bus_devargs(0, "0000:00:00.0", RTE_DEV_ALLOWED);
	assert_int_equal(rte_bus_get_iommu_class(), RTE_IOVA_PA);
	fake_eal()->iova_mode = RTE_IOVA_VA;
	assert_int_equal(rte_vfio_enable("vfio"), 0);
	assert_null(strstr(log_text(), "IOVA as PA"));
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

static void
demand_of_the_buses_wins(void **state)
{
	(void)state;
	fake_eal()->bus_mode = RTE_IOVA_VA;
	assert_int_equal(rte_bus_get_iommu_class(), RTE_IOVA_VA);
	fake_eal()->bus_mode = RTE_IOVA_PA;
	assert_int_equal(rte_bus_get_iommu_class(), RTE_IOVA_PA);
	assert_int_equal(fake_calls(FAKE_BIND), 0);
}

static void
no_pci(void)
{
	fake_eal()->no_pci = true;
}

static void
no_huge(void)
{
	fake_eal()->no_huge = true;
}

static void
no_rawio(void)
{
	fake.rawio = false;
}

static void
other_device(void)
{
	fake_sysfs_write("0x020000\n", "bus/pci/devices/" BUS_STOCK_ADDR "/class");
	bus_devargs(0, BUS_STOCK_ADDR, RTE_DEV_ALLOWED);
}

static void
all_blocked(void)
{
	bus_devargs(0, BUS_ADDR, RTE_DEV_BLOCKED);
	bus_devargs(1, BUS_ADDR2, RTE_DEV_BLOCKED);
}

static void
with_an_iommu(void)
{
	bus_translated(false);
}

static void
of_an_unknown_kind(void)
{
	fake_sysfs_add(BUS_STOCK_ADDR, "vfio7", NULL);
}

/* Addresses are there (CAP_SYS_ADMIN), but neither node is. */
static void
no_nodes(void)
{
	fake_eal()->pagemap = fake_phys;
	fake_node(FAKE_IOMMU)->open_error = ENOENT;
}

/* A sound card, and a function that mlx5 drives through the kernel's driver. */
static void
no_drivers(void)
{
	fake_eal()->pagemap = fake_phys;
	fake_sysfs_write("0x040300\n", "bus/pci/devices/" BUS_ADDR "/class");
	fake_sysfs_write("0x15b3\n", "bus/pci/devices/" BUS_ADDR2 "/vendor");
}

/* eal.c of all releases; the EAL would not start. */
static void
built_without(void)
{
	fake_eal_words("Cannot use IOVA as 'PA' as it is disabled during build");
}

static void
otherwise_the_answer_is_stocks(void **state)
{
	static void (*const cases[])(void) = {
		no_pci,		  no_huge,     no_rawio,      no_nodes,		  no_drivers,
		other_device,	  all_blocked, with_an_iommu, of_an_unknown_kind, built_without,
		fake_sysfs_reset,
	};

	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		assert_int_equal(mode_begin(state), 0);
		cases[i]();
		assert_int_equal(rte_bus_get_iommu_class(), RTE_IOVA_DC);
		assert_int_equal(bus_end(state), 0);
	}
}

static enum rte_iova_mode primary_has;

static int
primary_answers(const struct rte_mp_msg *request, struct rte_mp_reply *reply)
{
	struct wire wire;

	memcpy(&wire, request->param, sizeof(wire));
	assert_string_equal(wire.addr, "");
	absent_device_reply(wire, primary_has, reply);
	return 0;
}

static void
secondary_has_the_primarys_mode(void **state)
{
	static const enum rte_iova_mode modes[] = { RTE_IOVA_VA, RTE_IOVA_PA };

	(void)state;
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	fake_eal()->mp_primary = primary_answers;
	for (size_t i = 0; i < RTE_DIM(modes); i++) {
		primary_has = modes[i];
		fake_eal()->bus_mode = modes[1 - i];
		assert_int_equal(rte_bus_get_iommu_class(), modes[i]);
	}
	primary_has = RTE_IOVA_DC;
	assert_int_equal(rte_bus_get_iommu_class(), RTE_IOVA_VA);
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
}

static void
silent_primary_leaves_it_to_stock(void **state)
{
	(void)state;
	fake_eal()->process_type = RTE_PROC_SECONDARY;
	fake_eal()->bus_mode = RTE_IOVA_VA;
	assert_int_equal(rte_bus_get_iommu_class(), RTE_IOVA_VA);
	assert_int_equal(fake_eal()->mp_requests, 1);
	fake_sysfs_reset();
	assert_int_equal(rte_bus_get_iommu_class(), RTE_IOVA_VA);
	assert_int_equal(fake_eal()->mp_requests, 1);
}

int
bus_iova_mode_tests(void)
{
	const struct CMUnitTest tests[] = {
		MODE_TEST(device_that_may_come_needs_physical_addresses),
		MODE_TEST(mode_of_the_user_wins),
		MODE_TEST(demand_of_the_buses_wins),
		MODE_TEST(otherwise_the_answer_is_stocks),
		MODE_TEST(secondary_has_the_primarys_mode),
		MODE_TEST(silent_primary_leaves_it_to_stock),
	};

	return cmocka_run_group_tests_name("bus: IOVA mode", tests, NULL, NULL);
}
