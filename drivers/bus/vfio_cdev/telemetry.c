/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The answers under /vfio_cdev/: doc/telemetry.rst describes them. Callbacks come on
 * a thread of the EAL's for each client (lib/telemetry/telemetry.c), at any time from
 * rte_eal_init() on. backend_lock is held while what is told is copied, and the
 * answer made of it afterwards.
 *
 * An answer of more than 16 KiB the EAL cuts without a word, and it cannot make an
 * array of dictionaries: lists are dictionaries, of no more entries than fit.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define DEVICES_MOST 128u
#define NO_MEMORY "memory is short: try again"
#define NO_DOMAIN "no such domain: see /vfio_cdev/domains"
#define SECONDARIES_MOST 32
#define DOMAINS_PAGE 4
#define MAPPINGS_PAGE 64

static const struct telemetry_api *tel;	/* constant after telemetry_start() */

static int
reply_start(struct rte_tel_data *reply)
{
	tel->start_dict(reply);
	return tel->add_string(reply, "process",
			       eal_api()->process_type() == RTE_PROC_PRIMARY ? "primary" :
			       "secondary");
}

/* What the client sent is not repeated: not all of it is fit for the EAL's JSON. */
static int
error_reply(struct rte_tel_data *reply, const char *text)
{
	tel->start_dict(reply);
	return tel->add_string(reply, "error", text);
}

static void
hex_add(struct rte_tel_data *dict, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	tel->add_string(dict, name, text);
}

/*
 * All dictionaries of an answer, got before it is begun: it is complete or an error, and
 * nothing has to be taken out of it again, which cannot be done.
 */
struct pool {
	struct rte_tel_data *dicts[MAPPINGS_PAGE + 1];
	unsigned int left;
};

static void
pool_drain(struct pool *pool)
{
	while (pool->left > 0)
		tel->free(pool->dicts[--pool->left]);
}

static bool
pool_fill(struct pool *pool, unsigned int count)
{
	struct rte_tel_data *dict;

	for (pool->left = 0; pool->left < count; pool->dicts[pool->left++] = dict) {
		dict = tel->alloc();
		if (dict == NULL) {
			pool_drain(pool);
			return false;
		}
		tel->start_dict(dict);
	}
	return true;
}

static struct rte_tel_data *
pool_take(struct pool *pool)
{
	return pool->dicts[--pool->left];
}

/* It is the reply's from now on. An empty one would be an array in 22.11: leave it out. */
static void
container_add(struct rte_tel_data *reply, const char *name, struct rte_tel_data *container,
	      bool empty)
{
	if (empty || tel->add_container(reply, name, container, 0) != 0)
		tel->free(container);
}

static int
devices_reply(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	struct device_state devices[DEVICES_MOST];
	struct rte_tel_data *names = tel->alloc();
	unsigned int count;

	(void)cmd;
	(void)params;
	if (names == NULL)
		return error_reply(reply, NO_MEMORY);
	pthread_mutex_lock(&backend_lock);
	count = device_list(devices, DEVICES_MOST);
	pthread_mutex_unlock(&backend_lock);
	reply_start(reply);
	tel->add_uint(reply, "count", count);
	tel->start_array(names, RTE_TEL_STRING_VAL);
	for (unsigned int i = 0; i < RTE_MIN(count, DEVICES_MOST); i++)
		tel->add_array_string(names, devices[i].info.addr);
	container_add(reply, "devices", names, false);
	return 0;
}

static const char *
domain_name(const struct rte_vfio_cdev_domain *domain, struct domain_ref *ref)
{
	for (unsigned int n = 0; domain != NULL && domain_nth(n, ref); n++)
		if (ref->domain == domain)
			return ref->name;
	return "none";
}

static int
device_reply(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	unsigned char token[VF_TOKEN_LEN];
	struct device_state dev;
	struct domain_ref ref;
	const char *domain;
	bool found;

	(void)cmd;
	if (params == NULL)
		return error_reply(reply, "give an address: /vfio_cdev/device,0000:00:03.0");
	pthread_mutex_lock(&backend_lock);
	found = device_get(params, &dev);
	domain = domain_name(found ? dev.domain : NULL, &ref);
	pthread_mutex_unlock(&backend_lock);
	if (!found)
		return error_reply(reply, "this process has set up no such device over a cdev: see "
				   "/vfio_cdev/devices");
	reply_start(reply);
	tel->add_string(reply, "address", dev.info.addr);
	tel->add_string(reply, "cdev", dev.info.name);
	tel->add_string(reply, "mode", rte_vfio_cdev_mode_name(dev.info.mode));
	tel->add_int(reply, "numa_node", dev.info.numa_node);
	tel->add_int(reply, "group", dev.group);
	tel->add_int(reply, "fd", dev.fd);
	tel->add_string(reply, "domain", domain);
	return tel->add_int(reply, "token", vf_token(token) != NULL);
}

