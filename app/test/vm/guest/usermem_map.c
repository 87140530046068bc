/* SPDX-License-Identifier: BSD-3-Clause */

/* Maps that are right: by a table of IOVAs, "where it is", and parts of maps. */

#include <errno.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_memory.h>

#include "proc.h"
#include "usermem.h"

#define PAGES 64
#define MANY 5000 /* stock's table has 256 entries */

static struct rte_device *
device_first(void)
{
	struct rte_eth_dev_info info = { 0 };

	rte_eth_dev_info_get(0, &info);
	return info.device;
}

/* Neighbours in the table are seldom neighbours in memory: a map for each page. */
static const char *
table_map(struct rte_device *dev, uint8_t *va, const rte_iova_t *table)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		CHECK(rte_dev_dma_map(dev, va + i * PAGE, table[i], PAGE) == 0);
	return NULL;
}

static const char *
table_unmap(struct rte_device *dev, uint8_t *va, const rte_iova_t *table)
{
	unsigned int i;

	for (i = 0; i < PAGES; i++)
		CHECK(rte_dev_dma_unmap(dev, va + i * PAGE, table[i], PAGE) == 0);
	return NULL;
}

/* The table is pinned as it is registered, and no page of it is charged twice. */
static const char *
case_extmem_by_table(void)
{
	const struct rte_vfio_cdev_stats before = stats_now();
	struct rte_device *dev = device_first();
	uint8_t *va = anon_new(PAGES * PAGE);
	const uint64_t pinned = pinned_now();
	rte_iova_t table[PAGES];
	unsigned int i;

	for (i = 0; i < PAGES; i++) {
		table[i] = rte_mem_virt2iova(va + i * PAGE);
		CHECK(table[i] == proc_phys(va + i * PAGE));
	}
	CHECK(rte_extmem_register(va, PAGES * PAGE, table, PAGES, PAGE) == 0);
	CHECK_CASE(table_map(dev, va, table));
	CHECK(stats_now().mappings == before.mappings + PAGES);
	CHECK(stats_now().pages_verified == before.pages_verified + PAGES);
	CHECK(stats_now().bytes == before.bytes + PAGES * PAGE);
	CHECK(stats_now().provisional == before.provisional);
	CHECK(pinned_now() == pinned + PAGES * PAGE);
	CHECK_CASE(table_unmap(dev, va, table));
	CHECK(rte_extmem_unregister(va, PAGES * PAGE) == 0);
	munmap(va, PAGES * PAGE);
	return NULL;
}

static const char *
case_extmem_hugepage(void)
{
	struct rte_device *dev = device_first();
	uint8_t *va = huge_new(HUGEPAGE);
	rte_iova_t iova = rte_mem_virt2iova(va);
	const uint64_t pages = stats_now().pages_verified;

	CHECK(rte_extmem_register(va, HUGEPAGE, &iova, 1, HUGEPAGE) == 0);
	CHECK(rte_dev_dma_map(dev, va, iova, HUGEPAGE) == 0);
	CHECK(stats_now().pages_verified == pages + HUGEPAGE / PAGE);
	CHECK(rte_dev_dma_unmap(dev, va, iova, HUGEPAGE) == 0);
	CHECK(rte_extmem_unregister(va, HUGEPAGE) == 0);
	munmap(va, HUGEPAGE);
	return NULL;
}

static const char *
case_zero_iova_is_where_it_is(void)
{
	uint8_t *va = anon_new(PAGES * PAGE);
	const uint64_t pinned = pinned_now(), verified = stats_now().pages_verified;
	unsigned int i;

	CHECK_RET(map(va, 0, PAGES * PAGE), 0);
	CHECK(pinned_now() == pinned + PAGES * PAGE);
	CHECK(stats_now().pages_verified == verified + PAGES);
	for (i = 0; i < PAGES; i++)
		CHECK(rte_vfio_cdev_domain_lookup(domain, va + i * PAGE, proc_phys(va + i * PAGE),
						  PAGE) != -ENOENT);
	CHECK_RET(unmap(va, 0, PAGES * PAGE), 0);
	CHECK(pinned_now() == pinned);
	CHECK_RET(unmap(va, 0, PAGES * PAGE), -EINVAL);
	munmap(va, PAGES * PAGE);
	return NULL;
}

static const char *
case_zero_iova_goes_in_parts(void)
{
	uint8_t *va = anon_new(PAGES * PAGE);
	const uint64_t pinned = pinned_now();

	CHECK_RET(map(va, 0, PAGES * PAGE), 0);
	CHECK_RET(unmap(va, 0, PAGE), 0);
	CHECK(pinned_now() == pinned + (PAGES - 1) * PAGE);
	CHECK_RET(unmap(va, 0, PAGE), -EINVAL);
	CHECK_RET(unmap(va + 2 * PAGE, 0, (PAGES - 4) * PAGE), 0);
	CHECK(pinned_now() == pinned + 3 * PAGE);
	CHECK_RET(unmap(va + PAGE, 0, PAGE), 0);
	CHECK_RET(unmap(va + (PAGES - 2) * PAGE, 0, 2 * PAGE), 0);
	CHECK(pinned_now() == pinned);
	munmap(va, PAGES * PAGE);
	return NULL;
}

