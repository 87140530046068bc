/* SPDX-License-Identifier: BSD-3-Clause */

/* The steps of a run: each makes a call, on the model first. */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "fake_sysfs.h"
#include "fuzz_domain.h"

static struct rte_vfio_cdev_ctx *ctx;
static struct rte_vfio_cdev_info infos[RUN_DEVICES];

static void
span_note(const char *what, const struct run *run, const struct model_span *span)
{
	fuzz_note("%s %u..%u in pages of %u at 0x%" PRIx64 ", fault %u%s\n", what, span->first,
		  span->first + span->count - 1, span->page, span->iova, run->model.fault,
		  run->model.unmap_fails ? " of unmap" : "");
}

static void
memory_step(struct run *run, const char *what,
	    int (*model_call)(struct model *, const struct model_span *),
	    int (*call)(struct rte_vfio_cdev_domain *, const void *, uint64_t, uint64_t, uint64_t))
{
	const struct model_span span = run_span(run);
	struct model next = run->model;
	int want, ret;

	span_note(what, run, &span);
	if (span.iova == MODEL_ABSENT && span.iova != RTE_VFIO_CDEV_IOVA_ANY)
		return;
	want = model_call(&next, &span);
	if (!run_begin(run, &next, want))
		return;
	ret = call(run->domain, run_va(span.first), span.iova, span.count * FAKE_PAGE,
		   span.page * FAKE_PAGE);
	run_end(run, want < 0 ? &run->model : &next, want, ret);
}

void
step_map(struct run *run)
{
	memory_step(run, "map", model_map, rte_vfio_cdev_domain_map);
}

void
step_plan(struct run *run)
{
	memory_step(run, "plan", model_plan, rte_vfio_cdev_domain_plan);
}

void
step_unmap(struct run *run)
{
	struct model_span span = run_span(run);
	struct model next;
	int want, ret;

	span.page = 1;
	if (run->model.fault > 2) {
		run->model.unmap_fails = true;
		run->model.fault = 0;
	}
	span_note("unmap", run, &span);
	next = run->model;
	want = model_unmap(&next, &span);
	run->unmaps = true;
	if (run_begin(run, &next, want)) {
		ret = rte_vfio_cdev_domain_unmap(run->domain, run_va(span.first), span.iova,
						 span.count * FAKE_PAGE);
		run_end(run, want < 0 ? &run->model : &next, want, ret);
	}
	run->unmaps = false;
}

void
step_lookup(struct run *run)
{
	const struct model_span span = run_span(run);
	const int want = model_lookup(&run->model, &span);

	span_note("look up", run, &span);
	fuzz_require(rte_vfio_cdev_domain_lookup(run->domain, run_va(span.first), span.iova,
						 span.count * FAKE_PAGE) == want);
}

void
step_pin_page(struct run *run)
{
	unsigned int page = fuzz_below(&run->bytes, MODEL_PAGES), size = model_page_at(page);
	struct model next = run->model;
	uint64_t phys = 0;
	int want, ret;

	page -= page % size;
	fuzz_note("pin page %u, fault %u\n", page, run->model.fault);
	want = model_pin_page(&next, page, size);
	if (!run_begin(run, &next, want))
		return;
	ret = rte_vfio_cdev_domain_pin_page(run->domain, run_va(page), size * FAKE_PAGE, &phys);
	run_end(run, want < 0 ? &run->model : &next, want, ret);
	if (ret == 0)
		fuzz_require(fake_pins(run_va(page), phys) != 0);
}

/* The extents are the frames that the model has pinned. */
static void
extents_check(const struct run *run, const struct rte_vfio_cdev_pin *pin,
	      const struct model_span *span)
{
	const struct rte_vfio_cdev_extent *extents;
	unsigned int count = rte_vfio_cdev_pin_extents(pin, &extents), page = span->first;

	for (unsigned int i = 0; i < count; i++)
		for (uint64_t off = 0; off < extents[i].len; off += FAKE_PAGE, page++) {
			fuzz_require(page < span->first + span->count);
			fuzz_require(extents[i].iova + off == run->model.memory[page]);
			fuzz_require(fake_pins(run_va(page), extents[i].iova + off) != 0);
		}
	fuzz_require(page == span->first + span->count);
}

void
step_pin(struct run *run)
{
	struct model_span span = run_span(run);
	struct model next = run->model;
	unsigned int i = 0;
	int want, ret;

	span.page = 1;
	span.iova = RTE_VFIO_CDEV_IOVA_ANY;
	while (i < RUN_PINS && run->pins[i].pin != NULL)
		i++;
	if (i == RUN_PINS)
		return;
	span_note("pin", run, &span);
	want = model_pin(&next, &span, ++run->owners);
	if (!run_begin(run, &next, want))
		return;
	ret = rte_vfio_cdev_domain_pin(run->domain, run_va(span.first), span.count * FAKE_PAGE,
				       &run->pins[i].pin);
	run_end(run, want < 0 ? &run->model : &next, want, ret);
	run->pins[i].owner = run->owners;
	if (ret == 0)
		extents_check(run, run->pins[i].pin, &span);
}

void
step_release(struct run *run)
{
	const unsigned int i = fuzz_below(&run->bytes, RUN_PINS);
	struct model next = run->model;

	run->model.fault = 0;
	if (run->pins[i].pin == NULL)
		return;
	fuzz_note("release pin %u\n", run->pins[i].owner);
	model_release(&next, run->pins[i].owner);
	run_begin(run, &next, 0);
	run_end(run, &next, 0, rte_vfio_cdev_pin_release(run->pins[i].pin));
	run->pins[i].pin = NULL;
}

