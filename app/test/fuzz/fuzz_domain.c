/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Sequences of calls on a domain without an IOMMU, or one that io_uring pins, beside the
 * reference model (model.h). After each step: the same result, the same statistics, and the fake
 * kernel pins exactly the pages that the model says, as often.
 *
 *	invariant 1  an address that is given is that of a page which is pinned then
 *	invariant 2  a page that stays pinned according to the model does not move during the step,
 *	             although the kernel moves it between any two ioctls if it can
 *	invariant 3  an error of the kernel is returned, and nothing has changed then
 *	invariant 8  there are no more files than the iommufd and one for each device
 */

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fake_sysfs.h"
#include "fuzz.h"
#include "fuzz_domain.h"

/* Far from FAKE_PHYS() of any page, and from where a restless page goes. */
#define ELSEWHERE (UINT64_C(1) << 36)
#define MOST_MOVES 160 /* of the 256 that the fake remembers */

void *
run_va(unsigned int page)
{
	return FAKE_VA(page * FAKE_PAGE);
}

/* Some memory: base pages and hugepages are not mixed in a mapping of hugepages. */
struct model_span
run_span(struct run *run)
{
	struct model_span span = { .page = 1 };
	const unsigned int kind = fuzz_byte(&run->bytes);
	const struct model *model = &run->model;

	span.first = fuzz_below(&run->bytes, MODEL_PAGES);
	if ((kind & 1) != 0 && span.first >= MODEL_HUGE_FROM)
		span.page = MODEL_HUGE_PAGES;
	if ((kind & 6) != 0)
		span.first -= span.first % span.page;
	span.count = span.page * (1 + fuzz_below(&run->bytes, (kind & 8) != 0 ? 3 : 8));
	if (span.first + span.count > MODEL_PAGES)
		span.count = MODEL_PAGES - span.first;
	span.iova = RTE_VFIO_CDEV_IOVA_ANY;
	if ((kind & 0x30) == 0x10)
		span.iova = model->pins[fuzz_below(&run->bytes, MODEL_PINS)].phys;
	else if ((kind & 0x30) != 0)
		span.iova = model->memory[(kind & 0x30) == 0x20 ?
						  span.first :
						  fuzz_below(&run->bytes, MODEL_PAGES)];
	return span;
}

/* How often the model pins a page that was at a frame when it was pinned. */
static unsigned int
model_pins(const struct model *model, unsigned int page, uint64_t frame)
{
	const struct model_pin *pin;
	unsigned int count = 0;

	for (pin = model->pins; pin < model->pins + MODEL_PINS; pin++)
		count += pin->kind != MODEL_FREE && pin->pinned && page >= pin->origin &&
			page < pin->origin + (pin->is_short ? 1 : pin->count) &&
			pin->frame[page - pin->origin] == frame;
	return count;
}

/* Each page is pinned as often as the model says, and nothing else is. */
static void
pins_check(const struct run *run)
{
	const struct model *model = &run->model;
	uint64_t areas = 0, pages = 0;
	unsigned int length;

	for (const struct model_pin *pin = model->pins; pin < model->pins + MODEL_PINS; pin++) {
		if (pin->kind == MODEL_FREE || !pin->pinned)
			continue;
		length = pin->is_short ? 1 : pin->count;
		areas++;
		pages += length;
		for (unsigned int i = 0; i < length; i++)
			fuzz_require(fake_pins(run_va(pin->origin + i), pin->frame[i]) ==
				     model_pins(model, pin->origin + i, pin->frame[i]));
	}
	fuzz_require(fake_holds().areas == areas);
	fuzz_require(fake_holds().pinned == pages * FAKE_PAGE);
}

static void
stats_check(const struct run *run)
{
	struct rte_vfio_cdev_stats now, want = { 0 };
	const struct model *model = &run->model;

	for (const struct model_pin *pin = model->pins; pin < model->pins + MODEL_PINS; pin++) {
		if (pin->kind == MODEL_MAPPING && pin->pinned) {
			want.mappings++;
			want.pages_mapped += pin->count / pin->page;
			want.bytes += pin->count * FAKE_PAGE;
		}
		want.pending += pin->kind == MODEL_MAPPING && !pin->pinned;
		want.provisional += pin->kind == MODEL_PROVISIONAL;
		if (pin->kind > MODEL_MAPPING && pin->pinned)
			want.provisional_bytes += pin->count * FAKE_PAGE;
	}
	rte_vfio_cdev_domain_stats(run->domain, &now);
	fuzz_require(now.mappings == want.mappings);
	fuzz_require(now.pages_mapped == want.pages_mapped);
	fuzz_require(now.pages_verified == (model->confirms ? want.pages_mapped : 0));
	fuzz_require(now.bytes == want.bytes);
	for (unsigned int i = 0; i < RTE_VFIO_CDEV_NODES; i++)
		now.nodeless_bytes += now.node_bytes[i];
	fuzz_require(now.nodeless_bytes == want.bytes);
	fuzz_require(now.pending == want.pending);
	fuzz_require(now.provisional == want.provisional);
	fuzz_require(now.provisional_bytes == want.provisional_bytes);
	fuzz_require(now.devices == model->devices);
}

