/* SPDX-License-Identifier: BSD-3-Clause */

/* Between the files of the model. */

#ifndef MODEL_PRIVATE_H
#define MODEL_PRIVATE_H

#include "model.h"

struct model_pin
model_value(const struct model_span *span, enum model_kind kind);

struct model_pin *
model_add(struct model *model, const struct model_pin *value);

int
model_create(struct model *model, const struct model_pin *value);

int
model_take(struct model *model, struct model_pin *pin);

/* Is it for unmap()? Those of a rte_vfio_cdev_pin are not. */
bool
model_is_mapping(const struct model_pin *pin);

/* Can a caller tell two mappings of the same memory from each other? */
bool
model_differ(const struct model_pin *a, const struct model_pin *b);

int
model_fault(struct model *model);

uint64_t
model_at(const struct model *model, uint64_t phys, unsigned int pages);

bool
model_is_known(const struct model *model, const struct model_pin *pin);

#endif /* MODEL_PRIVATE_H */