void
step_provide(struct run *run)
{
	const unsigned int page = fuzz_below(&run->bytes, MODEL_PAGES);
	struct model next = run->model;
	uint64_t phys = 0;
	int want, ret;

	fuzz_note("provide %u, fault %u\n", page, run->model.fault);
	want = model_provide(&next, page);
	if (!run_begin(run, &next, want))
		return;
	ret = rte_vfio_cdev_domain_provide(run->domain, (char *)run_va(page) + 5, &phys);
	run_end(run, &next, want, ret);
	if (ret == 0)
		fuzz_require(phys == run->model.memory[page] + 5);
}

void
step_expect(struct run *run)
{
	const unsigned int page = fuzz_below(&run->bytes, MODEL_PAGES);
	const unsigned int other = fuzz_byte(&run->bytes);
	struct model next = run->model;
	uint64_t phys;
	int want, ret;

	phys = next.memory[other < 0x40 ? other % MODEL_PAGES : page];
	if (phys == MODEL_ABSENT)
		return;
	fuzz_note("expect %u at 0x%" PRIx64 ", fault %u\n", page, phys, run->model.fault);
	want = model_expect(&next, page, phys);
	if (!run_begin(run, &next, want))
		return;
	ret = rte_vfio_cdev_domain_expect(run->domain, run_va(page), phys);
	run_end(run, &next, want, ret);
}

void
step_keep(struct run *run)
{
	const bool on = fuzz_below(&run->bytes, 2) != 0;

	fuzz_note("keep %d\n", on);
	model_keep(&run->model, on);
	rte_vfio_cdev_domain_keep_provisional(run->domain, on);
}

void
step_sweep(struct run *run)
{
	fuzz_note("sweep\n");
	model_sweep(&run->model);
	rte_vfio_cdev_domain_sweep(run->domain);
}

/* Attach a device, or without cdevs start the domain. */
void
step_open(struct run *run)
{
	const unsigned int i = fuzz_below(&run->bytes, RUN_DEVICES);
	const bool prime = fuzz_below(&run->bytes, 4) == 0;
	struct model next = run->model;
	int want, ret;

	if (run->devices[i] != NULL)
		return;
	fuzz_note("%s %u, fault %u\n", prime ? "prime" : "open", i, run->model.fault);
	want = model_settle(&next);
	next.devices += next.confirms && !prime && want == 0;
	if (!run_begin(run, &next, want))
		return;
	if (!next.confirms)
		ret = rte_vfio_cdev_domain_start(run->domain);
	else if (prime)
		ret = rte_vfio_cdev_domain_prime(run->domain, &infos[i], NULL);
	else
		ret = rte_vfio_cdev_device_open(run->domain, &infos[i], NULL, &run->devices[i]);
	run_end(run, &next, want, ret);
}

void
step_close(struct run *run)
{
	const unsigned int i = fuzz_below(&run->bytes, RUN_DEVICES);
	struct model next = run->model;

	run->model.fault = 0;
	if (run->devices[i] == NULL)
		return;
	fuzz_note("close %u\n", i);
	next.devices--;
	run_begin(run, &next, 0);
	rte_vfio_cdev_device_close(run->devices[i]);
	run->devices[i] = NULL;
	run_end(run, &next, 0, 0);
}

void
step_settle(struct run *run)
{
	struct model next = run->model;
	const int want = next.ready ? model_settle(&next) : -ENODEV;

	fuzz_note("settle, fault %u\n", run->model.fault);
	run->is_quiet = !next.ready;
	if (run_begin(run, &next, want))
		run_end(run, &next, want, rte_vfio_cdev_domain_settle(run->domain));
	run->is_quiet = false;
}

/* Both nodes; sysfs is made once, and never changes. */
void
devices_start(struct run *run, enum rte_vfio_cdev_mode mode)
{
	static const char *const addrs[RUN_DEVICES] = { "0000:00:03.0", "0000:00:04.0" };
	static const char *const names[RUN_DEVICES] = { "noiommu-vfio0", "noiommu-vfio1" };

	if (ctx == NULL) {
		fake_sysfs_reset();
		fake_sysfs_add(addrs[0], names[0], "510:0\n");
		fake_sysfs_add(addrs[1], names[1], "510:1\n");
		fuzz_require(vfio_cdev_ctx_create(&fake_sys, fake_sysfs_root(), fuzz_log, NULL,
						  &ctx) == 0);
		rte_vfio_cdev_ctx_set_level(ctx, RTE_VFIO_CDEV_LOG_INFO);
		/* Not all of this machine's processes. */
		ctx->proc = "/none/proc";
		for (unsigned int i = 0; i < RUN_DEVICES; i++)
			fuzz_require(rte_vfio_cdev_find(ctx, fake_sysfs_base(), addrs[i],
							&infos[i]) == 0);
	}
	fake_node_add(FAKE_CDEV("noiommu-vfio0"), FAKE_MAJOR, 0);
	fake_node_add(FAKE_CDEV("noiommu-vfio1"), FAKE_MAJOR, 1);
	fuzz_require(rte_vfio_cdev_domain_create(ctx, mode, &run->domain) == 0);
}

void
devices_finish(struct run *run)
{
	for (unsigned int i = 0; i < RUN_DEVICES; i++)
		rte_vfio_cdev_device_close(run->devices[i]);
	fuzz_require(rte_vfio_cdev_domain_destroy(run->domain) == 0);
}
