/* SPDX-License-Identifier: BSD-3-Clause */

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <rte_errno.h>

#include "iommufd.h"
#include "memseg.h"
#include "test_bus.h"
#include "vfio_cdev_private.h"

/* Set up and not released yet. */
static struct {
	const char *addr;
	int fd;
} set_up[8];

int
__wrap_rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx);

/* The backend's context, once a process. */
int
__wrap_rte_vfio_cdev_ctx_create(rte_vfio_cdev_log_t log, void *arg, struct rte_vfio_cdev_ctx **ctx)
{
	return vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), log, arg, ctx);
}

bool bus_secure;

unsigned long
__real_getauxval(unsigned long type);
unsigned long
__wrap_getauxval(unsigned long type);

unsigned long
__wrap_getauxval(unsigned long type)
{
	return type == AT_SECURE ? bus_secure : __real_getauxval(type);
}

long
__real_sysconf(int name);
long
__wrap_sysconf(int name);

/* Of the hooks of memory, which read it before main(). */
long
__wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE ? (long)fake_page : __real_sysconf(name);
}

/* As in a new process. */
static void
backend_forget(void)
{
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++)
		assert_int_equal(rte_vfio_cdev_domain_destroy(backend.domains[mode]), 0);
	memset(&backend, 0, sizeof(backend));
	memseg_freed_reset();
}

void
bus_stock_works(void)
{
	fake_eal()->stock[STOCK_IS_ENABLED].ret = 1;
	fake_eal()->stock[STOCK_CREATE].ret = STOCK_FD;
	fake_eal()->stock[STOCK_DESTROY].ret = 0;
	fake_eal()->stock[STOCK_BIND].ret = 99;
	fake_eal()->stock[STOCK_UNBIND].ret = 0;
	fake_eal()->stock[STOCK_CLEAR_GROUP].ret = 0;
	fake_eal()->stock[STOCK_DMA_MAP].ret = 0;
	fake_eal()->stock[STOCK_DMA_UNMAP].ret = 0;
}

int
bus_begin(void **state)
{
	(void)state;
	backend_forget();
	fake_reset();
	fake_eal_reset();
	fake_sysfs_reset();
	fake_sysfs_add(BUS_ADDR, BUS_NAME, "510:0\n");
	fake_sysfs_add(BUS_ADDR2, BUS_NAME2, "510:1\n");
	fake_sysfs_mkdir("bus/pci/devices/" BUS_STOCK_ADDR);
	fake_node_add(BUS_NODE, FAKE_MAJOR, 0);
	fake_node_add(FAKE_CDEV(BUS_NAME2), FAKE_MAJOR, 1);
	log_clear();
	memset(set_up, 0, sizeof(set_up));
	return 0;
}

int
bus_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(set_up); i++)
		if (set_up[i].addr != NULL)
			rte_vfio_release_device(fake_sysfs_base(), set_up[i].addr, set_up[i].fd);
	if (fake_eal_misuse() != NULL)
		fail_msg("%s", fake_eal_misuse());
	backend_forget();
	assert_kernel_holds(0, 0, 0);
	assert_int_equal(fake_bad_fds(), 0);
	return 0;
}

void
bus_devargs(unsigned int i, const char *name, enum rte_dev_policy policy)
{
	struct rte_devargs *args = &fake_eal()->devargs[i];

	snprintf(args->name, sizeof(args->name), "%s", name);
	args->policy = policy;
}

int
bus_enable_unprimed(void)
{
	int ret;

	fake_eal()->no_pci = true;
	ret = rte_vfio_enable("vfio");
	fake_eal()->no_pci = false;
	return ret;
}

void
bus_translated(bool alone)
{
	if (alone) {
		fake_sysfs_reset();
		fake_sysfs_mkdir("bus/pci/devices/" BUS_STOCK_ADDR);
	}
	fake_sysfs_add(BUS_ADDR3, BUS_NAME3, "510:3\n");
	fake_sysfs_add(BUS_ADDR4, BUS_NAME4, "510:4\n");
	fake_node_add(BUS_NODE3, FAKE_MAJOR, 3);
	fake_node_add(FAKE_CDEV(BUS_NAME4), FAKE_MAJOR, 4);
}

void
bus_group_add(int group, const char *addr)
{
	char target[PATH_MAX];

	snprintf(target, sizeof(target), "%s/%s", fake_sysfs_base(), addr);
	fake_sysfs_link(target, "kernel/iommu_groups/%d/devices/%s", group, addr);
}