static void
files_check(const struct run *run)
{
	const struct model *model = &run->model;
	unsigned int files = model->ready ? 1 : 0;

	if (!model->confirms)
		files *= 2; /* io_uring and pagemap */
	fuzz_require(fake_holds().files == files + model->devices);
	fuzz_require(fake_bad_fds() == 0);
	fuzz_require(rte_vfio_cdev_domain_is_ready(run->domain) == model->ready);
}

/* Let the kernel move a page that the model has pinned before and after the step, if it can. */
static void
restless_set(struct run *run, const struct model *next, unsigned int page)
{
	const uint64_t frame = next->memory[page];

	if (frame == run->model.memory[page] && frame != MODEL_ABSENT &&
	    model_pins(&run->model, page, frame) != 0 && model_pins(next, page, frame) != 0)
		fake.restless = run_va(page);
}

bool
run_begin(struct run *run, const struct model *next, int want)
{
	if (want == MODEL_ANY) {
		fuzz_note("  skipped\n");
		return false;
	}
	if (run->model.unmap_fails)
		fake_fail(next->confirms ? FAKE_UNMAP : FAKE_RING_UNPIN, 1, EIO);
	else if (run->model.fault != 0)
		fake_fail(!next->confirms     ? FAKE_RING_PIN :
				  run->unmaps ? FAKE_COPY :
						FAKE_MAP,
			  run->model.fault, EIO);
	restless_set(run, next, fuzz_below(&run->bytes, MODEL_PAGES));
	run->moves = fake_moves();
	fuzz_errors();
	return true;
}

void
run_end(struct run *run, const struct model *next, int want, int ret)
{
	const unsigned int errors = fuzz_errors();

	fuzz_note("  %d, should be %d\n", ret, want);
	fuzz_require(ret == want);
	fuzz_require(ret == 0 || run->is_quiet || errors != 0);
	fuzz_require(fake_moves() == run->moves);
	run->model = *next;
}

/* The state after a step. */
static void
run_check(struct run *run)
{
	for (enum fake_op op = 0; op < FAKE_OPS; op++)
		fake_fail(op, 0, 0);
	fake.restless = NULL;
	run->model.fault = 0;
	run->model.unmap_fails = false;
	pins_check(run);
	stats_check(run);
	files_check(run);
}

/* Other memory at these pages, or none. The domain does not see it. */
static void
memory_set(struct run *run, unsigned int first, unsigned int count, bool absent)
{
	struct model *model = &run->model;
	uint64_t frame;

	for (unsigned int i = first; i < first + count; i++) {
		frame = ELSEWHERE + (uint64_t)run->next_frame * FAKE_PAGE;
		if (absent) {
			model->memory[i] = MODEL_ABSENT;
			fake_page_remove(run_va(i));
		} else {
			model->memory[i] = frame;
			fake_page_move(run_va(i), frame);
			run->next_frame++;
		}
	}
}

/* Whole pages of the memory. */
static void
whole_pages(unsigned int *first, unsigned int *count)
{
	const unsigned int size = model_page_at(*first), last = *first + *count - 1;
	const unsigned int size_last = model_page_at(last);

	*first -= *first % size;
	*count = last - last % size_last + size_last - *first;
}

void
step_replace(struct run *run)
{
	unsigned int first = fuzz_below(&run->bytes, MODEL_PAGES);
	unsigned int kind = fuzz_byte(&run->bytes), count = 1 + (kind >> 4 & 3);

	if (first + count > MODEL_PAGES)
		count = MODEL_PAGES - first;
	whole_pages(&first, &count);
	/* Hugepages are where hugepages can be; now and then not, which the kernel never does. */
	if ((kind & 7) != 0)
		run->next_frame = (run->next_frame + 3) & ~3U;
	fuzz_note("replace %u..%u%s\n", first, first + count - 1, (kind & 8) != 0 ? ": gone" : "");
	memory_set(run, first, count, (kind & 8) != 0);
}

