/* SPDX-License-Identifier: BSD-3-Clause */

/* Devices are refused where the EAL does not call the backend, or cannot be made to. */

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "elf_binding.h"
#include "selfcheck.h"
#include "test_bus.h"

static void
eal_that_calls_the_backend_is_found_to(void **state)
{
	(void)state;
	assert_true(selfcheck_hooks(BUS_ADDR));
	assert_string_equal(log_text(), "");
}

/* It has no such call; or has one, with nothing in front of it; or there is no object. */
static void
call_that_leads_nowhere_else_is_found_to(void **state)
{
	(void)state;
	assert_false(elf_binding_is_internal(fake_eal(), "rte_mem_virt2iova"));
	assert_true(elf_binding_is_internal(fake_eal(), "rte_vfio_setup_device"));
	assert_true(elf_binding_is_internal(fake_eal(), "rte_mem_virt2memseg_list"));
	assert_true(elf_binding_is_internal(&state, "rte_mem_virt2iova"));
}

/* The EAL may get a page's node from another library than libnuma. */
static void
call_of_another_object_is_found(void **state)
{
	(void)state;
	assert_int_equal(fake_eal_node(state), 0);
	assert_true(elf_binding_is_called(fake_eal(), "get_mempolicy"));
	assert_false(elf_binding_is_called(fake_eal(), "get_mempolicy2"));
	assert_false(elf_binding_is_called(&state, "get_mempolicy"));
	assert_non_null(eal_api()->get_mempolicy);
}

/* A driver of another release brings its own. */
static void
device_is_refused_while_there_are_two_eals(void **state)
{
	void *second = dlopen(SECOND_EAL, RTLD_NOW | RTLD_LOCAL);
	int fd;

	(void)state;
	assert_non_null(second);
	bus_setup_fails();
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR, "two DPDKs", "librte_eal.so and ", SECOND_EAL,
		      strerror(EOPNOTSUPP), "of one release");
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
	assert_int_equal(dlclose(second), 0);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
}

int
bus_selfcheck_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(eal_that_calls_the_backend_is_found_to),
		BUS_TEST(call_that_leads_nowhere_else_is_found_to),
		BUS_TEST(call_of_another_object_is_found),
		BUS_TEST(device_is_refused_while_there_are_two_eals),
	};

	return cmocka_run_group_tests_name("bus: self-check", tests, NULL, NULL);
}

/* Buses call the backend, the EAL itself does not: see fake/meson.build. */
static void
eal_that_calls_itself_gets_no_device(void **state)
{
	(void)state;
	bus_memory(1);
	assert_int_equal(fake_eal_ask(FAKE_VA(0)), RTE_BAD_IOVA);
	assert_string_equal(fake_trace(), "");
	bus_setup_fails();
	assert_logged(ERR, "bus.vfio_cdev", BUS_ADDR,
		      "librte_eal calls its own rte_mem_virt2iova()", strerror(EOPNOTSUPP),
		      "not pinned", "-Bsymbolic-functions");
	assert_int_equal(fake_calls(FAKE_OPEN), 0);
	/* There is one, for others. */
	assert_null(eal_api()->get_mempolicy);
}

static void
device_of_stock_is_stocks_all_the_same(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_STOCK_ADDR, &fd), 0);
	assert_int_equal(stock_calls(STOCK_SETUP), 1);
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 0);
}

int
bus_symbolic_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(eal_that_calls_itself_gets_no_device),
		BUS_TEST(device_of_stock_is_stocks_all_the_same),
	};

	return cmocka_run_group_tests_name("bus: -Bsymbolic-functions", tests, NULL, NULL);
}

/* First of its process: the value is read once. */
static void
less_than_the_default_takes_no_device(void **state)
{
	int fd;

	(void)state;
	bus_secure = true;
	assert_int_equal(setenv("RTE_VFIO_CDEV", "off", 1), 0);
	assert_int_equal(setenv("RTE_VFIO_CDEV_PHYS", "pagemap", 1), 0);
	assert_false(policy_demands(POLICY_OFF));
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(policy_get(), POLICY_PREFER);
	assert_int_equal(policy_phys(), PHYS_AUTO);
	assert_logged(WARNING, "RTE_VFIO_CDEV is ignored", strerror(EPERM), "setuid",
		      "RTE_VFIO_CDEV=require");
	assert_logged(WARNING, "RTE_VFIO_CDEV_PHYS is ignored", "RTE_VFIO_CDEV_PHYS=ioas");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 2);
}

static void
more_than_the_default_takes_devices_from_all(void **state)
{
	(void)state;
	bus_secure = true;
	assert_int_equal(setenv("RTE_VFIO_CDEV", "require", 1), 0);
	assert_true(policy_demands(POLICY_REQUIRE));
	assert_int_equal(setenv("RTE_VFIO_CDEV", "off", 1), 0);
	bus_secure = false;
	assert_true(policy_demands(POLICY_OFF));
}

int
bus_secure_tests(void)
{
	const struct CMUnitTest tests[] = {
		BUS_TEST(less_than_the_default_takes_no_device),
		BUS_TEST(more_than_the_default_takes_devices_from_all),
	};

	return cmocka_run_group_tests_name("bus: AT_SECURE", tests, NULL, NULL);
}
