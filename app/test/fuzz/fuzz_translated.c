/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sequences of calls on a domain whose devices have IOMMUs, beside a model of its own: an array
 * of IOVA pages with the mapping that each belongs to. Two devices reserve some IOVAs each, and
 * after the last device nothing is pinned. Checked as in fuzz_domain.c.
 */

#include <errno.h>
#include <string.h>

#include "fake_kernel.h"
#include "fake_sysfs.h"
#include "fuzz.h"
#include "vfio_cdev_private.h"

#define PAGE_COUNT 20
#define DEVICES 2
#define IOVA UINT64_C(0x10000000)
#define MOST_STEPS 200

/* The mapping that begins at an IOVA page; count 0: none does. */
struct mapping {
	unsigned int count;
	unsigned int va;
	unsigned int users;
	bool pinned;
};

static const struct {
	const char *addr, *name, *dev;
	unsigned int first, last; /* pages of IOVAs that it reserves */
} known[DEVICES] = {
	{ "0000:00:03.0", "vfio0", "510:0\n", 4, 5 },
	{ "0000:00:04.0", "vfio1", "510:1\n", 9, 9 },
};

static struct rte_vfio_cdev_ctx *ctx;
static struct rte_vfio_cdev_info infos[DEVICES];

static struct {
	struct fuzz_bytes bytes;
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_device *devices[DEVICES];
	struct mapping at[PAGE_COUNT];
	bool absent[PAGE_COUNT]; /* memory, by VA */
	bool ready;
	bool open; /* the iommufd */
} run;

struct span {
	unsigned int iova, va, count;
};

static struct span
span_make(void)
{
	struct span span = { .iova = fuzz_below(&run.bytes, PAGE_COUNT) };
	const unsigned int how = fuzz_byte(&run.bytes);

	/* Most often the memory that fits a mapping that is there. */
	span.va = (how & 3) == 0 ? fuzz_below(&run.bytes, PAGE_COUNT) : span.iova;
	span.count = 1 + (how >> 4 & 7);
	if (span.count > PAGE_COUNT - span.iova)
		span.count = PAGE_COUNT - span.iova;
	if (span.count > PAGE_COUNT - span.va)
		span.count = PAGE_COUNT - span.va;
	return span;
}

/* The page at which the mapping of an IOVA page begins, or PAGE_COUNT. */
static unsigned int
start_of(unsigned int page)
{
	for (unsigned int i = 0; i <= page; i++)
		if (page < i + run.at[i].count)
			return i;
	return PAGE_COUNT;
}

static bool
is_reserved(unsigned int device, unsigned int first, unsigned int count)
{
	return first <= known[device].last && first + count > known[device].first;
}

/* What pinning it would give, with a further device or without (DEVICES). */
static int
pin_error(unsigned int first, const struct mapping *mapping, unsigned int also)
{
	for (unsigned int i = 0; i < DEVICES; i++)
		if ((run.devices[i] != NULL || i == also) && is_reserved(i, first, mapping->count))
			return -ERANGE;
	for (unsigned int i = 0; i < mapping->count; i++)
		if (run.absent[mapping->va + i])
			return -EFAULT;
	return 0;
}

/* Map or plan: the same memory again, or IOVAs that are free. */
static int
model_map(const struct span *span, bool plan)
{
	struct mapping *mapping = &run.at[span->iova];
	const struct mapping value = { span->count, span->va, 1, run.ready && !plan };
	const bool same = mapping->count == span->count && mapping->va == span->va;
	int ret = 0;

	for (unsigned int i = 0; i < span->count && !same; i++)
		if (start_of(span->iova + i) != PAGE_COUNT)
			return -EEXIST;
	if (same && plan)
		return 0;
	if (run.ready && !plan && !(same && mapping->pinned))
		ret = pin_error(span->iova, &value, DEVICES);
	if (ret < 0)
		return ret;
	if (same) {
		mapping->users++;
		mapping->pinned = mapping->pinned || run.ready;
	} else {
		*mapping = value;
	}
	return 0;
}

static void
step_map(bool plan)
{
	const struct span span = span_make();
	const int want = model_map(&span, plan);
	const void *va = FAKE_VA(span.va * FAKE_PAGE);
	const uint64_t iova = IOVA + span.iova * FAKE_PAGE, len = span.count * FAKE_PAGE;
	int ret;

	ret = plan ? rte_vfio_cdev_domain_plan(run.domain, va, iova, len, 0) :
		     rte_vfio_cdev_domain_map(run.domain, va, iova, len, 0);
	fuzz_note("%s IOVA %u, memory %u..%u: %d, should be %d\n", plan ? "plan" : "map", span.iova,
		  span.va, span.va + span.count - 1, ret, want);
	fuzz_require(ret == want);
}

