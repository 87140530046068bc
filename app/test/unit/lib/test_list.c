/* SPDX-License-Identifier: BSD-3-Clause */

/* What a domain reports: its mappings, a few at a time, and its counters. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"

#define MILLION 1000000u
#define PAGE 64u

static unsigned int
list(const struct fixture *f, uint64_t start, struct rte_vfio_cdev_mapping *mappings,
     unsigned int size)
{
	memset(mappings, 0x55, size * sizeof(*mappings));
	return rte_vfio_cdev_domain_mappings(f->domain, start, mappings, size);
}

/* A pinned mapping of the memory at an offset, with the kernel's address. */
static void
assert_mapping(const struct rte_vfio_cdev_mapping *mapping, uint64_t offset, uint64_t len,
	       uint64_t page_size)
{
	assert_int_equal(mapping->va, (uintptr_t)FAKE_VA(offset));
	assert_int_equal(mapping->iova, FAKE_PHYS(offset));
	assert_int_equal(mapping->len, len);
	assert_int_equal(mapping->page_size, page_size);
	assert_int_equal(mapping->state, RTE_VFIO_CDEV_PINNED);
	assert_int_equal(mapping->err, 0);
	assert_int_equal(mapping->first_phys, FAKE_PHYS(offset));
	assert_int_equal(mapping->last_phys, FAKE_PHYS(offset + len - page_size));
}

static void
mappings_come_in_order_with_their_addresses(void **state)
{
	struct rte_vfio_cdev_mapping mappings[4];
	const struct fixture *f = *state;

	assert_int_equal(list(f, 0, mappings, 4), 0);
	assert_int_equal(memory_map(f, 2 * HUGE, 2 * HUGE, HUGE), 0);
	assert_int_equal(memory_map(f, 2 * HUGE, 2 * HUGE, HUGE), 0);
	assert_int_equal(memory_map(f, 0, PAGES(5), FAKE_PAGE), 0);
	assert_int_equal(list(f, 0, mappings, 4), 2);
	assert_mapping(&mappings[0], 0, PAGES(5), FAKE_PAGE);
	assert_mapping(&mappings[1], 2 * HUGE, 2 * HUGE, HUGE);
	assert_int_equal(mappings[0].users, 1);
	assert_int_equal(mappings[1].users, 2);
	assert_int_equal(list(f, 0, mappings, 1), 1);
	assert_mapping(&mappings[0], 0, PAGES(5), FAKE_PAGE);
	assert_int_equal(list(f, (uintptr_t)FAKE_VA(PAGES(5)), mappings, 1), 1);
	assert_mapping(&mappings[0], 2 * HUGE, 2 * HUGE, HUGE);
	assert_int_equal(list(f, (uintptr_t)FAKE_VA(4 * HUGE), mappings, 4), 0);
	assert_int_equal(list(f, UINT64_MAX, mappings, 4), 0);
}

/* Of the page that the address is in. */
static void
start_inside_a_mapping_gives_the_rest_of_it(void **state)
{
	struct rte_vfio_cdev_mapping mappings[4];
	const struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, 8 * HUGE, HUGE), 0);
	assert_int_equal(list(f, (uintptr_t)FAKE_VA(3 * HUGE), mappings, 4), 1);
	assert_mapping(&mappings[0], 3 * HUGE, 5 * HUGE, HUGE);
	assert_int_equal(list(f, (uintptr_t)FAKE_VA(4 * HUGE - PAGES(1)), mappings, 4), 1);
	assert_mapping(&mappings[0], 3 * HUGE, 5 * HUGE, HUGE);
	assert_int_equal(list(f, (uintptr_t)FAKE_VA(8 * HUGE - PAGES(1)), mappings, 4), 1);
	assert_mapping(&mappings[0], 7 * HUGE, HUGE, HUGE);
}

static void
kernel_is_asked_each_time(void **state)
{
	struct rte_vfio_cdev_mapping mappings[4];
	const struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, 2 * HUGE, HUGE), 0);
	fake.pa_offset = FAKE_PAGE;
	assert_int_equal(list(f, 0, mappings, 4), 1);
	assert_int_equal(mappings[0].first_phys, FAKE_PHYS(FAKE_PAGE));
	assert_int_equal(mappings[0].last_phys, FAKE_PHYS(HUGE + FAKE_PAGE));
	assert_int_equal(mappings[0].iova, FAKE_PHYS(0));
	fake_fail(FAKE_GET_PA, 2, ENOENT);
	assert_int_equal(list(f, 0, mappings, 4), 1);
	assert_int_equal(mappings[0].err, -ENOENT);
	fake.rawio = false;
	assert_int_equal(list(f, 0, mappings, 4), 1);
	assert_int_equal(mappings[0].err, -EPERM);
	assert_int_equal(mappings[0].len, 2 * HUGE);
}

