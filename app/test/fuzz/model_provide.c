/* SPDX-License-Identifier: BSD-3-Clause */

/* The reference model: provisional pins, and devices. */

#include <errno.h>
#include <stddef.h>

#include "model_private.h"
#include "rte_vfio_cdev.h"

#define FOREACH_PIN(pin, model) \
	for ((pin) = (model)->pins; (pin) < (model)->pins + MODEL_PINS; (pin)++)

static bool
overlaps(const struct model_pin *pin, unsigned int first, unsigned int count)
{
	return pin->first < first + count && first < pin->first + pin->count;
}

static bool
contains(const struct model_pin *pin, unsigned int first, unsigned int count)
{
	return pin->first <= first && first + count <= pin->first + pin->count;
}

/* Its memory is gone: a program that is to keep such pins has the page elsewhere. */
static void
lose(struct model *model, struct model_pin *pin)
{
	pin->kind = pin->pinned && model->keep ? MODEL_ORPHAN : MODEL_FREE;
}

/* Does a mapping have these pages, at this address? */
static bool
is_mapped(const struct model *model, unsigned int first, unsigned int count, uint64_t phys)
{
	const struct model_pin *pin;

	FOREACH_PIN(pin, model)
	if (model_is_mapping(pin) && pin->pinned && model_is_known(model, pin) &&
	    contains(pin, first, count) && pin->frame[first - pin->first] == phys)
		return true;
	return false;
}

/* Is the page in place already? Provisional pins of other memory at its VA end. */
static bool
is_in_place(struct model *model, unsigned int page)
{
	struct model_pin *pin;
	bool is = false;

	FOREACH_PIN(pin, model)
	{
		if (pin->kind != MODEL_PROVISIONAL || !overlaps(pin, page, 1))
			continue;
		if (pin->pinned && pin->frame[page - pin->first] == model->memory[page])
			is = true;
		else
			lose(model, pin);
	}
	return is || is_mapped(model, page, 1, model->memory[page]);
}

static struct model_pin
provisional_of(unsigned int page)
{
	const unsigned int size = model_page_at(page);
	const struct model_span span = { page - page % size, size, size, RTE_VFIO_CDEV_IOVA_ANY };

	return model_value(&span, MODEL_PROVISIONAL);
}

/* The kernel is asked for the page first if something at its VA is pinned. */
static bool
is_asked(const struct model *model, unsigned int page)
{
	const struct model_pin *pin;

	FOREACH_PIN(pin, model)
	if ((pin->kind == MODEL_PROVISIONAL && overlaps(pin, page, 1)) ||
	    (model_is_mapping(pin) && pin->pinned && contains(pin, page, 1)))
		return true;
	return false;
}

int
model_provide(struct model *model, unsigned int page)
{
	struct model_pin value = provisional_of(page), *pin;
	int ret = 0;

	if (!model->ready)
		return -ENODEV;
	if (is_asked(model, page))
		ret = model_fault(model);
	if (ret < 0)
		return ret;
	if (is_in_place(model, page))
		return 0;
	pin = model_add(model, &value);
	ret = model_take(model, pin);
	if (ret < 0)
		pin->kind = MODEL_FREE;
	pin->any = false;
	return ret;
}

/* Of several addresses of a page the first one counts. */
int
model_expect(struct model *model, unsigned int page, uint64_t phys)
{
	struct model_pin value = provisional_of(page), *pin;
	int ret;

	if (model->ready) {
		ret = model_provide(model, page);
		return ret == 0 && model->memory[page] != phys ? -EADDRNOTAVAIL : ret;
	}
	FOREACH_PIN(pin, model)
	if (pin->kind == MODEL_PROVISIONAL && overlaps(pin, value.first, value.count))
		return 0;
	value.any = false;
	value.phys = phys - (page - value.first) * model->page_size;
	model_add(model, &value);
	return 0;
}

void
model_keep(struct model *model, bool on)
{
	struct model_pin *pin;

	model->keep = on;
	FOREACH_PIN(pin, model)
	if (!on && pin->kind == MODEL_ORPHAN)
		pin->kind = MODEL_FREE;
}

void
model_sweep(struct model *model)
{
	struct model_pin *pin;
	uint64_t now;

	FOREACH_PIN(pin, model)
	{
		now = model->memory[pin->first];
		if (pin->kind == MODEL_PROVISIONAL &&
		    (now == MODEL_ABSENT || (pin->pinned && now != pin->frame[0])))
			lose(model, pin);
	}
}

void
model_gone(struct model *model, unsigned int first, unsigned int count)
{
	struct model_pin *pin;

	FOREACH_PIN(pin, model)
	if (pin->kind == MODEL_PROVISIONAL && overlaps(pin, first, count))
		lose(model, pin);
}

void
model_moved(struct model *model, unsigned int from, unsigned int to, unsigned int count)
{
	struct model_pin *pin;

	model_gone(model, to, count);
	FOREACH_PIN(pin, model)
	if (pin->kind == MODEL_PROVISIONAL && overlaps(pin, from, count))
		pin->first += to - from;
}

/* The pending pin of a kind that begins first, from a page on. */
static struct model_pin *
pending_next(struct model *model, enum model_kind kind)
{
	struct model_pin *pin, *next = NULL;

	FOREACH_PIN(pin, model)
	if (pin->kind == kind && !pin->pinned && (next == NULL || pin->first < next->first))
		next = pin;
	return next;
}

/* Pin all of a kind: 0, or the first error, with those that were pinned in *done. */
static int
kind_settle(struct model *model, enum model_kind kind, bool done[MODEL_PINS])
{
	struct model_pin *pin;
	int ret = 0;

	while (ret == 0 && (pin = pending_next(model, kind)) != NULL) {
		if (kind == MODEL_PROVISIONAL && model->memory[pin->first] == MODEL_ABSENT) {
			lose(model, pin);
			continue;
		}
		ret = model_take(model, pin);
		done[pin - model->pins] = ret == 0;
	}
	return ret;
}

/* Do two begin at the same page? There is no telling which one is pinned first. */
static bool
is_ambiguous(const struct model *model)
{
	const struct model_pin *pin, *other;

	FOREACH_PIN(pin, model)
	FOREACH_PIN(other, model)
	if (pin < other && pin->kind == MODEL_MAPPING && !pin->pinned &&
	    other->kind == MODEL_MAPPING && !other->pinned && pin->first == other->first)
		return true;
	return false;
}

/* All or none. Then mappings replace provisional pins. */
int
model_settle(struct model *model)
{
	const bool ambiguous = is_ambiguous(model);
	bool done[MODEL_PINS] = { false };
	struct model_pin *pin;
	int ret = kind_settle(model, MODEL_MAPPING, done);

	if (ret == 0)
		ret = kind_settle(model, MODEL_PROVISIONAL, done);
	if (ret < 0) {
		FOREACH_PIN(pin, model)
		{
			if (!done[pin - model->pins])
				continue;
			pin->pinned = false;
			if (pin->any)
				pin->phys = RTE_VFIO_CDEV_IOVA_ANY;
		}
		return ambiguous ? MODEL_ANY : ret;
	}
	FOREACH_PIN(pin, model)
	if (pin->kind == MODEL_PROVISIONAL &&
	    is_mapped(model, pin->first, pin->count, pin->frame[0]))
		pin->kind = MODEL_FREE;
	model->ready = true;
	return 0;
}
