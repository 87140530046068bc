/* SPDX-License-Identifier: BSD-3-Clause */

/* Mappings, and the addresses that the kernel reports. */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"
#include "state.h"
#include "telemetry.h"

/* A page of mappings, and where the next one begins. */
struct mappings {
	struct domain_ref ref;
	struct rte_vfio_cdev_stats stats;
	struct rte_vfio_cdev_mapping mappings[TELEMETRY_MAPPINGS + 1];
	unsigned int count;
	bool more;
	struct domain_ref next;
	uint64_t next_key;
};

/* [<domain>:]<place>; the domain is the first one if it is left out. */
static int
start_parse(const char *params, const char **name, size_t *len, uint64_t *start)
{
	const char *colon = strchr(params, ':');
	const char *number = colon != NULL ? colon + 1 : params;
	char *end;

	*name = colon != NULL ? params : NULL;
	*len = colon != NULL ? (size_t)(colon - params) : 0;
	if (*number < '0' || *number > '9')
		return -EINVAL;
	errno = 0;
	*start = strtoull(number, &end, 0);
	return *end == '\0' && errno == 0 ? 0 : -EINVAL;
}

/* The key that mappings are sorted by. */
static uint64_t
mapping_key(enum rte_vfio_cdev_mode mode, const struct rte_vfio_cdev_mapping *mapping)
{
	return mode == NOIOMMU ? mapping->va : mapping->iova;
}

/*
 * The start of the page after the one that began at start, in the encoding of
 * rte_vfio_cdev_domain_mappings(): past the rests, and past those of the same place that
 * were listed. More rests than a page has, or mappings than an offset counts, are left out.
 */
static uint64_t
mappings_next(const struct mappings *page, uint64_t start)
{
	const uint64_t key = mapping_key(page->ref.mode, &page->mappings[TELEMETRY_MAPPINGS]);
	const uint64_t offset = start % 4096, place = start - offset;
	uint64_t listed = 0;

	if (offset == 0 && key <= place)
		return place + 1;
	if (offset != 0 && key == place)
		listed = offset - 1;
	for (unsigned int i = 0; i < TELEMETRY_MAPPINGS; i++)
		listed += mapping_key(page->ref.mode, &page->mappings[i]) == key;
	return listed < 4095 ? key + 1 + listed : key + 4096 + 1;
}

/* From the nth domain on, the first one that has some there. */
static void
mappings_read(unsigned int n, uint64_t start, struct mappings *page)
{
	for (; domain_nth(n, &page->ref); n++, start = 0) {
		page->count = rte_vfio_cdev_domain_mappings(page->ref.domain, start, page->mappings,
							    TELEMETRY_MAPPINGS + 1);
		if (page->count != 0)
			break;
		domain_put(&page->ref);
	}
	if (page->count == 0)
		return;
	rte_vfio_cdev_domain_stats(page->ref.domain, &page->stats);
	domain_put(&page->ref);
	page->next = page->ref;
	page->more = page->count > TELEMETRY_MAPPINGS;
	if (page->more) {
		page->next_key = mappings_next(page, start);
		page->count = TELEMETRY_MAPPINGS;
	} else {
		page->more = domain_nth(n + 1, &page->next);
		page->next_key = 0;
		domain_put(&page->next);
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

	telemetry_add_hex(dict, "va", mapping->va);
	telemetry_add_hex(dict, "iova", mapping->iova);
	tel->add_uint(dict, "length", mapping->len);
	tel->add_uint(dict, "page_size", mapping->page_size);
	tel->add_uint(dict, "users", mapping->users);
	tel->add_string(dict, "state", states[mapping->state]);
	if (mapping->err == 0) {
		telemetry_add_hex(dict, "kernel", mapping->first_phys);
		telemetry_add_hex(dict, "kernel_last", mapping->last_phys);
	} else if (mapping->err != -ENODATA) {
		tel->add_string(dict, "kernel_error", strerror(-mapping->err));
	}
}

/* Without an IOMMU several, and rests of several, may begin at the same place. */
static void
key_write(char *text, size_t size, const struct mappings *page, unsigned int i)
{
	const uint64_t key = mapping_key(page->ref.mode, &page->mappings[i]);
	unsigned int before = 0;

	for (unsigned int j = 0; j < i; j++)
		before += mapping_key(page->ref.mode, &page->mappings[j]) == key;
	if (before != 0)
		snprintf(text, size, "0x%" PRIx64 "_%u", key, before);
	else
		snprintf(text, size, "0x%" PRIx64, key);
}

static int
mappings_reply(struct rte_tel_data *reply, const struct mappings *page)
{
	char text[DOMAIN_NAME_LEN + 24];
	struct rte_tel_data *all, *dict;
	struct telemetry_pool pool;

	if (!telemetry_pool_fill(&pool, 1 + page->count))
		return telemetry_error(reply, NO_MEMORY);
	telemetry_begin(reply);
	if (page->count != 0)
		tel->add_string(reply, "domain", page->ref.name);
	tel->add_uint(reply, "count", page->stats.mappings + page->stats.pending);
	all = telemetry_pool_take(&pool);
	for (unsigned int i = 0; i < page->count; i++) {
		dict = telemetry_pool_take(&pool);
		mapping_add(dict, &page->mappings[i]);
		key_write(text, sizeof(text), page, i);
		telemetry_add_container(all, text, dict, false);
	}
	telemetry_add_container(reply, "mappings", all, page->count == 0);
	if (!page->more)
		return 0;
	snprintf(text, sizeof(text), "%s:0x%" PRIx64, page->next.name, page->next_key);
	return tel->add_string(reply, "next", text);
}

int
telemetry_mappings(const char *cmd, const char *params, struct rte_tel_data *reply)
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
		return telemetry_error(reply,
				       "no place: give what \"next\" was, a virtual "
				       "address (of devices with an IOMMU: an IOVA) or nothing");
	page = calloc(1, sizeof(*page));
	if (page == NULL)
		return telemetry_error(reply, NO_MEMORY);
	found = telemetry_domain(name, len, &n, &page->ref);
	if (found)
		mappings_read(n, start, page);
	ret = found || name == NULL ? mappings_reply(reply, page) :
				      telemetry_error(reply, NO_DOMAIN);
	free(page);
	return ret;
}
