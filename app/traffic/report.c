/* SPDX-License-Identifier: BSD-3-Clause */

/* Progress and results. */

#include <inttypes.h>

#include <jansson.h>

#include <rte_version.h>

#include "traffic.h"

#define MOST_PAGES 16 /* in a list */

/* Addresses are strings: JSON's numbers may lose their last bits. */
static json_t *
address(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

static json_t *
page_json(const struct page *page)
{
	return json_pack("{so so so sI si sb sI sI sI sI sI}", "va", address(page->va), "eal",
			 address(page->iova), "kernel", address(page_phys(page)), "size",
			 (json_int_t)page->len, "node", page->socket, "send_only", page->send_only,
			 "sent", (json_int_t)page->sent, "received", (json_int_t)page->received,
			 "bad_sent", (json_int_t)page->bad_sent, "bad_received",
			 (json_int_t)page->bad_received, "lost", (json_int_t)page->lost);
}

/* An address with its page. */
static json_t *
place_json(const struct traffic *traffic, const void *va)
{
	const struct page *page = va != NULL ? pages_find(&traffic->pages, va) : NULL;

	if (page == NULL)
		return json_null();
	return json_pack("{so so}", "va", address((uintptr_t)va), "page", page_json(page));
}

static json_t *
damages_json(const struct traffic *traffic)
{
	const struct damages *damages = &traffic->damages;
	json_t *list = json_array();
	const struct damage *damage;

	for (damage = damages->damage;
	     damage < damages->damage + RTE_MIN(damages->count, (uint64_t)MOST_DAMAGES); damage++)
		json_array_append_new(list,
				      json_pack("{si sI si si si si sb so so}", "port",
						(int)damage->port, "seq", (json_int_t)damage->seq,
						"length", (int)damage->len, "offset",
						(int)damage->offset, "wanted", damage->wanted,
						"got", damage->got, "unwritten", damage->unwritten,
						"from", place_json(traffic, damage->from), "to",
						place_json(traffic, damage->to)));
	return list;
}

static bool
page_is_bad(const struct page *page)
{
	return page->bad_sent + page->bad_received > 0 || (page->lost > 0 && page->sent == 0);
}

static bool
page_is_elsewhere(const struct page *page)
{
	const uint64_t phys = page_phys(page);

	return phys != 0 && phys != page->iova;
}

/* The first of those that are so. */
static json_t *
pages_json(const struct traffic *traffic, bool (*is_so)(const struct page *page))
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < traffic->pages.count && json_array_size(list) < MOST_PAGES;
	     i++)
		if (is_so(&traffic->pages.page[i]))
			json_array_append_new(list, page_json(&traffic->pages.page[i]));
	return list;
}

static json_t *
counts_json(const struct traffic *traffic)
{
	const struct counts *counts = &traffic->counts;

	return json_pack("{sI sI sI sI sI sI sI sI sI sI sI sI sI}", "sent",
			 (json_int_t)counts->sent, "received", (json_int_t)counts->received,
			 "bytes", (json_int_t)counts->bytes, "in_pieces",
			 (json_int_t)counts->in_pieces, "smallest", (json_int_t)counts->smallest,
			 "largest", (json_int_t)counts->largest, "damaged",
			 (json_int_t)traffic->damages.count, "lost", (json_int_t)counts->lost,
			 "late", (json_int_t)counts->late, "foreign", (json_int_t)counts->foreign,
			 "pages", (json_int_t)traffic->pages.count, "covered",
			 (json_int_t)pages_count(&traffic->pages, page_is_covered), "full",
			 (json_int_t)pages_count(&traffic->pages, page_is_full));
}

void
report_ready(void)
{
	line_write(json_pack("{ss}", "event", "ready"));
}

void
report_progress(const struct traffic *traffic)
{
	json_t *line = json_pack("{ss}", "event", "progress");

	json_object_update_new(line, counts_json(traffic));
	line_write(line);
}

void
report_result(const struct traffic *traffic)
{
	const struct limits *limits = &traffic->limits;
	json_t *line = json_pack("{ss ss si ss si ss? ss? so so so so}", "event", "result", "dpdk",
				 rte_version(), "largest_wanted", LARGEST, "why_not_larger",
				 limits->reason, "most_pieces", (int)limits->pieces, "silent",
				 traffic->silent, "filtering", traffic->filtering, "damages",
				 damages_json(traffic), "bad_pages",
				 pages_json(traffic, page_is_bad), "left_out",
				 pages_json(traffic, page_is_left_out), "elsewhere",
				 pages_json(traffic, page_is_elsewhere));

	json_object_update_new(line, counts_json(traffic));
	line_write(line);
}

void
report_late(const struct late *late)
{
	line_write(json_pack("{ss ss si sI si si si sb si si si so}", "event", "result", "dpdk",
			     rte_version(), "pages", LATE_PAGES, "page_size",
			     (json_int_t)late->page_size, "given", (int)late->given, "moved",
			     (int)late->moved, "wrong", (int)late->wrong, "movable", late->movable,
			     "from", late->from, "to", late->to, "devices", (int)late->devices,
			     "first",
			     late->first != NULL ? address((uintptr_t)late->first) : json_null()));
}