/* Whole mappings of adjacent memory, from the first IOVA to the last. */
static int
model_unmap(const struct span *span)
{
	unsigned int page = span->iova, start;
	int ret = 0;

	while (page < span->iova + span->count) {
		start = start_of(page);
		if (start == PAGE_COUNT || (page != span->iova && start != page) ||
		    run.at[start].va + page - start != span->va + page - span->iova)
			return -ENOENT;
		if (start != page || start + run.at[start].count > span->iova + span->count)
			ret = -EOPNOTSUPP;
		page = start + run.at[start].count;
	}
	for (page = span->iova; ret == 0 && page < span->iova + span->count;) {
		start = page;
		page += run.at[start].count;
		if (--run.at[start].users == 0)
			run.at[start].count = 0;
	}
	return ret;
}

static void
step_unmap(void)
{
	const struct span span = span_make();
	const int want = model_unmap(&span);
	const int ret = rte_vfio_cdev_domain_unmap(run.domain, FAKE_VA(span.va * FAKE_PAGE),
						   IOVA + span.iova * FAKE_PAGE,
						   span.count * FAKE_PAGE);

	fuzz_note("unmap IOVA %u, memory %u..%u: %d, should be %d\n", span.iova, span.va,
		  span.va + span.count - 1, ret, want);
	fuzz_require(ret == want);
}

static unsigned int
device_count(void)
{
	return (run.devices[0] != NULL) + (run.devices[1] != NULL);
}

/* Pin all that is pending in the order of IOVAs, or nothing. */
static int
model_settle(unsigned int also)
{
	int ret = 0;

	for (unsigned int i = 0; i < PAGE_COUNT && ret == 0; i++)
		if (run.at[i].count != 0 && !run.at[i].pinned)
			ret = pin_error(i, &run.at[i], also);
	for (unsigned int i = 0; i < PAGE_COUNT && ret == 0; i++)
		run.at[i].pinned = run.at[i].count != 0;
	return ret;
}

static int
model_open(unsigned int device)
{
	for (unsigned int i = 0; i < PAGE_COUNT; i++)
		if (run.at[i].count != 0 && run.at[i].pinned &&
		    is_reserved(device, i, run.at[i].count))
			return -EADDRINUSE;
	return model_settle(device);
}

static void
step_open(void)
{
	static const enum fake_op faults[] = { FAKE_OPEN, FAKE_BIND, FAKE_ATTACH, FAKE_RANGES };
	const unsigned int i = fuzz_below(&run.bytes, DEVICES), fault = fuzz_byte(&run.bytes);
	int want, ret;

	if (run.devices[i] != NULL)
		return;
	want = -EIO;
	if (fault >= 16)
		want = model_open(i);
	else
		fake_fail(faults[fault % 4], 1, EIO);
	ret = rte_vfio_cdev_device_open(run.domain, &infos[i], NULL, &run.devices[i]);
	fake_fail(faults[fault % 4], 0, 0);
	fuzz_note("open %u, fault %u: %d, should be %d\n", i, fault, ret, want);
	/* The kernel reports a reserved IOVA before there are ranges to be read. */
	fuzz_require(ret == want || (fault % 4 == 3 && fault < 16 && ret == -EADDRINUSE));
	run.ready = device_count() != 0;
	run.open = run.ready;
}

static void
step_close(void)
{
	const unsigned int i = fuzz_below(&run.bytes, DEVICES);

	fuzz_note("close %u\n", i);
	rte_vfio_cdev_device_close(run.devices[i]);
	run.devices[i] = NULL;
	run.ready = device_count() != 0;
	for (unsigned int page = 0; page < PAGE_COUNT && !run.ready; page++)
		run.at[page].pinned = false;
}

static void
step_settle(void)
{
	const int want = run.ready ? model_settle(DEVICES) : -ENODEV;
	const int ret = rte_vfio_cdev_domain_settle(run.domain);

	fuzz_note("settle: %d, should be %d\n", ret, want);
	fuzz_require(ret == want);
}

/* Physical addresses are of no use to these devices. */
static void
step_address(void)
{
	const unsigned int page = fuzz_below(&run.bytes, PAGE_COUNT);
	struct rte_vfio_cdev_pin *pin = NULL;
	void *va = FAKE_VA(page * FAKE_PAGE);
	uint64_t phys = 1;

	fuzz_require(rte_vfio_cdev_domain_provide(run.domain, va, &phys) == -EOPNOTSUPP);
	fuzz_require(rte_vfio_cdev_domain_phys(run.domain, va, &phys) == -EOPNOTSUPP);
	fuzz_require(rte_vfio_cdev_domain_expect(run.domain, va, FAKE_PAGE) == -EOPNOTSUPP);
	fuzz_require(rte_vfio_cdev_domain_pin_page(run.domain, va, FAKE_PAGE, &phys) ==
		     -EOPNOTSUPP);
	fuzz_require(rte_vfio_cdev_domain_pin(run.domain, va, FAKE_PAGE, &pin) == -EOPNOTSUPP);
	fuzz_require(phys == 1 && pin == NULL);
}