static void
pending_mappings_and_bars_have_no_address(void **state)
{
	struct rte_vfio_cdev_mapping mappings[4];
	struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(list(f, 0, mappings, 4), 1);
	assert_int_equal(mappings[0].state, RTE_VFIO_CDEV_PENDING);
	assert_int_equal(mappings[0].err, -ENODATA);
	assert_int_equal(fixture_stats(f).maps, 0);
	assert_int_equal(rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device), 0);
	assert_int_equal(list(f, 0, mappings, 4), 1);
	assert_mapping(&mappings[0], 0, HUGE, HUGE);

	fake_sysfs_write("0x0000009000000000 0x0000009000ffffff 0x0000000000040200\n",
			 "bus/pci/devices/0000:00:07.0/resource");
	fake_fail(FAKE_MAP, 1, EFAULT);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(HUGE), 0x9000000000, HUGE,
						  FAKE_PAGE),
			 0);
	assert_int_equal(list(f, (uintptr_t)FAKE_VA(HUGE), mappings, 4), 1);
	assert_int_equal(mappings[0].state, RTE_VFIO_CDEV_BAR);
	assert_int_equal(mappings[0].err, -ENODATA);
	assert_int_equal(fixture_stats(f).maps, 1);
}

/* Several begin at the same place, and one goes on behind all of them. */
static void
overlapping_mappings_are_listed_once(void **state)
{
	struct rte_vfio_cdev_mapping mappings[3];
	const struct fixture *f = *state;
	unsigned int same = 0, count, seen = 0;
	uint64_t start = 0, last = 0;

	assert_int_equal(memory_map(f, 0, PAGES(16), FAKE_PAGE), 0);
	for (uint64_t i = 1; i <= 7; i++)
		assert_int_equal(memory_map(f, PAGES(2), PAGES(i), FAKE_PAGE), 0);
	assert_int_equal(memory_map(f, PAGES(5), PAGES(1), FAKE_PAGE), 0);
	do {
		count = list(f, start, mappings, 3);
		for (unsigned int i = 0; i < count; i++, seen++) {
			same = mappings[i].va == last ? same + 1 : 1;
			last = mappings[i].va;
			assert_int_equal(mappings[i].first_phys, mappings[i].iova);
		}
		start = last + 1 + same;
	} while (count == 3);
	assert_int_equal(seen, 9);
	assert_int_equal(list(f, (uintptr_t)FAKE_VA(PAGES(6)), mappings, 3), 3);
	assert_mapping(&mappings[0], PAGES(6), PAGES(10), FAKE_PAGE);
}

/* Takes over a minute if each page is searched from the first mapping on. */
static void
million_mappings_are_listed_page_by_page(void **state)
{
	struct rte_vfio_cdev_mapping mappings[PAGE];
	const struct fixture *f = *state;
	uint64_t start = 0, seen = 0;
	unsigned int count;

	for (uint64_t i = 0; i < MILLION; i++)
		if (memory_map(f, PAGES(2 * i), FAKE_PAGE, FAKE_PAGE) != 0)
			fail_msg("mapping %u of a million failed", (unsigned int)i);
	do {
		count = list(f, start, mappings, PAGE);
		for (unsigned int i = 0; i < count; i++, seen++)
			if (mappings[i].iova != FAKE_PHYS(PAGES(2 * seen)))
				fail_msg("mapping %u is not where it should be",
					 (unsigned int)seen);
		start = mappings[PAGE - 1].va + 2;
	} while (count == PAGE);
	assert_int_equal(seen, MILLION);
}

static void
maps_and_unmaps_are_counted_for_ever(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, 4 * HUGE, HUGE), 0);
	assert_int_equal(memory_map(f, 0, 4 * HUGE, HUGE), 0);
	assert_int_equal(fixture_stats(f).maps, 1);
	assert_int_equal(fixture_stats(f).verified, 4 + 4);
	assert_int_equal(memory_unmap(f, 0, 4 * HUGE), 0);
	assert_int_equal(fixture_stats(f).unmaps, 0);
	assert_int_equal(memory_unmap(f, HUGE, HUGE), 0);
	assert_int_equal(fixture_stats(f).unmaps, 1);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_int_equal(memory_unmap(f, 2 * HUGE, 2 * HUGE), 0);
	assert_int_equal(fixture_stats(f).unmaps, 3);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(fixture_stats(f).maps, 2);
	assert_int_equal(fixture_stats(f).verified, 9);
	assert_int_equal(fixture_stats(f).misplaced, 0);
	assert_int_equal(fixture_stats(f).refused, 0);
}