int
bus_setup(const char *addr, int *fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	size_t i = 0;
	int ret;

	*fd = -1;
	ret = rte_vfio_setup_device(fake_sysfs_base(), addr, fd, &info);
	if (ret != 0)
		return ret;
	while (set_up[i].addr != NULL)
		i++;
	set_up[i].addr = addr;
	set_up[i].fd = *fd;
	return 0;
}

int
bus_release(const char *addr, int fd)
{
	const int ret = rte_vfio_release_device(fake_sysfs_base(), addr, fd);

	for (size_t i = 0; i < RTE_DIM(set_up); i++)
		if (ret == 0 && set_up[i].addr == addr && set_up[i].fd == fd)
			set_up[i].addr = NULL;
	return ret;
}

int
bus_map(int container, uint64_t offset, uint64_t iova, uint64_t len)
{
	rte_errno = 0;
	return rte_vfio_container_dma_map(container, (uintptr_t)FAKE_VA(offset), iova, len);
}

int
bus_unmap(int container, uint64_t offset, uint64_t iova, uint64_t len)
{
	rte_errno = 0;
	return rte_vfio_container_dma_unmap(container, (uintptr_t)FAKE_VA(offset), iova, len);
}

unsigned int
stock_calls(enum fake_stock which)
{
	return fake_eal()->stock[which].calls;
}

void
bus_setup_fails(void)
{
	int fd;

	log_clear();
	assert_int_equal(bus_setup(BUS_ADDR, &fd), -1);
	assert_int_equal(fd, -1);
	assert_int_equal(stock_calls(STOCK_SETUP), 0);
	assert_int_equal(fake_holds().areas, 0);
}

void
bus_memory(unsigned int pages)
{
	struct rte_memseg_list *msl = fake_eal_list(false, true);

	for (unsigned int i = 0; i < pages; i++)
		fake_eal_memseg(msl, FAKE_VA(i * FAKE_HUGE), FAKE_PHYS(i * FAKE_HUGE), FAKE_HUGE);
}

int
main(int argc, char **argv)
{
	const char *policy = getenv("RTE_VFIO_CDEV");
	const char *phys = getenv("RTE_VFIO_CDEV_PHYS");
	const char *prime = getenv("RTE_VFIO_CDEV_PRIME");
	const char *pin = getenv("RTE_VFIO_CDEV_PIN");

	if (prime != NULL && prime[0] != '\0')
		return strcmp(prime, "none") == 0 ? bus_prime_none_tests() :
						    bus_prime_named_tests();
	if (pin != NULL && pin[0] != '\0')
		return strcmp(pin, "off") == 0 ? bus_pin_off_tests() : bus_phys_invalid_tests();
	if (argc == 2 && strcmp(argv[1], "faults") == 0)
		return bus_faults_tests();
	if (argc == 2)
		return strcmp(argv[1], "secure") == 0 ?
			bus_secure_tests() :
			bus_symbolic_tests() + bus_telemetry_later_tests();
	if (phys != NULL && strcmp(phys, "ioas") == 0)
		return bus_ioas_tests();
	if (phys != NULL && strcmp(phys, "pagemap") == 0)
		return bus_pagemap_tests();
	if (phys != NULL && phys[0] != '\0')
		return bus_phys_invalid_tests();
	if (policy == NULL || policy[0] == '\0')
		return bus_device_tests() + bus_query_tests() + bus_memory_tests() +
			bus_container_map_tests() + bus_phys_tests() + bus_iova_zero_tests() +
			bus_unpinned_tests() + bus_slow_tests() + bus_primary_tests() +
			bus_secondary_tests() + bus_translated_tests() + bus_container_api_tests() +
			bus_fork_tests() + bus_selfcheck_tests() + bus_telemetry_tests() +
			bus_telemetry_paging_tests() + bus_peers_tests() + bus_non_pci_tests() +
			bus_threads_tests() + bus_iova_mode_tests() + bus_prime_tests() +
			bus_group_tests() + bus_pin_tests();
	if (strcmp(policy, "require") == 0)
		return bus_require_tests();
	if (strcmp(policy, "off") == 0)
		return bus_off_tests() + bus_primary_off_tests() + bus_secondary_off_tests() +
			bus_telemetry_off_tests();
	return bus_invalid_tests();
}
