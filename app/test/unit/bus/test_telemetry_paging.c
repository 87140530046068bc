/* SPDX-License-Identifier: BSD-3-Clause */

/* Telemetry's mappings, page after page, where they overlap or begin at one place. */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "fake_telemetry.h"
#include "test_bus.h"

#define PAGE 64 /* mappings in an answer */
#define OVERLAPS (PAGE + 6)

static json_t *
mappings_ask(const char *request)
{
	char *text = fake_telemetry_ask(request);
	json_t *reply = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

	if (reply == NULL)
		fail_msg("no JSON: %s", text);
	free(text);
	return reply;
}

/* Follow next, for at most 9 answers; the bytes that are reported. */
static uint64_t
bytes_follow(const char *start, unsigned int *count)
{
	json_t *reply = NULL, *mapping;
	uint64_t bytes = 0;
	char request[64];
	const char *key;

	*count = 0;
	snprintf(request, sizeof(request), "/vfio_cdev/mappings%s", start);
	for (unsigned int i = 0; i < 9; i++) {
		json_decref(reply);
		reply = mappings_ask(request);
		json_object_foreach(json_object_get(reply, "mappings"), key, mapping) {
			bytes += json_integer_value(json_object_get(mapping, "length"));
			++*count;
		}
		if (json_object_get(reply, "next") == NULL)
			break;
		snprintf(request, sizeof(request), "/vfio_cdev/mappings,%s",
			 json_string_value(json_object_get(reply, "next")));
	}
	assert_null(json_object_get(reply, "next"));
	json_decref(reply);
	return bytes;
}

static void
overlap_map(unsigned int from, unsigned int pages)
{
	assert_int_equal(rte_vfio_cdev_domain_map(domain_of(NOIOMMU), FAKE_VA(from * FAKE_PAGE),
						  FAKE_PHYS(from * FAKE_PAGE), pages * FAKE_PAGE,
						  FAKE_PAGE),
			 0);
}

/* Static memory. */
static const char *
place_text(unsigned int page)
{
	static char text[32];

	snprintf(text, sizeof(text), ",%s", log_hex((uintptr_t)FAKE_VA(page * FAKE_PAGE)));
	return text;
}

/* One that has all of the others in it, and these have a page in common. */
static void
overlapping_mappings_are_reported_once(void **state)
{
	unsigned int count;

	(void)state;
	overlap_map(0, 4 * OVERLAPS);
	for (unsigned int i = 1; i <= OVERLAPS; i++)
		overlap_map(i, OVERLAPS + 1 - i);
	assert_int_equal(bytes_follow("", &count),
			 (4 * OVERLAPS + OVERLAPS * (OVERLAPS + 1) / 2) * FAKE_PAGE);
	assert_int_equal(count, OVERLAPS + 1);
	/* Begun before a place; more than an answer has are left out. */
	bytes_follow(place_text(64), &count);
	assert_int_equal(count, 1 + OVERLAPS);
	bytes_follow(place_text(70), &count);
	assert_int_equal(count, PAGE + 1);
}

static void
many_mappings_of_one_address_are_reported_once(void **state)
{
	const unsigned int many = 3 * PAGE;
	unsigned int count;

	(void)state;
	overlap_map(0, 2 * many);
	for (unsigned int i = 1; i <= many; i++)
		overlap_map(1, i);
	assert_int_equal(bytes_follow("", &count), (2 * many + many * (many + 1) / 2) * FAKE_PAGE);
	assert_int_equal(count, many + 1);
}

static int
paging_begin(void **state)
{
	bus_begin(state);
	return bus_enable_unprimed();
}

#define PAGING_TEST(name) cmocka_unit_test_setup_teardown(name, paging_begin, bus_end)

int
bus_telemetry_paging_tests(void)
{
	const struct CMUnitTest tests[] = {
		PAGING_TEST(overlapping_mappings_are_reported_once),
		PAGING_TEST(many_mappings_of_one_address_are_reported_once),
	};

	return cmocka_run_group_tests_name("bus: pages of mappings", tests, NULL, NULL);
}