/* The members of struct rte_vfio_cdev_stats under the names that they have in a reply. */
struct member {
	const char *name;
	size_t offset;
};

#define MEMBER(name, member) { name, offsetof(struct rte_vfio_cdev_stats, member) }
static const struct member holdings[] = {
	MEMBER("mappings", mappings),
	MEMBER("pages", pages_mapped),
	MEMBER("verified", pages_verified),
	MEMBER("bytes", bytes),
	MEMBER("pending", pending),
	MEMBER("provisional", held),
};
static const struct member counters[] = {
	MEMBER("maps", maps),
	MEMBER("unmaps", unmaps),
	MEMBER("verified", verified),
	MEMBER("misplaced", misplaced),
	MEMBER("refused", refused),
	MEMBER("provisional", held),
	MEMBER("bytes", bytes),
	MEMBER("ioctls", ioctls),
	MEMBER("ioctl_ns", ioctl_ns),
};
#undef MEMBER

static uint64_t *
member_of(struct rte_vfio_cdev_stats *stats, const struct member *member)
{
	return (uint64_t *)(void *)((char *)stats + member->offset);
}

/* A domain as it was for a moment. */
struct domain_state {
	struct domain_ref ref;	/* its domain may be gone */
	int iommufd;
	struct rte_vfio_cdev_stats stats;
};

static void
holdings_add(struct rte_tel_data *dict, struct domain_state *state, struct pool *pool)
{
	(void)pool;
	tel->add_string(dict, "mode", rte_vfio_cdev_mode_name(state->ref.mode));
	tel->add_int(dict, "iommufd", state->iommufd);
	tel->add_uint(dict, "devices", state->stats.devices);
	for (size_t i = 0; i < RTE_DIM(holdings); i++)
		tel->add_uint(dict, holdings[i].name, *member_of(&state->stats, &holdings[i]));
}

/* Of each node that has some. */
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
	container_add(reply, "nodes", nodes, empty);
}

static void
counters_add(struct rte_tel_data *dict, struct rte_vfio_cdev_stats *stats, struct pool *pool)
{
	for (size_t i = 0; i < RTE_DIM(counters); i++)
		tel->add_uint(dict, counters[i].name, *member_of(stats, &counters[i]));
	nodes_add(dict, stats, pool_take(pool));
}

static void
counters_of_domain_add(struct rte_tel_data *dict, struct domain_state *state, struct pool *pool)
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

/* The domain of a name, the first one for NULL; false if there is none. backend_lock is held. */
static bool
domain_of_name(const char *name, size_t len, unsigned int *n, struct domain_ref *ref)
{
	for (*n = 0; domain_nth(*n, ref); (*n)++)
		if (name == NULL || (strlen(ref->name) == len && memcmp(ref->name, name, len) == 0))
			return true;
	return false;
}

/* A page of domains, the one after it if there is, and the sum of all. */
struct domains {
	struct domain_state states[DOMAINS_PAGE];
	unsigned int count;	/* of states */
	unsigned int all;
	struct domain_ref next;
	bool more;
	struct rte_vfio_cdev_stats sum;
};