/* munmap(2), with the hooks of the backend. */
void
step_gone(struct run *run)
{
	unsigned int first = fuzz_below(&run->bytes, MODEL_PAGES);
	unsigned int kind = fuzz_byte(&run->bytes), count = 1 + (kind >> 4 & 7);
	bool busy;

	if (first + count > MODEL_PAGES)
		count = MODEL_PAGES - first;
	whole_pages(&first, &count);
	fuzz_note("munmap %u..%u%s\n", first, first + count - 1, (kind & 1) != 0 ? ": fails" : "");
	busy = vfio_cdev_monitor_begin(run_va(first), count * FAKE_PAGE);
	if ((kind & 1) == 0) {
		memory_set(run, first, count, true);
		model_gone(&run->model, first, count);
	}
	if (busy)
		vfio_cdev_monitor_end(run_va(first), count * FAKE_PAGE,
				      (kind & 1) == 0 ? VFIO_CDEV_GONE : VFIO_CDEV_KEPT);
}

static void
memory_move(struct run *run, unsigned int from, unsigned int to, unsigned int count)
{
	struct model *model = &run->model;

	for (unsigned int i = 0; i < count; i++) {
		model->memory[to + i] = model->memory[from + i];
		if (model->memory[to + i] == MODEL_ABSENT)
			fake_page_remove(run_va(to + i));
		else
			fake_page_move(run_va(to + i), model->memory[to + i]);
	}
	memory_set(run, from, count, true);
}

/* mremap(2): base pages to base pages, a hugepage to a hugepage. */
void
step_move(struct run *run)
{
	unsigned int from = fuzz_below(&run->bytes, MODEL_PAGES);
	unsigned int to = fuzz_below(&run->bytes, MODEL_PAGES), size = model_page_at(from);
	bool busy;

	from -= from % size;
	to -= to % size;
	if (model_page_at(to) != size || from == to)
		return;
	fuzz_note("mremap %u to %u\n", from, to);
	busy = vfio_cdev_monitor_begin(NULL, 0);
	memory_move(run, from, to, size);
	model_moved(&run->model, from, to, size);
	if (busy) {
		vfio_cdev_monitor_moved(run_va(from), run_va(to), size * FAKE_PAGE);
		vfio_cdev_monitor_end(NULL, 0, VFIO_CDEV_KEPT);
	}
}

static void
run_start(struct run *run, const uint8_t *data, size_t size)
{
	const struct fake_vma huge = {
		.va = run_va(MODEL_HUGE_FROM),
		.len = (MODEL_PAGES - MODEL_HUGE_FROM) * FAKE_PAGE,
		.page_size = MODEL_HUGE_PAGES * FAKE_PAGE,
	};
	enum rte_vfio_cdev_mode mode;

	*run = (struct run){ .bytes = { data, data + size } };
	mode = fuzz_below(&run->bytes, 2) == 0 ? RTE_VFIO_CDEV_NOIOMMU : RTE_VFIO_CDEV_PIN_ONLY;
	run->model.confirms = mode == RTE_VFIO_CDEV_NOIOMMU;
	run->model.page_size = FAKE_PAGE;
	fake_reset();
	fake_vma_add(&huge);
	for (unsigned int i = 0; i < MODEL_PAGES; i++)
		run->model.memory[i] = fake_phys(run_va(i));
	fuzz_note("%s\n", rte_vfio_cdev_mode_name(mode));
	devices_start(run, mode);
}

/* Nothing is left in the kernel once the domain is destroyed. */
static void
run_finish(struct run *run)
{
	for (unsigned int i = 0; i < RUN_PINS; i++)
		if (run->pins[i].pin != NULL)
			fuzz_require(rte_vfio_cdev_pin_release(run->pins[i].pin) == 0);
	devices_finish(run);
	fuzz_require(fake_holds().files == 0);
	fuzz_require(fake_maps_opened() == 0);
	fuzz_require(fake_holds().areas == 0);
	fuzz_require(fake_holds().pinned == 0);
	fuzz_require(fake_bad_fds() == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const steps[])(struct run * run) = {
		step_map,    step_map,	    step_map,	step_unmap,   step_unmap,   step_unmap,
		step_plan,   step_pin_page, step_pin,	step_release, step_provide, step_provide,
		step_expect, step_keep,	    step_sweep, step_lookup,  step_open,    step_close,
		step_settle, step_replace,  step_gone,	step_move,
	};
	static struct run run;
	unsigned int step;

	fuzz_begin();
	run_start(&run, data, size);
	while (run.bytes.at < run.bytes.end && fake_moves() < MOST_MOVES &&
	       model_has_room(&run.model)) {
		step = fuzz_byte(&run.bytes);
		if ((step & 0x80) != 0)
			run.model.fault = 1 + (step >> 5 & 3);
		steps[(step & 0x1f) % (sizeof(steps) / sizeof(steps[0]))](&run);
		run_check(&run);
	}
	run_finish(&run);
	return 0;
}
