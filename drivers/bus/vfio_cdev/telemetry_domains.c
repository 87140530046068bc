/* SPDX-License-Identifier: BSD-3-Clause */

/* Mappings and counters of the DMA domains. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "telemetry.h"

#define DOMAINS_PAGE 4

/* The members of struct rte_vfio_cdev_stats under the names that they have in a reply. */
struct member {
	const char *name;
	size_t offset;
};

#define MEMBER(name, member) \
	{ \
		name, offsetof(struct rte_vfio_cdev_stats, member) \
	}
static const struct member holdings[] = {
	MEMBER("mappings", mappings),
	MEMBER("pages", pages_mapped),
	MEMBER("verified", pages_verified),
	MEMBER("bytes", bytes),
	MEMBER("pending", pending),
	MEMBER("provisional", provisional),
	MEMBER("provisional_bytes", provisional_bytes),
};
static const struct member counters[] = {
	MEMBER("maps", maps),	      MEMBER("unmaps", unmaps),
	MEMBER("verified", verified), MEMBER("misplaced", misplaced),
	MEMBER("refused", refused),   MEMBER("provisional", provisional),
	MEMBER("bytes", bytes),	      MEMBER("ioctls", ioctls),
	MEMBER("ioctl_ns", ioctl_ns),
};
#undef MEMBER

static uint64_t *
member_of(struct rte_vfio_cdev_stats *stats, const struct member *member)
{
	return (uint64_t *)(void *)((char *)stats + member->offset);
}

/* A copy of a domain's state. */
struct domain_state {
	struct domain_ref ref; /* not in use any more */
	struct rte_vfio_cdev_stats stats;
};

static void
holdings_add(struct rte_tel_data *dict, struct domain_state *state, struct telemetry_pool *pool)
{
	(void)pool;
	tel->add_string(dict, "mode", rte_vfio_cdev_mode_name(state->ref.mode));
	tel->add_int(dict, "iommufd", state->ref.iommufd);
	tel->add_uint(dict, "devices", state->stats.devices);
	for (size_t i = 0; i < RTE_DIM(holdings); i++)
		tel->add_uint(dict, holdings[i].name, *member_of(&state->stats, &holdings[i]));
}

/* Bytes of each node that has some. */
static void
nodes_add(struct rte_tel_data *reply, const struct rte_vfio_cdev_stats *stats,
	  struct rte_tel_data *nodes)
{
	bool empty = stats->nodeless_bytes == 0;
	char name[16];

	for (unsigned int i = 0; i < RTE_VFIO_CDEV_NODES; i++) {
		if (stats->node_bytes[i] == 0)
			continue;
		snprintf(name, sizeof(name), "%u", i);
		tel->add_uint(nodes, name, stats->node_bytes[i]);
		empty = false;
	}
	if (stats->nodeless_bytes != 0)
		tel->add_uint(nodes, "unknown", stats->nodeless_bytes);
	telemetry_add_container(reply, "nodes", nodes, empty);
}

static void
counters_add(struct rte_tel_data *dict, struct rte_vfio_cdev_stats *stats,
	     struct telemetry_pool *pool)
{
	for (size_t i = 0; i < RTE_DIM(counters); i++)
		tel->add_uint(dict, counters[i].name, *member_of(stats, &counters[i]));
	nodes_add(dict, stats, telemetry_pool_take(pool));
}

static void
counters_of_domain_add(struct rte_tel_data *dict, struct domain_state *state,
		       struct telemetry_pool *pool)
{
	counters_add(dict, &state->stats, pool);
}

static void
stats_sum(struct rte_vfio_cdev_stats *sum, struct rte_vfio_cdev_stats *stats)
{
	for (size_t i = 0; i < RTE_DIM(counters); i++)
		*member_of(sum, &counters[i]) += *member_of(stats, &counters[i]);
	for (unsigned int i = 0; i < RTE_VFIO_CDEV_NODES; i++)
		sum->node_bytes[i] += stats->node_bytes[i];
	sum->nodeless_bytes += stats->nodeless_bytes;
}

bool
telemetry_domain(const char *name, size_t len, unsigned int *n, struct domain_ref *ref)
{
	bool found = false;

	for (*n = 0; !found && domain_nth(*n, ref); *n += !found) {
		found = name == NULL ||
			(strlen(ref->name) == len && memcmp(ref->name, name, len) == 0);
		domain_put(ref);
	}
	return found;
}

/* A page of domains, the one after it if there is, and the sum of all. */
struct domains {
	struct domain_state states[DOMAINS_PAGE];
	unsigned int count; /* of states */
	unsigned int all;
	struct domain_ref next;
	bool more;
	struct rte_vfio_cdev_stats sum;
};

/* False: there is no domain of that name. */
static bool
domains_read(const char *start, struct domains *domains)
{
	struct domain_state state;
	unsigned int first;

	if (!telemetry_domain(start, start != NULL ? strlen(start) : 0, &first, &state.ref))
		return start == NULL;
	for (unsigned int n = 0; domain_nth(n, &state.ref); n++, domain_put(&state.ref)) {
		rte_vfio_cdev_domain_stats(state.ref.domain, &state.stats);
		stats_sum(&domains->sum, &state.stats);
		domains->all++;
		if (n >= first && n < first + DOMAINS_PAGE)
			domains->states[domains->count++] = state;
		domains->more |= n == first + DOMAINS_PAGE;
		if (n == first + DOMAINS_PAGE)
			domains->next = state.ref;
	}
	return true;
}

static void
domains_add(struct rte_tel_data *reply, struct domains *domains, struct telemetry_pool *pool,
	    void (*add)(struct rte_tel_data *dict, struct domain_state *state,
			struct telemetry_pool *pool))
{
	struct rte_tel_data *all = telemetry_pool_take(pool), *dict;

	for (unsigned int i = 0; i < domains->count; i++) {
		dict = telemetry_pool_take(pool);
		add(dict, &domains->states[i], pool);
		telemetry_add_container(all, domains->states[i].ref.name, dict, false);
	}
	telemetry_add_container(reply, "domains", all, domains->count == 0);
	if (domains->more)
		tel->add_string(reply, "next", domains->next.name);
}

static int
domains_reply(struct rte_tel_data *reply, struct domains *domains, bool count)
{
	struct telemetry_pool pool;

	/* One that has all, each one's, and of each and of the sum the nodes. */
	if (!telemetry_pool_fill(&pool, 2 + 2 * domains->count))
		return telemetry_error(reply, NO_MEMORY);
	telemetry_begin(reply);
	if (count)
		counters_add(reply, &domains->sum, &pool);
	else
		tel->add_uint(reply, "count", domains->all);
	domains_add(reply, domains, &pool, count ? counters_of_domain_add : holdings_add);
	telemetry_pool_drain(&pool);
	return 0;
}

static int
domains_command(const char *start, struct rte_tel_data *reply, bool count)
{
	struct domains *domains = calloc(1, sizeof(*domains));
	bool found;
	int ret;

	if (domains == NULL)
		return telemetry_error(reply, NO_MEMORY);
	found = domains_read(start, domains);
	ret = found ? domains_reply(reply, domains, count) : telemetry_error(reply, NO_DOMAIN);
	free(domains);
	return ret;
}

int
telemetry_domains(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	(void)cmd;
	return domains_command(params, reply, false);
}

int
telemetry_stats(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	(void)cmd;
	return domains_command(params, reply, true);
}
