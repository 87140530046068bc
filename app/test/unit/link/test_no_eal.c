/* SPDX-License-Identifier: BSD-3-Clause */

/* The backend in a process that has no DPDK: nothing works, nothing breaks. */

#include "asserts.h"
#include "eal_api.h"

static void
everything_is_refused_quietly(void **state)
{
	int fd = -1;

	(void)state;
	assert_null(eal_api());
	assert_int_equal(rte_vfio_enable("vfio"), -1);
	assert_int_equal(rte_vfio_is_enabled("vfio"), 0);
	assert_int_equal(rte_vfio_noiommu_is_enabled(), -1);
	assert_int_equal(rte_eal_using_phys_addrs(), 0);
	assert_int_equal(rte_vfio_setup_device("/sys/bus/pci/devices", "0", &fd, NULL), -1);
	assert_int_equal(rte_vfio_release_device("/sys/bus/pci/devices", "0", 0), -1);
	assert_int_equal(rte_vfio_get_group_num("/sys/bus/pci/devices", "0", &fd), -1);
	assert_int_equal(rte_vfio_get_group_fd(0), -1);
	assert_int_equal(rte_vfio_get_container_fd(), -1);
	assert_int_equal(rte_vfio_container_dma_map(-1, 0, 0, 4096), -1);
	assert_int_equal(rte_vfio_container_dma_unmap(-1, 0, 0, 4096), -1);
	assert_int_equal(fd, -1);
	eal_errno_set(1);
	assert_int_equal(eal_errno_get(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_refused_quietly),
	};

	return cmocka_run_group_tests_name("no EAL", tests, NULL, NULL);
}