static const char *
case_zero_iova_twice_needs_two_unmaps(void)
{
	uint8_t *va = anon_new(PAGES * PAGE);
	const uint64_t pinned = pinned_now();

	CHECK_RET(map(va, 0, PAGES * PAGE), 0);
	CHECK_RET(map(va, 0, PAGES * PAGE), 0);
	CHECK(pinned_now() == pinned + PAGES * PAGE);
	CHECK_RET(unmap(va, 0, PAGES * PAGE), 0);
	CHECK(pinned_now() == pinned + PAGES * PAGE);
	CHECK_RET(unmap(va, 0, PAGES * PAGE), 0);
	CHECK(pinned_now() == pinned);
	CHECK_RET(unmap(va, 0, PAGES * PAGE), -EINVAL);
	munmap(va, PAGES * PAGE);
	return NULL;
}

static const char *
case_same_map_twice_needs_two_unmaps(void)
{
	uint8_t *va = anon_new(PAGE);
	const uint64_t iova = proc_phys(va), pinned = pinned_now();

	CHECK_RET(map(va, iova, PAGE), 0);
	CHECK_RET(map(va, iova, PAGE), 0);
	CHECK_RET(unmap(va, iova, PAGE), 0);
	CHECK(pinned_now() == pinned + PAGE);
	CHECK_RET(unmap(va, iova, PAGE), 0);
	CHECK_RET(unmap(va, iova, PAGE), -EINVAL);
	munmap(va, PAGE);
	return NULL;
}

static const char *
case_many_maps(void)
{
	uint8_t *va = anon_new(MANY * PAGE);
	const uint64_t pinned = pinned_now(), mappings = stats_now().mappings;
	static uint64_t iovas[MANY];
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		iovas[i] = proc_phys(va + i * PAGE);
		CHECK_RET(map(va + i * PAGE, iovas[i], PAGE), 0);
	}
	CHECK(stats_now().mappings == mappings + MANY);
	CHECK(pinned_now() == pinned + MANY * PAGE);
	/* Not in the order they came. */
	for (i = 0; i < MANY; i += 2)
		CHECK_RET(unmap(va + i * PAGE, iovas[i], PAGE), 0);
	for (i = 1; i < MANY; i += 2)
		CHECK_RET(unmap(va + i * PAGE, iovas[i], PAGE), 0);
	munmap(va, MANY * PAGE);
	return NULL;
}

/* Map a hugepage, unmap a part of it, see that the rest is there; then the rest. */
static const char *
part_unmap(uint64_t off, uint64_t len)
{
	uint8_t *va = huge_new(HUGEPAGE);
	const uint64_t iova = proc_phys(va), before = stats_now().bytes;
	unsigned int parts = 0;

	CHECK_RET(map(va, iova, HUGEPAGE), 0);
	CHECK_RET(unmap(va + off, iova + off, len), 0);
	CHECK(stats_now().bytes == before + HUGEPAGE - len);
	CHECK(stats_now().pages_verified == stats_now().pages_mapped);
	CHECK_RET(unmap(va + off, iova + off, len), -EINVAL);
	CHECK_RET(unmap(va, iova, HUGEPAGE), -EINVAL);
	if (off > 0) {
		CHECK_RET(unmap(va, iova, off), 0);
		parts++;
	}
	if (off + len < HUGEPAGE) {
		CHECK_RET(unmap(va + off + len, iova + off + len, HUGEPAGE - off - len), 0);
		parts++;
	}
	CHECK(parts > 0 && stats_now().bytes == before);
	munmap(va, HUGEPAGE);
	return NULL;
}

static const char *
case_unmap_head(void)
{
	return part_unmap(0, 3 * PAGE);
}

static const char *
case_unmap_middle(void)
{
	return part_unmap(5 * PAGE, 7 * PAGE);
}

static const char *
case_unmap_tail(void)
{
	return part_unmap(HUGEPAGE - PAGE, PAGE);
}

static const char *
case_unmap_several_maps_at_once(void)
{
	uint8_t *va = huge_new(HUGEPAGE);
	const uint64_t iova = proc_phys(va);
	uint64_t off;

	for (off = 0; off < 8 * PAGE; off += 2 * PAGE)
		CHECK_RET(map(va + off, iova + off, 2 * PAGE), 0);
	CHECK_RET(unmap(va + PAGE, iova + PAGE, 6 * PAGE), 0);
	CHECK_RET(unmap(va, iova, PAGE), 0);
	CHECK_RET(unmap(va + 7 * PAGE, iova + 7 * PAGE, PAGE), 0);
	munmap(va, HUGEPAGE);
	return NULL;
}

const struct usermem_case map_cases[] = {
	CASE(extmem_by_table),
	CASE(extmem_hugepage),
	CASE(zero_iova_is_where_it_is),
	CASE(zero_iova_goes_in_parts),
	CASE(zero_iova_twice_needs_two_unmaps),
	CASE(same_map_twice_needs_two_unmaps),
	CASE(many_maps),
	CASE(unmap_head),
	CASE(unmap_middle),
	CASE(unmap_tail),
	CASE(unmap_several_maps_at_once),
	{ 0 },
};
