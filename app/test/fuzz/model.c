/* SPDX-License-Identifier: BSD-3-Clause */

/* The reference model: mappings. */

#include <errno.h>

#include "model_private.h"
#include "rte_vfio_cdev.h"

bool
model_has_room(const struct model *model)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < MODEL_PINS; i++)
		count += model->pins[i].kind == MODEL_FREE;
	return count >= 8;
}

unsigned int
model_page_at(unsigned int page)
{
	return page < MODEL_HUGE_FROM ? 1 : MODEL_HUGE_PAGES;
}

struct model_pin *
model_add(struct model *model, const struct model_pin *value)
{
	struct model_pin *pin = model->pins;

	while (pin->kind != MODEL_FREE)
		pin++;
	*pin = *value;
	return pin;
}

struct model_pin
model_value(const struct model_span *span, enum model_kind kind)
{
	return (struct model_pin){
		.kind = kind,
		.first = span->first,
		.count = span->count,
		.page = span->page,
		.users = 1,
		.any = span->iova == RTE_VFIO_CDEV_IOVA_ANY,
		.phys = span->iova,
	};
}

/* The address at an offset in pages from one that was given. */
uint64_t
model_at(const struct model *model, uint64_t phys, unsigned int pages)
{
	return phys + pages * model->page_size;
}

static bool
is_absent(const struct model *model, unsigned int first, unsigned int count)
{
	for (unsigned int i = first; i < first + count; i++)
		if (model->memory[i] == MODEL_ABSENT)
			return true;
	return false;
}

/* The fault of this step, if it is the turn of this pin. */
int
model_fault(struct model *model)
{
	return model->fault != 0 && --model->fault == 0 ? -EIO : 0;
}

/* Pin memory and compare its addresses, in the order of the pages. */
int
model_take(struct model *model, struct model_pin *pin)
{
	int ret = model_fault(model);

	if (ret < 0)
		return ret;
	if (is_absent(model, pin->first, pin->count))
		return -EFAULT;
	for (unsigned int i = 0; i < pin->count; i += pin->page) {
		if (!pin->any && model->memory[pin->first + i] != model_at(model, pin->phys, i))
			return -EADDRNOTAVAIL;
		if (pin->any && model->memory[pin->first + i] % (pin->page * model->page_size) != 0)
			return -EINVAL;
	}
	for (unsigned int i = 0; i < pin->count; i++)
		pin->frame[i] = model->memory[pin->first + i];
	pin->phys = pin->frame[0];
	pin->pinned = true;
	pin->origin = pin->first;
	pin->is_short = !model->confirms && pin->count > 1 && pin->count == pin->page;
	return 0;
}

/* A new one, which is pinned at once if it can be. */
int
model_create(struct model *model, const struct model_pin *value)
{
	struct model_pin *pin = model_add(model, value);
	int ret = model->ready ? model_take(model, pin) : 0;

	if (ret < 0)
		pin->kind = MODEL_FREE;
	return ret;
}

/* Is the address of each page known? */
bool
model_is_known(const struct model *model, const struct model_pin *pin)
{
	return model->confirms || !pin->any;
}

static bool
is_mapping_of(const struct model_pin *pin, const struct model_span *span)
{
	return model_is_mapping(pin) && pin->first == span->first && pin->count == span->count;
}

bool
model_is_mapping(const struct model_pin *pin)
{
	return pin->kind == MODEL_MAPPING && pin->owner == 0;
}

bool
model_differ(const struct model_pin *a, const struct model_pin *b)
{
	if (a->first != b->first || a->count != b->count || a->page != b->page ||
	    a->users != b->users || a->any != b->any || a->pinned != b->pinned ||
	    a->is_short != b->is_short || a->phys != b->phys || a->origin != b->origin)
		return true;
	for (unsigned int i = 0; a->pinned && i < a->count; i++)
		if (a->frame[i] != b->frame[i])
			return true;
	return false;
}

/* A mapping of exactly this memory, in pages of a size (0: any). MODEL_ANY: several that differ. */
static int
mapping_of(struct model *model, const struct model_span *span, unsigned int page,
	   struct model_pin **found)
{
	int ret = 0;

	*found = NULL;
	for (struct model_pin *pin = model->pins; pin < model->pins + MODEL_PINS; pin++) {
		if (!is_mapping_of(pin, span) || (page != 0 && pin->page != page))
			continue;
		if (*found != NULL && model_differ(pin, *found))
			ret = MODEL_ANY;
		*found = pin;
	}
	return ret;
}

/* The same for a call that maps, whose arguments may be wrong. */
static int
mapping_present(struct model *model, const struct model_span *span, struct model_pin **found)
{
	if (span->count == 0 || span->first % span->page != 0 || span->count % span->page != 0)
		return -EINVAL;
	return mapping_of(model, span, 0, found);
}

/* Is what is mapped the memory that is there now, at the address that is given now? */
static int
confirm(struct model *model, const struct model_pin *pin, uint64_t iova)
{
	int ret = model_fault(model);

	if (ret < 0)
		return ret;
	if (is_absent(model, pin->first, pin->count))
		return -EFAULT;
	for (unsigned int i = 0; i < pin->count; i += pin->page) {
		const uint64_t now = model->memory[pin->first + i];

		if (now != pin->frame[i])
			return -EADDRNOTAVAIL;
		if (iova != RTE_VFIO_CDEV_IOVA_ANY && now != model_at(model, iova, i))
			return -EADDRNOTAVAIL;
	}
	return 0;
}

