/* SPDX-License-Identifier: BSD-3-Clause */

#include <inttypes.h>
#include <stdio.h>

#include "eal_api.h"
#include "telemetry.h"

const struct telemetry_api *tel;

int
telemetry_begin(struct rte_tel_data *reply)
{
	tel->start_dict(reply);
	return tel->add_string(reply, "process",
			       eal_api()->process_type() == RTE_PROC_PRIMARY ? "primary" :
									       "secondary");
}

int
telemetry_error(struct rte_tel_data *reply, const char *text)
{
	tel->start_dict(reply);
	return tel->add_string(reply, "error", text);
}

void
telemetry_add_hex(struct rte_tel_data *dict, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	tel->add_string(dict, name, text);
}

void
telemetry_pool_drain(struct telemetry_pool *pool)
{
	while (pool->left > 0)
		tel->free(pool->dicts[--pool->left]);
}

bool
telemetry_pool_fill(struct telemetry_pool *pool, unsigned int count)
{
	struct rte_tel_data *dict;

	for (pool->left = 0; pool->left < count; pool->dicts[pool->left++] = dict) {
		dict = tel->alloc();
		if (dict == NULL) {
			telemetry_pool_drain(pool);
			return false;
		}
		tel->start_dict(dict);
	}
	return true;
}

struct rte_tel_data *
telemetry_pool_take(struct telemetry_pool *pool)
{
	return pool->dicts[--pool->left];
}

void
telemetry_add_container(struct rte_tel_data *reply, const char *name,
			struct rte_tel_data *container, bool empty)
{
	if (empty || tel->add_container(reply, name, container, 0) != 0)
		tel->free(container);
}