static void
what_is_refused_is_counted(void **state)
{
	const struct fixture *f = *state;
	struct rte_vfio_cdev_pin *pin;
	uint64_t phys;

	fake.pa_offset = FAKE_PAGE;
	assert_int_equal(memory_map(f, 0, 4 * HUGE, HUGE), -EADDRNOTAVAIL);
	assert_int_equal(fixture_stats(f).misplaced, 1);
	assert_int_equal(fixture_stats(f).refused, 1);
	fake.pa_offset = 0;
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_int_equal(rte_vfio_cdev_domain_map(f->domain, FAKE_VA(0), FAKE_PHYS(HUGE), HUGE,
						  HUGE),
			 -EEXIST);
	assert_int_equal(fixture_stats(f).refused, 2);
	fake_fail(FAKE_MAP, 1, ENOMEM);
	assert_int_equal(rte_vfio_cdev_domain_pin_page(f->domain, FAKE_VA(HUGE), HUGE, &phys),
			 -ENOMEM);
	assert_int_equal(fixture_stats(f).refused, 3);
	fake_fail(FAKE_MAP, 1, ENOMEM);
	assert_int_equal(rte_vfio_cdev_domain_pin(f->domain, FAKE_VA(HUGE), HUGE, &pin), -ENOMEM);
	assert_int_equal(fixture_stats(f).refused, 4);
	fake_fail(FAKE_MAP, 1, EFAULT);
	assert_int_equal(rte_vfio_cdev_domain_provide(f->domain, FAKE_VA(HUGE), &phys), -EFAULT);
	assert_int_equal(fixture_stats(f).refused, 5);
	assert_int_equal(fixture_stats(f).misplaced, 1);
	assert_int_equal(fixture_stats(f).maps, 1);
	assert_int_equal(memory_unmap(f, HUGE, HUGE), -ENOENT);
	assert_int_equal(fixture_stats(f).refused, 5);
}

/* The fake kernel's clock goes on with ioctls only. */
static void
ioctls_of_the_domain_are_counted_and_timed(void **state)
{
	const struct fixture *f = *state;
	const struct rte_vfio_cdev_stats before = fixture_stats(f);
	struct rte_vfio_cdev_mapping mapping;

	/* GET_PA, IOAS, bind, HWPT, attach */
	assert_int_equal(before.ioctls, 5);
	assert_int_equal(before.ioctl_ns, 5 * FAKE_IOCTL_NS);
	/* map, 2 * GET_PA */
	assert_int_equal(memory_map(f, 0, 2 * HUGE, HUGE), 0);
	assert_int_equal(fixture_stats(f).ioctls, before.ioctls + 3);
	/* 2 * GET_PA */
	assert_int_equal(list(f, 0, &mapping, 1), 1);
	assert_int_equal(fixture_stats(f).ioctls, before.ioctls + 5);
	assert_int_equal(memory_unmap(f, 0, 2 * HUGE), 0);
	assert_int_equal(fixture_stats(f).ioctls, before.ioctls + 6);
	assert_int_equal(fixture_stats(f).ioctl_ns, (before.ioctls + 6) * FAKE_IOCTL_NS);
}

/* Blocks of HUGE: 0 to 1 and 4 to 5 of the memory are on node 1, 2 on node 0, 3 on none. */
static int
nodes_begin(void **state)
{
	static const struct {
		unsigned int node;
		unsigned int block;
	} blocks[] = { { 1, 4 }, { 1, 0 }, { 0, 2 }, { 1, 1 }, { 1, 5 } };
	const unsigned int first = FAKE_PHYS(0) / HUGE;
	struct fixture *f;

	if (fixture_ctx(state) < 0)
		return -1;
	fake_sysfs_write("200000\n", "devices/system/memory/block_size_bytes");
	for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		fake_sysfs_mkdir("devices/system/node/node%u/memory%u", blocks[i].node,
				 first + blocks[i].block);
	fake_sysfs_mkdir("devices/system/node/node64/memory%u", first + 6);
	fake_sysfs_mkdir("devices/system/node/node1/memoryx");
	fake_sysfs_mkdir("devices/system/node/nodes");
	f = *state;
	if (rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_NOIOMMU, &f->domain) < 0)
		return -1;
	return rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device);
}