/* backend_lock is held. False: there is no domain of that name. */
static bool
domains_read(const char *start, struct domains *domains)
{
	struct domain_state state;
	unsigned int first;

	memset(domains, 0, sizeof(*domains));
	if (!domain_of_name(start, start != NULL ? strlen(start) : 0, &first, &state.ref))
		return start == NULL;
	for (unsigned int n = 0; domain_nth(n, &state.ref); n++) {
		rte_vfio_cdev_domain_stats(state.ref.domain, &state.stats);
		state.iommufd = rte_vfio_cdev_domain_fd(state.ref.domain);
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
domains_add(struct rte_tel_data *reply, struct domains *domains, struct pool *pool,
	    void (*add)(struct rte_tel_data *dict, struct domain_state *state, struct pool *pool))
{
	struct rte_tel_data *all = pool_take(pool), *dict;

	for (unsigned int i = 0; i < domains->count; i++) {
		dict = pool_take(pool);
		add(dict, &domains->states[i], pool);
		container_add(all, domains->states[i].ref.name, dict, false);
	}
	container_add(reply, "domains", all, domains->count == 0);
	if (domains->more)
		tel->add_string(reply, "next", domains->next.name);
}

static int
domains_tell(struct rte_tel_data *reply, struct domains *domains, bool count)
{
	struct pool pool;

	/* One that has all, each one's, and of each and of the sum the nodes. */
	if (!pool_fill(&pool, 2 + 2 * domains->count))
		return error_reply(reply, NO_MEMORY);
	reply_start(reply);
	if (count)
		counters_add(reply, &domains->sum, &pool);
	else
		tel->add_uint(reply, "count", domains->all);
	domains_add(reply, domains, &pool, count ? counters_of_domain_add : holdings_add);
	pool_drain(&pool);
	return 0;
}

static int
domains_reply_from(const char *start, struct rte_tel_data *reply, bool count)
{
	struct domains *domains = malloc(sizeof(*domains));
	bool found;
	int ret;

	if (domains == NULL)
		return error_reply(reply, NO_MEMORY);
	pthread_mutex_lock(&backend_lock);
	found = domains_read(start, domains);
	pthread_mutex_unlock(&backend_lock);
	ret = found ? domains_tell(reply, domains, count) : error_reply(reply, NO_DOMAIN);
	free(domains);
	return ret;
}

static int
domains_reply(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	(void)cmd;
	return domains_reply_from(params, reply, false);
}

static int
stats_reply(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	(void)cmd;
	return domains_reply_from(params, reply, true);
}

/* A page of mappings, and where the next one begins. */
struct mappings {
	struct domain_ref ref;
	struct rte_vfio_cdev_stats stats;
	struct rte_vfio_cdev_mapping mappings[MAPPINGS_PAGE + 1];
	unsigned int count;
	bool more;
	struct domain_ref next;
	uint64_t next_iova;
};

/* [<domain>:]<IOVA>; the domain is the first one if it is left out. */
static int
start_parse(const char *params, const char **name, size_t *len, uint64_t *iova)
{
	const char *colon = strchr(params, ':');
	const char *number = colon != NULL ? colon + 1 : params;
	char *end;

	*name = colon != NULL ? params : NULL;
	*len = colon != NULL ? (size_t)(colon - params) : 0;
	if (*number < '0' || *number > '9')
		return -EINVAL;
	errno = 0;
	*iova = strtoull(number, &end, 0);
	return *end == '\0' && errno == 0 ? 0 : -EINVAL;
}

/* From the nth domain on, the first one that has some there. backend_lock is held. */
static void
mappings_read(unsigned int n, uint64_t start, struct mappings *page)
{
	const struct rte_vfio_cdev_mapping *beyond = &page->mappings[MAPPINGS_PAGE];

	for (; domain_nth(n, &page->ref); n++, start = 0) {
		page->count = rte_vfio_cdev_domain_mappings(page->ref.domain, start, page->mappings,
							    MAPPINGS_PAGE + 1);
		if (page->count != 0)
			break;
	}
	if (page->count == 0)
		return;
	rte_vfio_cdev_domain_stats(page->ref.domain, &page->stats);
	page->next = page->ref;
	page->next_iova = beyond->iova;
	page->more = page->count > MAPPINGS_PAGE;
	if (page->more) {
		page->count = MAPPINGS_PAGE;
	} else {
		page->more = domain_nth(n + 1, &page->next);
		page->next_iova = 0;
	}
}

static void
mapping_add(struct rte_tel_data *dict, const struct rte_vfio_cdev_mapping *mapping)
{
	static const char *const states[] = {
		[RTE_VFIO_CDEV_PINNED] = "pinned",
		[RTE_VFIO_CDEV_PENDING] = "pending",
		[RTE_VFIO_CDEV_BAR] = "bar",
	};

	hex_add(dict, "va", mapping->va);
	hex_add(dict, "iova", mapping->iova);
	tel->add_uint(dict, "length", mapping->len);
	tel->add_uint(dict, "page_size", mapping->page_size);
	tel->add_uint(dict, "users", mapping->users);
	tel->add_string(dict, "state", states[mapping->state]);
	if (mapping->err == 0) {
		hex_add(dict, "kernel", mapping->first_phys);
		hex_add(dict, "kernel_last", mapping->last_phys);
	} else if (mapping->err != -ENODATA) {
		tel->add_string(dict, "kernel_error", strerror(-mapping->err));
	}
}

/* A mapping is found by its IOVA. */
static int
mappings_tell(struct rte_tel_data *reply, const struct mappings *page)
{
	char text[DOMAIN_NAME_LEN + 24];
	struct rte_tel_data *all, *dict;
	struct pool pool;

	if (!pool_fill(&pool, 1 + page->count))
		return error_reply(reply, NO_MEMORY);
	reply_start(reply);
	if (page->count != 0)
		tel->add_string(reply, "domain", page->ref.name);
	tel->add_uint(reply, "count", page->stats.mappings + page->stats.pending);
	all = pool_take(&pool);
	for (unsigned int i = 0; i < page->count; i++) {
		dict = pool_take(&pool);
		mapping_add(dict, &page->mappings[i]);
		snprintf(text, sizeof(text), "0x%" PRIx64, page->mappings[i].iova);
		container_add(all, text, dict, false);
	}
	container_add(reply, "mappings", all, page->count == 0);
	if (!page->more)
		return 0;
	snprintf(text, sizeof(text), "%s:0x%" PRIx64, page->next.name, page->next_iova);
	return tel->add_string(reply, "next", text);
}

static int
mappings_reply(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	const char *name = NULL;
	struct mappings *page;
	uint64_t start = 0;
	size_t len = 0;
	unsigned int n;
	bool found;
	int ret;

	(void)cmd;
	if (params != NULL && start_parse(params, &name, &len, &start) < 0)
		return error_reply(reply, "no IOVA: give what \"next\" was, an IOVA "
				   "(0x1c0000000), or nothing");
	page = calloc(1, sizeof(*page));
	if (page == NULL)
		return error_reply(reply, NO_MEMORY);
	pthread_mutex_lock(&backend_lock);
	found = domain_of_name(name, len, &n, &page->ref);
	if (found)
		mappings_read(n, start, page);
	pthread_mutex_unlock(&backend_lock);
	ret = found || name == NULL ? mappings_tell(reply, page) : error_reply(reply, NO_DOMAIN);
	free(page);
	return ret;
}

static void
secondary_add(struct rte_tel_data *dict, struct rte_tel_data *names,
	      struct mp_secondary *secondary)
{
	char *save = NULL, *addr;

	tel->add_uint(dict, "count", secondary->devices);
	tel->start_array(names, RTE_TEL_STRING_VAL);
	for (addr = strtok_r(secondary->addrs, " ", &save); addr != NULL;
	     addr = strtok_r(NULL, " ", &save))
		tel->add_array_string(names, addr);
	container_add(dict, "devices", names, false);
}

/* The EAL has no telemetry in secondaries (eal.c), so the primary asks them. */
static int
secondaries_reply(const char *cmd, const char *params, struct rte_tel_data *reply)
{
	struct mp_secondary secondaries[SECONDARIES_MOST];
	struct rte_tel_data *all, *dict;
	unsigned int told;
	struct pool pool;
	char name[16];
	int count;

	(void)cmd;
	(void)params;
	if (eal_api()->process_type() != RTE_PROC_PRIMARY)
		return error_reply(reply, "this is a secondary process: ask the primary");
	count = mp_secondaries(secondaries, SECONDARIES_MOST);
	if (count < 0)
		return error_reply(reply, "a secondary process does not answer: preload "
				   "librte_bus_vfio_cdev.so there as well, or try again");
	told = RTE_MIN((unsigned int)count, (unsigned int)SECONDARIES_MOST);
	if (!pool_fill(&pool, 1 + 2 * told))
		return error_reply(reply, NO_MEMORY);
	reply_start(reply);
	tel->add_uint(reply, "count", count);
	all = pool_take(&pool);
	for (unsigned int i = 0; i < told; i++) {
		dict = pool_take(&pool);
		secondary_add(dict, pool_take(&pool), &secondaries[i]);
		snprintf(name, sizeof(name), "%d", secondaries[i].pid);
		container_add(all, name, dict, false);
	}
	container_add(reply, "secondaries", all, told == 0);
	return 0;
}

static const struct {
	const char *command;
	telemetry_cb reply;
	const char *help;	/* less than 128 characters */
} commands[] = {
	{ "/vfio_cdev/devices", devices_reply,
	  "Devices set up over a VFIO cdev. No parameters." },
	{ "/vfio_cdev/device", device_reply,
	  "One device: cdev, mode, NUMA node, domain. Parameter: its address." },
	{ "/vfio_cdev/domains", domains_reply,
	  "What each DMA domain holds now. Parameter: name to go on from (optional)." },
	{ "/vfio_cdev/mappings", mappings_reply,
	  "Mappings and the addresses the kernel tells now. Parameter: IOVA to go on from "
	  "(optional)." },
	{ "/vfio_cdev/secondaries", secondaries_reply,
	  "Secondary processes and the devices that each has. No parameters." },
	{ "/vfio_cdev/stats", stats_reply,
	  "Counters of all domains and of each. Parameter: name to go on from (optional)." },
};

/* The EAL keeps a list that knows no end: a command twice would be there twice. */
static void
telemetry_start(void)
{
	int ret = 0;

	if (eal_api()->telemetry.register_cmd == NULL)
		return;
	tel = &eal_api()->telemetry;
	for (size_t i = 0; i < RTE_DIM(commands) && ret == 0; i++)
		ret = tel->register_cmd(commands[i].command, commands[i].reply, commands[i].help);
	if (ret != 0)
		bus_log(RTE_VFIO_CDEV_LOG_WARNING, "there is not all telemetry: %s",
			strerror(-ret));
}

void
telemetry_register(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (!is_off())
		pthread_once(&once, telemetry_start);
}
