/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Tests of the EAL backend's entry points. RTE_VFIO_CDEV and _PHYS are read once
 * a process, so that each of their values is a run of its own: see test_bus.c.
 */

#ifndef TEST_BUS_H
#define TEST_BUS_H

#include <string.h>

#include "asserts.h"
#include "domain.h"
#include "eal_api.h"
#include "fake_eal.h"
#include "fake_sysfs.h"
#include "policy.h"
#include "state.h"

/* Two devices with a cdev, and one without. */
#define BUS_ADDR "0000:00:03.0"
#define BUS_NAME "noiommu-vfio0"
#define BUS_NODE FAKE_CDEV(BUS_NAME)
#define BUS_ADDR2 "0000:00:04.0"
#define BUS_NAME2 "noiommu-vfio1"
#define BUS_STOCK_ADDR "0000:00:05.0"
/* And two that bus_translated() adds. */
#define BUS_ADDR3 "0000:00:06.0"
#define BUS_NAME3 "vfio3"
#define BUS_NODE3 FAKE_CDEV(BUS_NAME3)
#define BUS_ADDR4 "0000:00:07.0"
#define BUS_NAME4 "vfio4"

#define DEFAULT RTE_VFIO_DEFAULT_CONTAINER_FD
#define LEN (8 * FAKE_PAGE)
/* Offset of memory apart from all other memory of a test. */
#define FAR (100 * FAKE_HUGE)

#define BUS_TEST(name) cmocka_unit_test_setup_teardown(name, bus_begin, bus_end)

/* The groups of tests; each returns how many failed. */
int
bus_device_tests(void);
int
bus_query_tests(void);
int
bus_memory_tests(void);
int
bus_container_map_tests(void);
int
bus_phys_tests(void);
int
bus_ioas_tests(void);
int
bus_iova_mode_tests(void);
int
bus_pin_tests(void);
int
bus_pin_off_tests(void);
int
bus_prime_tests(void);
int
bus_prime_named_tests(void);
int
bus_prime_none_tests(void);
int
bus_group_tests(void);
int
bus_pagemap_tests(void);
int
bus_iova_zero_tests(void);
int
bus_unpinned_tests(void);
int
bus_slow_tests(void);
int
bus_primary_tests(void);
int
bus_primary_off_tests(void);
int
bus_secondary_tests(void);
int
bus_secondary_off_tests(void);
int
bus_translated_tests(void);
int
bus_container_api_tests(void);
int
bus_faults_tests(void);
int
bus_fork_tests(void);
int
bus_selfcheck_tests(void);
int
bus_telemetry_tests(void);
int
bus_telemetry_paging_tests(void);
int
bus_peers_tests(void);
int
bus_telemetry_off_tests(void);
int
bus_telemetry_later_tests(void);
int
bus_non_pci_tests(void);
int
bus_threads_tests(void);
int
bus_symbolic_tests(void);
int
bus_secure_tests(void);
int
bus_require_tests(void);
int
bus_off_tests(void);
int
bus_invalid_tests(void);
int
bus_phys_invalid_tests(void);

/* The program runs with rights of its own (AT_SECURE). */
extern bool bus_secure;

#define STOCK_FD 55

/* Stock has containers as well; one that it creates is STOCK_FD. */
void
bus_stock_works(void);

int
bus_begin(void **state);

/* Releases what a test left set up; nothing may be left then. */
int
bus_end(void **state);

/* The option of index i that allows (-a) or blocks (-b) a PCI device. */
void
bus_devargs(unsigned int i, const char *name, enum rte_dev_policy policy);

/* rte_vfio_enable() while no device may be asked for addresses. */
int
bus_enable_unprimed(void);

/* Devices that have an IOMMU, and alone makes them the only ones with a cdev. */
void
bus_translated(bool alone);

/* Put the device into this group. */
void
bus_group_add(int group, const char *addr);

/* rte_vfio_setup_device(), and its fd, or -1. */
int
bus_setup(const char *addr, int *fd);

int
bus_release(const char *addr, int fd);

/* Map and unmap memory at FAKE_VA(offset), with rte_errno set to 0 before. */
int
bus_map(int container, uint64_t offset, uint64_t iova, uint64_t len);

int
bus_unmap(int container, uint64_t offset, uint64_t iova, uint64_t len);

unsigned int
stock_calls(enum fake_stock which);

/* Setting up BUS_ADDR fails, without a call to stock, and leaves nothing pinned. */
void
bus_setup_fails(void);

/*
 * The EAL has this number of hugepages, in one list, at FAKE_VA(0) and on, all
 * of it where it should be.
 */
void
bus_memory(unsigned int pages);

#endif /* TEST_BUS_H */