static void
assert_nodes(const struct fixture *f, uint64_t node0, uint64_t node1, uint64_t nodeless)
{
	const struct rte_vfio_cdev_stats now = fixture_stats(f);

	assert_int_equal(now.node_bytes[0], node0);
	assert_int_equal(now.node_bytes[1], node1);
	assert_int_equal(now.nodeless_bytes, nodeless);
	assert_int_equal(now.bytes, node0 + node1 + nodeless);
}

static void
bytes_are_counted_on_their_nodes(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_nodes(f, 0, HUGE, 0);
	/* All the way across them, and beyond. */
	assert_int_equal(memory_map(f, HUGE, 8 * HUGE, HUGE), 0);
	assert_nodes(f, HUGE, 4 * HUGE, 4 * HUGE);
	assert_int_equal(memory_unmap(f, 2 * HUGE, 2 * HUGE), 0);
	assert_nodes(f, 0, 4 * HUGE, 3 * HUGE);
	assert_int_equal(memory_unmap(f, HUGE, HUGE), 0);
	assert_int_equal(memory_unmap(f, 4 * HUGE, 5 * HUGE), 0);
	assert_nodes(f, 0, HUGE, 0);
	assert_int_equal(memory_map(f, 5 * HUGE + PAGES(1), PAGES(2), FAKE_PAGE), 0);
	assert_nodes(f, 0, HUGE + PAGES(2), 0);
}

/* They would count as of the first node, for as long as the domain is there. */
static void
nodes_that_cannot_be_read_are_an_error(void **state)
{
	struct fixture *f = *state;

	rte_vfio_cdev_device_close(f->device);
	f->device = NULL;
	assert_int_equal(rte_vfio_cdev_domain_destroy(f->domain), 0);
	assert_int_equal(rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_NOIOMMU, &f->domain), 0);
	files_limit(0);
	assert_int_equal(fixture_open(f), -EMFILE);
	assert_logged(ERR, "cannot open", strerror(EMFILE));
	files_limit(-1);
	assert_int_equal(fixture_open(f), 0);
	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_nodes(f, 0, HUGE, 0);
}

static void
one_node_needs_no_blocks(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_nodes(f, HUGE, 0, 0);
}

/* Several nodes, and a kernel that does not report their memory (CONFIG_MEMORY_HOTPLUG=n). */
static int
blockless_begin(void **state)
{
	struct fixture *f;

	if (fixture_ctx(state) < 0)
		return -1;
	fake_sysfs_mkdir("devices/system/node/node0");
	fake_sysfs_mkdir("devices/system/node/node1");
	f = *state;
	if (rte_vfio_cdev_domain_create(f->ctx, RTE_VFIO_CDEV_NOIOMMU, &f->domain) < 0)
		return -1;
	return rte_vfio_cdev_device_open(f->domain, &f->info, NULL, &f->device);
}

static void
nodes_without_blocks_are_not_guessed(void **state)
{
	const struct fixture *f = *state;

	assert_int_equal(memory_map(f, 0, HUGE, HUGE), 0);
	assert_nodes(f, 0, 0, HUGE);
	assert_int_equal(memory_unmap(f, 0, HUGE), 0);
	assert_nodes(f, 0, 0, 0);
}

#define LIST_TEST(name, begin) cmocka_unit_test_setup_teardown(name, begin, fixture_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		LIST_TEST(mappings_come_in_order_with_their_addresses, fixture_device),
		LIST_TEST(start_inside_a_mapping_gives_the_rest_of_it, fixture_device),
		LIST_TEST(kernel_is_asked_each_time, fixture_device),
		LIST_TEST(pending_mappings_and_bars_have_no_address, fixture_domain),
		LIST_TEST(overlapping_mappings_are_listed_once, fixture_device),
		LIST_TEST(million_mappings_are_listed_page_by_page, fixture_domain),
		LIST_TEST(maps_and_unmaps_are_counted_for_ever, fixture_device),
		LIST_TEST(what_is_refused_is_counted, fixture_device),
		LIST_TEST(ioctls_of_the_domain_are_counted_and_timed, fixture_device),
		LIST_TEST(bytes_are_counted_on_their_nodes, nodes_begin),
		LIST_TEST(nodes_that_cannot_be_read_are_an_error, nodes_begin),
		LIST_TEST(one_node_needs_no_blocks, fixture_device),
		LIST_TEST(nodes_without_blocks_are_not_guessed, blockless_begin),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