static void
step_absent(void)
{
	const unsigned int page = fuzz_below(&run.bytes, PAGE_COUNT);

	run.absent[page] = !run.absent[page];
	fuzz_note("memory %u is %s\n", page, run.absent[page] ? "gone" : "there");
	if (run.absent[page])
		fake_page_remove(FAKE_VA(page * FAKE_PAGE));
	else
		fake_page_move(FAKE_VA(page * FAKE_PAGE), FAKE_PHYS(page * FAKE_PAGE));
}

static void
state_check(void)
{
	struct rte_vfio_cdev_stats stats;
	uint64_t pinned = 0, mappings = 0, pending = 0;

	for (unsigned int i = 0; i < PAGE_COUNT; i++) {
		const struct mapping *mapping = &run.at[i];

		if (mapping->count == 0)
			continue;
		fuzz_require(rte_vfio_cdev_domain_lookup(run.domain,
							 FAKE_VA(mapping->va * FAKE_PAGE),
							 IOVA + i * FAKE_PAGE,
							 mapping->count * FAKE_PAGE) == 0);
		mappings += mapping->pinned;
		pending += !mapping->pinned;
		pinned += mapping->pinned ? mapping->count : 0;
	}
	rte_vfio_cdev_domain_stats(run.domain, &stats);
	fuzz_require(stats.mappings == mappings && stats.pending == pending);
	fuzz_require(stats.bytes == pinned * FAKE_PAGE && stats.nodeless_bytes == stats.bytes);
	fuzz_require(stats.devices == device_count());
	fuzz_require(fake_holds().areas == mappings && fake_holds().pinned == pinned * FAKE_PAGE);
	fuzz_require(fake_holds().files == device_count() + run.open);
	fuzz_require(fake_bad_fds() == 0);
}

static void
run_start(const uint8_t *data, size_t size)
{
	if (ctx == NULL) {
		fake_sysfs_reset();
		fuzz_require(vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), fuzz_log, NULL,
						  &ctx) == 0);
		rte_vfio_cdev_ctx_set_level(ctx, RTE_VFIO_CDEV_LOG_INFO);
		ctx->proc = "/none/proc";
		for (unsigned int i = 0; i < DEVICES; i++) {
			fake_sysfs_add(known[i].addr, known[i].name, known[i].dev);
			fuzz_require(rte_vfio_cdev_find(ctx, fake_sysfs_base(), known[i].addr,
							&infos[i]) == 0);
		}
	}
	memset(&run, 0, sizeof(run));
	run.bytes = (struct fuzz_bytes){ data, data + size };
	fake_reset();
	for (unsigned int i = 0; i < DEVICES; i++) {
		struct fake_node *node = fake_node_add(i == 0 ? FAKE_CDEV("vfio0") :
								FAKE_CDEV("vfio1"),
						       FAKE_MAJOR, i);

		node->reserved[0].start = IOVA + known[i].first * FAKE_PAGE;
		node->reserved[0].last = IOVA + (known[i].last + 1) * FAKE_PAGE - 1;
	}
	fuzz_require(rte_vfio_cdev_domain_create(ctx, RTE_VFIO_CDEV_TRANSLATED, &run.domain) == 0);
}

static void
step(unsigned int which)
{
	switch (which % 16) {
	case 0:
		step_open();
		break;
	case 1:
		step_close();
		break;
	case 2:
		step_settle();
		break;
	case 3:
		step_address();
		break;
	case 4:
		step_absent();
		break;
	case 5:
	case 6:
		step_map(true);
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		step_unmap();
		break;
	default:
		step_map(false);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_begin();
	run_start(data, size);
	for (unsigned int i = 0; i < MOST_STEPS && run.bytes.at < run.bytes.end; i++) {
		step(fuzz_byte(&run.bytes));
		state_check();
	}
	for (unsigned int i = 0; i < DEVICES; i++)
		rte_vfio_cdev_device_close(run.devices[i]);
	fuzz_require(rte_vfio_cdev_domain_destroy(run.domain) == 0);
	fuzz_require(fake_holds().files == 0 && fake_holds().pinned == 0);
	return 0;
}