/* A pending mapping gets the address, and is pinned if it can be. */
static int
adopt(struct model *model, struct model_pin *pin, const struct model_span *span)
{
	const struct model_pin before = *pin;
	int ret = 0;

	if (pin->any && span->iova != RTE_VFIO_CDEV_IOVA_ANY) {
		pin->any = false;
		pin->phys = span->iova;
	}
	if (model->ready)
		ret = model_take(model, pin);
	if (ret < 0)
		*pin = before;
	return ret;
}

static bool
agrees(const struct model_pin *pin, const struct model_span *span)
{
	return span->iova == RTE_VFIO_CDEV_IOVA_ANY || pin->phys == span->iova ||
		(pin->any && !pin->pinned);
}

static int
share(struct model *model, struct model_pin *pin, const struct model_span *span)
{
	int ret;

	if (!agrees(pin, span))
		return -EEXIST;
	ret = pin->pinned ? confirm(model, pin, span->iova) : adopt(model, pin, span);
	pin->users += ret == 0;
	return ret;
}

/* An ordinary mapping replaces provisional pins. */
static void
replace(struct model *model, unsigned int first, unsigned int count)
{
	for (struct model_pin *pin = model->pins; pin < model->pins + MODEL_PINS; pin++)
		if (pin->kind == MODEL_PROVISIONAL && pin->first >= first &&
		    pin->first + pin->count <= first + count)
			pin->kind = MODEL_FREE;
}

int
model_map(struct model *model, const struct model_span *span)
{
	const struct model_pin value = model_value(span, MODEL_MAPPING);
	struct model_pin *pin;
	int ret = mapping_present(model, span, &pin);

	if (ret != 0)
		return ret;
	if (pin == NULL || (pin->pinned && !model_is_known(model, pin)))
		ret = model_create(model, &value);
	else
		ret = share(model, pin, span);
	if (ret == 0 && model->ready)
		replace(model, span->first, span->count);
	return ret;
}

int
model_plan(struct model *model, const struct model_span *span)
{
	const struct model_pin value = model_value(span, MODEL_MAPPING);
	struct model_pin *pin;
	int ret = mapping_present(model, span, &pin);

	if (ret != 0)
		return ret;
	if (pin != NULL)
		return agrees(pin, span) ? 0 : -EEXIST;
	model_add(model, &value);
	return 0;
}

int
model_lookup(const struct model *model, const struct model_span *span)
{
	bool overlaps = false;

	for (const struct model_pin *pin = model->pins; pin < model->pins + MODEL_PINS; pin++) {
		if (is_mapping_of(pin, span) &&
		    (span->iova == RTE_VFIO_CDEV_IOVA_ANY || pin->phys == span->iova))
			return 0;
		overlaps = overlaps ||
			(model_is_mapping(pin) && pin->first < span->first + span->count &&
			 span->first < pin->first + pin->count);
	}
	return overlaps ? -EOPNOTSUPP : -ENOENT;
}

int
model_pin(struct model *model, const struct model_span *span, unsigned int owner)
{
	struct model_pin value = model_value(span, MODEL_MAPPING);

	value.owner = owner;
	return model->ready ? model_create(model, &value) : -ENODEV;
}

/* A mapping that has the page: 0, -EINVAL since it is no such page, or MODEL_ANY if both. */
static int
page_present(const struct model *model, const struct model_span *span, bool *present)
{
	const struct model_pin *pin;
	int ret = 0, one;

	*present = false;
	for (pin = model->pins; pin < model->pins + MODEL_PINS; pin++) {
		if (!model_is_mapping(pin) || !pin->pinned || !model_is_known(model, pin) ||
		    pin->first > span->first || span->first + span->count > pin->first + pin->count)
			continue;
		one = pin->frame[span->first - pin->first] % (span->page * model->page_size) == 0 ?
			0 :
			-EINVAL;
		ret = *present && one != ret ? MODEL_ANY : one;
		*present = true;
	}
	return ret;
}

int
model_pin_page(struct model *model, unsigned int first, unsigned int page)
{
	const struct model_span span = { first, page, page, RTE_VFIO_CDEV_IOVA_ANY };
	const struct model_pin value = model_value(&span, MODEL_MAPPING);
	struct model_pin *pin;
	bool present;
	int ret;

	if (!model->ready)
		return -ENODEV;
	ret = page_present(model, &span, &present);
	if (present)
		return ret;
	ret = mapping_of(model, &span, page, &pin);
	if (ret != 0)
		return ret;
	if (pin != NULL) {
		ret = pin->pinned ? 0 : model_take(model, pin);
	} else {
		pin = model_add(model, &value);
		ret = model_take(model, pin);
		if (ret < 0)
			pin->kind = MODEL_FREE;
	}
	if (ret < 0)
		return ret;
	pin->any = false;
	replace(model, first, page);
	return 0;
}
