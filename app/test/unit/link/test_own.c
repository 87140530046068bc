/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The backend preloaded into a program of DPDK 26.11, which has a cdev mode of its own: the
 * backend says so, and answers nothing.
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "asserts.h"
#include "fake_eal.h"
#include "fake_eal_own.h"

#define PAGEMAP 0x12345000

static bool
policy_is(const char *policy)
{
	return strcmp(getenv("RTE_VFIO_CDEV"), policy) == 0;
}

static phys_addr_t
pagemap(const void *virt)
{
	(void)virt;
	return PAGEMAP;
}

static int
eal_start(void **state)
{
	(void)state;
	fake_eal_reset();
	fake_eal()->pagemap = pagemap;
	return 0;
}

static void
constructor_logs_that_the_backend_steps_aside(void **state)
{
	(void)state;
	if (policy_is("off")) {
		assert_string_equal(log_text(), "");
		return;
	}
	assert_logged(ERR, "bus.vfio_cdev", "DPDK does not call it", "26.11",
		      "cdev mode of its own", "pins no memory before", "compares no address",
		      "VF token", "steps aside", strerror(EOPNOTSUPP),
		      policy_is("require") ? "given up CAP_SYS_RAWIO" : "left to that mode");
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), 1);
}

static void
devices_are_left_to_the_eal(void **state)
{
	const unsigned int before = fake_own_setups();

	(void)state;
	assert_int_equal(fake_bus_map("0000:00:03.0"), FAKE_OWN_FD);
	assert_int_equal(fake_own_setups(), before + 1);
}

/* A cdev that is required must not be replaced by memory that is not pinned. */
static void
addresses_are_those_of_the_eal(void **state)
{
	const bool given = !policy_is("require");
	char page;

	(void)state;
	assert_int_equal(rte_eal_using_phys_addrs(), given);
	fake_eal()->bus_mode = RTE_IOVA_VA;
	assert_int_equal(rte_bus_get_iommu_class(), RTE_IOVA_VA);
	assert_int_equal(rte_mem_virt2phy(&page), given ? PAGEMAP : RTE_BAD_PHYS_ADDR);
	assert_int_equal(fake_eal_ask(&page), given ? PAGEMAP : RTE_BAD_IOVA);
	fake_eal()->iova_mode = RTE_IOVA_VA;
	assert_int_equal(rte_mem_virt2iova(&page), (uintptr_t)&page);
}

static void
memory_is_given_up_by_the_eal(void **state)
{
	struct rte_memseg_list *msl = fake_eal_list(false, false);

	(void)state;
	fake_eal_memseg(msl, (void *)FAKE_HUGE, PAGEMAP, FAKE_HUGE);
	assert_int_equal(rte_fbarray_is_used(&msl->memseg_arr, 0), 1);
	assert_int_equal(rte_fbarray_set_free(&msl->memseg_arr, 0), 0);
	assert_int_equal(rte_fbarray_is_used(&msl->memseg_arr, 0), 0);
}

/* Old plug-ins may look them up. */
static void
functions_of_older_releases_refuse(void **state)
{
	int (*enable)(const char *modname);
	int (*get_container_fd)(void);

	(void)state;
	*(void **)&enable = dlsym(RTLD_DEFAULT, "rte_vfio_enable");
	*(void **)&get_container_fd = dlsym(RTLD_DEFAULT, "rte_vfio_get_container_fd");
	assert_non_null(enable);
	assert_int_equal(enable("vfio"), -1);
	assert_int_equal(get_container_fd(), -1);
}

static void
all_of_it_is_logged_once(void **state)
{
	(void)state;
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_ERR), !policy_is("off"));
	assert_int_equal(log_count(RTE_VFIO_CDEV_LOG_WARNING), 0);
}

/* As far as the user who runs this has it. */
static void
required_cdev_costs_the_capability(void **state)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

	(void)state;
	assert_int_equal(syscall(SYS_capget, &header, sets), 0);
	if (policy_is("require"))
		assert_int_equal(sets[0].permitted & CAP_TO_MASK(CAP_SYS_RAWIO), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, eal_start)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constructor_logs_that_the_backend_steps_aside),
		TEST(devices_are_left_to_the_eal),
		TEST(addresses_are_those_of_the_eal),
		TEST(memory_is_given_up_by_the_eal),
		TEST(functions_of_older_releases_refuse),
		TEST(all_of_it_is_logged_once),
		cmocka_unit_test(required_cdev_costs_the_capability),
	};

	return cmocka_run_group_tests_name("own cdev mode", tests, NULL, NULL);
}
