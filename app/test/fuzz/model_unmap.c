/* SPDX-License-Identifier: BSD-3-Clause */

/* The reference model: unmapping, also of parts of mappings. */

#include <errno.h>
#include <stddef.h>

#include "model_private.h"
#include "rte_vfio_cdev.h"

static unsigned int
end_of(const struct model_pin *pin)
{
	return pin->first + pin->count;
}

/* Pages of a mapping outside the span. */
static unsigned int
outside(const struct model_pin *pin, const struct model_span *span)
{
	const unsigned int end = span->first + span->count;

	return (pin->first < span->first ? span->first - pin->first : 0) +
		(end_of(pin) > end ? end_of(pin) - end : 0);
}

/* Was it mapped at the address that the caller gives? */
static bool
is_requested(const struct model *model, const struct model_pin *pin, const struct model_span *span)
{
	if (span->iova == RTE_VFIO_CDEV_IOVA_ANY)
		return true;
	if (pin->phys == RTE_VFIO_CDEV_IOVA_ANY || (pin->any && pin->phys != span->iova))
		return false;
	return pin->phys - pin->first * model->page_size ==
		span->iova - span->first * model->page_size;
}

/*
 * The mapping that is to go from a page on: it begins there, or at the start of the span contains
 * the page. The one with the fewest pages outside. *several: two differ, and there is no telling
 * which goes.
 */
static struct model_pin *
mapping_at(struct model *model, const struct model_span *span, unsigned int at, bool *several)
{
	struct model_pin *best = NULL;

	for (struct model_pin *pin = model->pins; pin < model->pins + MODEL_PINS; pin++) {
		if (!model_is_mapping(pin) || pin->first > at || end_of(pin) <= at ||
		    (at != span->first && pin->first != at) || !is_requested(model, pin, span))
			continue;
		if (best != NULL && outside(pin, span) == outside(best, span))
			*several = *several || model_differ(pin, best);
		else if (best != NULL && outside(pin, span) > outside(best, span))
			continue;
		else
			*several = false;
		best = pin;
	}
	return best;
}

/* Whole pages only. */
static int
cut_error(const struct model_pin *pin, const struct model_span *span)
{
	const unsigned int end = span->first + span->count;

	if (pin->first < span->first && (span->first - pin->first) % pin->page != 0)
		return -EOPNOTSUPP;
	return end_of(pin) > end && (end - pin->first) % pin->page != 0 ? -EOPNOTSUPP : 0;
}

static struct model_pin
part_of(const struct model *model, const struct model_pin *pin, unsigned int off,
	unsigned int count, unsigned int users)
{
	struct model_pin part = *pin;

	part.first += off;
	part.origin += off;
	part.count = count;
	part.users = users;
	part.is_short = false;
	for (unsigned int i = 0; i < count; i++)
		part.frame[i] = pin->frame[off + i];
	if (pin->phys != RTE_VFIO_CDEV_IOVA_ANY)
		part.phys = pin->any ? part.frame[0] : model_at(model, pin->phys, off);
	return part;
}

/*
 * io_uring cannot copy a pin: what is at the VA now is pinned, and has to be the same memory
 * if its address was given.
 */
static int
part_again(struct model *model, struct model_pin *part)
{
	struct model_pin again = *part;
	int ret;

	if (!model->confirms && part->any && model->memory[part->first] == MODEL_ABSENT)
		return -EFAULT;
	ret = model_fault(model);
	if (ret < 0 || model->confirms)
		return ret;
	for (unsigned int i = 0; i < part->count; i++) {
		again.frame[i] = model->memory[part->first + i];
		if (again.frame[i] == MODEL_ABSENT)
			return -EFAULT;
		if (!part->any && i % part->page == 0 &&
		    again.frame[i] != model_at(model, part->phys, i))
			return -EADDRNOTAVAIL;
	}
	again.phys = again.frame[0];
	*part = again;
	return 0;
}

/* The parts of a mapping that stay, with the users that they keep. */
static int
parts_make(struct model *model, const struct model_pin *pin, const struct model_span *span,
	   struct model_pin parts[3], unsigned int *count)
{
	const unsigned int from = span->first > pin->first ? span->first - pin->first : 0;
	const unsigned int end = span->first + span->count;
	const unsigned int to = end < end_of(pin) ? end - pin->first : pin->count;
	int ret = 0;

	*count = 0;
	if (from > 0)
		parts[(*count)++] = part_of(model, pin, 0, from, pin->users);
	if (pin->users > 1)
		parts[(*count)++] = part_of(model, pin, from, to - from, pin->users - 1);
	if (to < pin->count)
		parts[(*count)++] = part_of(model, pin, to, pin->count - to, pin->users);
	for (unsigned int i = 0; i < *count && ret == 0; i++)
		if (pin->pinned)
			ret = part_again(model, &parts[i]);
	return ret;
}

static void
drop(struct model_pin *pin)
{
	if (--pin->users == 0)
		pin->kind = MODEL_FREE;
}

struct cut {
	struct model_pin *pin;
	struct model_pin parts[3];
	unsigned int count;
};

static void
cut_commit(struct model *model, const struct cut *cut)
{
	if (cut->pin == NULL)
		return;
	cut->pin->kind = MODEL_FREE;
	for (unsigned int i = 0; i < cut->count; i++)
		model_add(model, &cut->parts[i]);
}

/* All mappings of the span, in its order: their number, or an error. */
static int
span_mappings(struct model *model, const struct model_span *span,
	      struct model_pin *pins[MODEL_PAGES])
{
	unsigned int at = span->first, count = 0;
	bool several = false;
	int ret = 0;

	for (; at < span->first + span->count; at = end_of(pins[count++])) {
		pins[count] = mapping_at(model, span, at, &several);
		if (pins[count] == NULL)
			return -ENOENT;
		if (several)
			return -MODEL_ANY;
		if (ret == 0)
			ret = cut_error(pins[count], span);
	}
	return ret < 0 ? ret : (int)count;
}

int
model_unmap(struct model *model, const struct model_span *span)
{
	struct cut cuts[2] = { { .pin = NULL }, { .pin = NULL } };
	struct model_pin *pins[MODEL_PAGES] = { NULL };
	const int count = span_mappings(model, span, pins);
	int ret = 0;

	if (count < 0)
		return count == -MODEL_ANY ? MODEL_ANY : count;
	for (int i = 0; i < 2 && ret == 0; i++) {
		struct model_pin *pin = pins[i == 0 ? 0 : count - 1];

		if (outside(pin, span) == 0 || (i == 1 && count == 1))
			continue;
		cuts[i].pin = pin;
		ret = parts_make(model, pin, span, cuts[i].parts, &cuts[i].count);
	}
	/* To undo a part may fail then, too. */
	if (ret < 0)
		return model->unmap_fails ? MODEL_ANY : ret;
	if (model->unmap_fails)
		return count == 1 && pins[0]->pinned &&
				(cuts[0].pin != NULL || pins[0]->users == 1) ?
			-EIO :
			MODEL_ANY;
	for (int i = 0; i < count; i++)
		if (pins[i] != cuts[0].pin && pins[i] != cuts[1].pin)
			drop(pins[i]);
	cut_commit(model, &cuts[0]);
	cut_commit(model, &cuts[1]);
	return 0;
}

void
model_release(struct model *model, unsigned int owner)
{
	for (struct model_pin *pin = model->pins; pin < model->pins + MODEL_PINS; pin++)
		if (pin->kind == MODEL_MAPPING && pin->owner == owner)
			pin->kind = MODEL_FREE;
}
