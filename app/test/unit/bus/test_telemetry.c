/* SPDX-License-Identifier: BSD-3-Clause */

/* What the backend answers on the EAL's telemetry socket. */

#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "fake_heap.h"
#include "fake_telemetry.h"
#include "test_bus.h"
#include "vfio_cdev_private.h"

#define PAGE 64	    /* mappings in an answer */
#define MANY 100000 /* test_list.c has a million */

/* The answer, which is JSON, or NULL for an error. Freed by telemetry_end(). */
static json_t *answer;

static json_t *
ask(const char *request)
{
	char *text = fake_telemetry_ask(request);

	if (text == NULL)
		fail_msg("there is no %s", request);
	json_decref(answer);
	answer = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	if (answer == NULL)
		fail_msg("no JSON: %s", text);
	free(text);
	return json_is_null(answer) ? NULL : answer;
}

/* Commands are registered when the EAL starts. */
static int
telemetry_begin(void **state)
{
	bus_begin(state);
	return bus_enable_unprimed();
}

static int
telemetry_end(void **state)
{
	json_decref(answer);
	answer = NULL;
	assert_int_equal(fake_telemetry_leaks(), 0);
	if (fake_telemetry_misuse() != NULL)
		fail_msg("%s", fake_telemetry_misuse());
	return bus_end(state);
}

static const char *
text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (value == NULL)
		fail_msg("no %s", key);
	return value;
}

static uint64_t
number(const json_t *object, const char *key)
{
	if (!json_is_integer(json_object_get(object, key)))
		fail_msg("no %s", key);
	return json_integer_value(json_object_get(object, key));
}

static const json_t *
domain(const json_t *reply, const char *name)
{
	const json_t *found = json_object_get(json_object_get(reply, "domains"), name);

	if (found == NULL)
		fail_msg("no domain %s", name);
	return found;
}

static void
assert_error(const char *request, const char *words)
{
	const json_t *reply = ask(request);

	assert_non_null(reply);
	assert_int_equal(json_object_size(reply), 1);
	if (strstr(text(reply, "error"), words) == NULL)
		fail_msg("%s: %s", request, text(reply, "error"));
}

static void
reports_are_empty_at_first(void **state)
{
	const json_t *reply;

	(void)state;
	assert_int_equal(bus_enable_unprimed(), 0);
	assert_int_equal(fake_telemetry_commands(), 6);
	reply = ask("/vfio_cdev/devices");
	assert_string_equal(text(reply, "process"), "primary");
	assert_int_equal(number(reply, "count"), 0);
	assert_int_equal(json_array_size(json_object_get(reply, "devices")), 0);
	reply = ask("/vfio_cdev/domains");
	assert_int_equal(number(reply, "count"), 0);
	assert_null(json_object_get(reply, "domains"));
	reply = ask("/vfio_cdev/stats");
	assert_int_equal(number(reply, "maps"), 0);
	assert_null(json_object_get(reply, "nodes"));
	reply = ask("/vfio_cdev/mappings");
	assert_int_equal(number(reply, "count"), 0);
	assert_null(json_object_get(reply, "next"));
}

static void
devices_are_reported(void **state)
{
	const json_t *reply;
	int fd, fd2;

	(void)state;
	fake_sysfs_write("1\n", "bus/pci/devices/" BUS_ADDR "/numa_node");
	fake_eal()->stock[STOCK_GROUP_NUM].ret = 1;
	fake_eal()->group = 12;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_eal()->stock[STOCK_GROUP_NUM].ret = -1;
	assert_int_equal(bus_setup(BUS_ADDR2, &fd2), 0);
	reply = ask("/vfio_cdev/devices");
	assert_int_equal(number(reply, "count"), 2);
	assert_int_equal(json_array_size(json_object_get(reply, "devices")), 2);
	reply = ask("/vfio_cdev/device," BUS_ADDR);
	assert_string_equal(text(reply, "address"), BUS_ADDR);
	assert_string_equal(text(reply, "cdev"), BUS_NAME);
	assert_string_equal(text(reply, "mode"), "no-IOMMU");
	assert_string_equal(text(reply, "domain"), "noiommu");
	assert_int_equal(number(reply, "numa_node"), 1);
	assert_int_equal(number(reply, "group"), 12);
	assert_int_equal(number(reply, "fd"), fd);
	assert_int_equal(number(reply, "token"), 0);
	reply = ask("/vfio_cdev/device," BUS_ADDR2);
	assert_string_equal(text(reply, "cdev"), BUS_NAME2);
	assert_int_equal(number(reply, "fd"), fd2);
	assert_int_equal((int)number(reply, "numa_node"), -1);
	assert_int_equal((int)number(reply, "group"), -1);
	assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	assert_error("/vfio_cdev/device," BUS_ADDR, "no such device");
}

static void
token_is_reported_but_not_shown(void **state)
{
	int fd;

	(void)state;
	fake_eal()->token[3] = 1;
	fake_node(BUS_NODE)->token = fake_eal()->token;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(number(ask("/vfio_cdev/device," BUS_ADDR), "token"), 1);
}

static void
wrong_parameters_are_errors(void **state)
{
	static const char *const starts[] = {
		"x",	    "0x",	"-1",
		"+1",	    " 1",	"1 ",
		"1x",	    "0x1g",	"18446744073709551616",
		"noiommu",  "noiommu:", "noiommu:x",
		":",	    "1:2:3",	"noiommu:0x10,1",
		"\377\"\n",
	};
	char request[64];
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_error("/vfio_cdev/device", "give an address");
	assert_error("/vfio_cdev/device,", "give an address");
	assert_error("/vfio_cdev/device,0000:00:1f.7", "no such device");
	assert_error("/vfio_cdev/device,\377\"\n", "no such device");
	assert_error("/vfio_cdev/domains,x", "no such domain");
	assert_error("/vfio_cdev/stats,noiommuu", "no such domain");
	assert_error("/vfio_cdev/stats,noiomm", "no such domain");
	assert_error("/vfio_cdev/mappings,translated:0", "no such domain");
	assert_error("/vfio_cdev/mappings,:0", "no such domain");
	for (size_t i = 0; i < RTE_DIM(starts); i++) {
		snprintf(request, sizeof(request), "/vfio_cdev/mappings,%s", starts[i]);
		assert_error(request, "no place");
	}
}

static void
counters_are_those_of_the_domain(void **state)
{
	struct rte_vfio_cdev_stats stats;
	const json_t *reply;
	uint64_t phys;
	int fd;

	(void)state;
	fake_sysfs_write("200000\n", "devices/system/memory/block_size_bytes");
	for (unsigned int i = 0; i < 3; i++)
		fake_sysfs_mkdir("devices/system/node/node%u/memory%u", i > 0,
				 (unsigned int)(FAKE_PHYS(0) / FAKE_HUGE) + i);
	bus_memory(3);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(FAKE_HUGE), FAKE_HUGE);
	fake.pa_offset = FAKE_HUGE;
	assert_true(rte_vfio_cdev_domain_map(backend.domains[NOIOMMU], FAKE_VA(8 * FAKE_HUGE),
					     FAKE_PHYS(8 * FAKE_HUGE), FAKE_HUGE, FAKE_HUGE) < 0);
	fake.pa_offset = 0;
	assert_int_equal(rte_vfio_cdev_domain_provide(backend.domains[NOIOMMU],
						      FAKE_VA(9 * FAKE_HUGE), &phys),
			 0);
	rte_vfio_cdev_domain_stats(backend.domains[NOIOMMU], &stats);
	reply = ask("/vfio_cdev/stats");
	for (int i = 0; i < 2; i++, reply = domain(reply, "noiommu")) {
		assert_int_equal(number(reply, "maps"), 3);
		assert_int_equal(number(reply, "unmaps"), 1);
		assert_int_equal(number(reply, "verified"), 4);
		assert_int_equal(number(reply, "misplaced"), 1);
		assert_int_equal(number(reply, "refused"), 1);
		assert_int_equal(number(reply, "provisional"), 1);
		assert_int_equal(number(reply, "bytes"), 2 * FAKE_HUGE);
		assert_int_equal(number(reply, "ioctls"), stats.ioctls);
		assert_int_equal(number(reply, "ioctl_ns"), stats.ioctls * FAKE_IOCTL_NS);
		assert_int_equal(number(json_object_get(reply, "nodes"), "0"), FAKE_HUGE);
		assert_int_equal(number(json_object_get(reply, "nodes"), "1"), FAKE_HUGE);
		assert_int_equal(json_object_size(json_object_get(reply, "nodes")), 2);
		if (i == 1)
			break;
	}
	reply = domain(ask("/vfio_cdev/domains"), "noiommu");
	assert_string_equal(text(reply, "mode"), "no-IOMMU");
	assert_int_equal(number(reply, "iommufd"),
			 rte_vfio_cdev_domain_fd(backend.domains[NOIOMMU]));
	assert_int_equal(number(reply, "devices"), 1);
	assert_int_equal(number(reply, "mappings"), 2);
	assert_int_equal(number(reply, "pages"), 2);
	assert_int_equal(number(reply, "verified"), 2);
	assert_int_equal(number(reply, "bytes"), 2 * FAKE_HUGE);
	assert_int_equal(number(reply, "pending"), 0);
	assert_int_equal(number(reply, "provisional"), 1);
	assert_int_equal(number(reply, "provisional_bytes"), FAKE_PAGE);
}

static void
both_kinds_of_domains_are_reported_and_added_up(void **state)
{
	const json_t *reply;
	int fd, fd3;

	(void)state;
	bus_translated(false);
	bus_memory(2);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	assert_string_equal(text(ask("/vfio_cdev/device," BUS_ADDR3), "domain"), "translated");
	reply = ask("/vfio_cdev/domains");
	assert_int_equal(number(reply, "count"), 2);
	assert_string_equal(text(domain(reply, "translated"), "mode"), "translated");
	assert_int_equal(number(domain(reply, "translated"), "verified"), 0);
	reply = ask("/vfio_cdev/stats");
	assert_int_equal(number(reply, "maps"), 4);
	assert_int_equal(number(json_object_get(reply, "nodes"), "0"), 2 * FAKE_HUGE);
	assert_int_equal(number(json_object_get(reply, "nodes"), "unknown"), 2 * FAKE_HUGE);
	assert_int_equal(number(domain(reply, "noiommu"), "maps"), 2);
	assert_int_equal(number(domain(reply, "translated"), "maps"), 2);
}

/* Mappings of a page of 4 KiB each, with a gap after each. */
static void
pages_map(enum rte_vfio_cdev_mode mode, unsigned int count)
{
	for (uint64_t i = 0; i < count; i++)
		if (rte_vfio_cdev_domain_map(backend.domains[mode], FAKE_VA(2 * i * FAKE_PAGE),
					     FAKE_PHYS(2 * i * FAKE_PAGE), FAKE_PAGE,
					     FAKE_PAGE) != 0)
			fail_msg("cannot map page %u", (unsigned int)i);
}

/* From there on to the end, as a client does it; how many mappings there were. */
static unsigned int
mappings_follow(const char *start, unsigned int *pages)
{
	char request[96];
	const json_t *reply, *mapping, *next = NULL;
	unsigned int seen = 0;
	const char *key;

	snprintf(request, sizeof(request), "/vfio_cdev/mappings%s", start);
	for (*pages = 0; *pages == 0 || next != NULL; ++*pages) {
		reply = ask(request);
		json_object_foreach(json_object_get(reply, "mappings"), key, mapping) {
			assert_string_equal(key,
					    text(mapping,
						 text(reply, "domain")[0] == 'n' ? "va" : "iova"));
			seen++;
		}
		assert_in_range(json_object_size(json_object_get(reply, "mappings")), 1, PAGE);
		next = json_object_get(reply, "next");
		if (next != NULL)
			snprintf(request, sizeof(request), "/vfio_cdev/mappings,%s",
				 json_string_value(next));
	}
	return seen;
}

static void
mappings_are_reported_with_the_kernels_address(void **state)
{
	const json_t *reply, *mapping;
	int fd;

	(void)state;
	bus_memory(1);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	fake.pa_offset = 3 * FAKE_PAGE;
	reply = ask("/vfio_cdev/mappings");
	assert_string_equal(text(reply, "domain"), "noiommu");
	assert_int_equal(number(reply, "count"), 1);
	mapping = json_object_get(json_object_get(reply, "mappings"), "0x7f0000000000");
	assert_string_equal(text(mapping, "va"), "0x7f0000000000");
	assert_string_equal(text(mapping, "iova"), "0x100000000");
	assert_int_equal(number(mapping, "length"), FAKE_HUGE);
	assert_int_equal(number(mapping, "page_size"), FAKE_HUGE);
	assert_int_equal(number(mapping, "users"), 1);
	assert_string_equal(text(mapping, "state"), "pinned");
	assert_string_equal(text(mapping, "kernel"), log_hex(FAKE_PHYS(3 * FAKE_PAGE)));
	assert_string_equal(text(mapping, "kernel_last"), log_hex(FAKE_PHYS(3 * FAKE_PAGE)));
	fake.rawio = false;
	reply = ask("/vfio_cdev/mappings");
	mapping = json_object_get(json_object_get(reply, "mappings"), "0x7f0000000000");
	assert_null(json_object_get(mapping, "kernel"));
	assert_string_equal(text(mapping, "kernel_error"), strerror(EPERM));
}

/* Static memory. */
static const char *
joined(const char *before, const char *place)
{
	static char both[64];

	snprintf(both, sizeof(both), "%s%s", before, place);
	return both;
}

static void
mappings_come_a_page_at_a_time(void **state)
{
	const uint64_t second = (uintptr_t)FAKE_VA(2 * FAKE_PAGE);
	unsigned int pages;
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	pages_map(NOIOMMU, PAGE);
	assert_int_equal(mappings_follow("", &pages), PAGE);
	assert_int_equal(rte_vfio_cdev_domain_map(backend.domains[NOIOMMU], FAKE_VA(FAR),
						  FAKE_PHYS(FAR), FAKE_HUGE, FAKE_HUGE),
			 0);
	assert_int_equal(mappings_follow("", &pages), PAGE + 1);
	assert_int_equal(pages, 2);
	assert_int_equal(mappings_follow(joined(",", log_hex(second)), &pages), PAGE);
	assert_int_equal(mappings_follow(joined(",noiommu:", log_number(second)), &pages), PAGE);
	assert_int_equal(number(answer, "count"), PAGE + 1);
	assert_null(json_object_get(ask("/vfio_cdev/mappings,0xffffffffffffffff"), "mappings"));
}

static void
next_leads_to_the_next_domain(void **state)
{
	unsigned int pages;
	int fd, fd3;

	(void)state;
	bus_translated(false);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	assert_int_equal(bus_setup(BUS_ADDR3, &fd3), 0);
	pages_map(NOIOMMU, 3);
	pages_map(TRANSLATED, PAGE + 2);
	assert_int_equal(mappings_follow("", &pages), 3 + PAGE + 2);
	assert_int_equal(pages, 3);
	assert_string_equal(text(answer, "domain"), "translated");
	assert_int_equal(mappings_follow(",translated:0", &pages), PAGE + 2);
	/* One that has none is passed over. */
	assert_int_equal(mappings_follow(",noiommu:0x7f8000000000", &pages), PAGE + 2);
}

/* The longest numbers that there can be. */
static void
longest_answer_fits(void **state)
{
	const uint64_t top = UINT64_C(0x1fffffffffff000) & ~(FAKE_PAGE - 1);
	unsigned int pages;
	int fd;

	(void)state;
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	for (unsigned int i = 0; i < PAGE + 1; i++) {
		const void *va = (const void *)(uintptr_t)(top - 2 * i * FAKE_PAGE);

		fake_page_move(va, top - 2 * i * FAKE_PAGE);
		for (unsigned int users = 0; users < 11; users++)
			assert_int_equal(rte_vfio_cdev_domain_map(backend.domains[NOIOMMU], va,
								  top - 2 * i * FAKE_PAGE,
								  FAKE_PAGE, FAKE_PAGE),
					 0);
	}
	assert_int_equal(mappings_follow("", &pages), PAGE + 1);
	fake.rawio = false;
	assert_int_equal(mappings_follow("", &pages), PAGE + 1);
}

/* They are pending, so that the fake kernel has nothing to do with them. */
static void
many_mappings_are_reported_as_fast_as_one(void **state)
{
	const char *middle = log_hex((uintptr_t)FAKE_VA(0x20000 * FAKE_PAGE));
	const char *next = log_hex((uintptr_t)FAKE_VA(2 * PAGE * FAKE_PAGE) + 1);
	const json_t *reply;

	(void)state;
	assert_non_null(domain_of(NOIOMMU));
	pages_map(NOIOMMU, MANY);
	for (unsigned int i = 0; i < 100; i++) {
		reply = ask(joined("/vfio_cdev/mappings,", middle));
		assert_int_equal(number(reply, "count"), MANY);
		assert_int_equal(json_object_size(json_object_get(reply, "mappings")), PAGE);
	}
	reply = ask("/vfio_cdev/mappings");
	assert_string_equal(text(reply, "next"), joined("noiommu:", next));
	assert_int_equal(number(domain(ask("/vfio_cdev/domains"), "noiommu"), "pending"), MANY);
}

static void
containers_are_known_by_their_iommufd(void **state)
{
	int containers[6];
	char request[64];
	const json_t *reply;
	unsigned int seen = 0;

	(void)state;
	bus_translated(false);
	for (size_t i = 0; i < RTE_DIM(containers); i++) {
		containers[i] = rte_vfio_container_create();
		assert_true(containers[i] >= 0);
	}
	snprintf(request, sizeof(request), "/vfio_cdev/stats");
	do {
		reply = ask(request);
		seen += json_object_size(json_object_get(reply, "domains"));
		assert_in_range(json_object_size(json_object_get(reply, "domains")), 1, 4);
		if (json_object_get(reply, "next") != NULL)
			snprintf(request, sizeof(request), "/vfio_cdev/stats,%s",
				 text(reply, "next"));
	} while (json_object_get(reply, "next") != NULL);
	assert_int_equal(seen, RTE_DIM(containers));
	snprintf(request, sizeof(request), "/vfio_cdev/domains,container_%d", containers[0]);
	reply = ask(request);
	assert_int_equal(number(reply, "count"), RTE_DIM(containers));
	snprintf(request, sizeof(request), "container_%d", containers[0]);
	assert_string_equal(text(domain(reply, request), "mode"), "translated");
	for (size_t i = 0; i < RTE_DIM(containers); i++)
		assert_int_equal(rte_vfio_container_destroy(containers[i]), 0);
}

/* No incomplete answer that looks complete, and no leak. */
static void
short_of_memory_there_is_an_error(void **state)
{
	static const char *const requests[] = {
		"/vfio_cdev/devices",
		"/vfio_cdev/domains",
		"/vfio_cdev/stats",
		"/vfio_cdev/mappings",
	};
	static const unsigned int dicts[] = { 1, 4, 4, 4 };
	int fd;

	(void)state;
	bus_memory(3);
	assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
	for (size_t i = 0; i < RTE_DIM(requests); i++)
		for (unsigned int nth = 1; nth <= dicts[i]; nth++) {
			fake_telemetry_fail(nth);
			assert_error(requests[i], "memory is short");
			assert_int_equal(fake_telemetry_leaks(), 0);
		}
	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_error("/vfio_cdev/stats", "memory is short");
	fake_heap_fail(FAKE_HEAP_CALLOC);
	assert_error("/vfio_cdev/mappings", "memory is short");
}

/* A client that asks all the time, on a thread of the EAL's. */
static void *
client_run(void *arg)
{
	static const char *const requests[] = {
		"/vfio_cdev/devices",  ("/vfio_cdev/device," BUS_ADDR),
		"/vfio_cdev/domains",  "/vfio_cdev/stats",
		"/vfio_cdev/mappings", "/vfio_cdev/mappings,noiommu:0x7f0000200000",
	};
	atomic_bool *end = arg;

	for (unsigned int i = 0; !*end; i++)
		free(fake_telemetry_ask(requests[i % RTE_DIM(requests)]));
	return NULL;
}

static void
clients_may_ask_while_devices_come_and_go(void **state)
{
	atomic_bool end = false;
	pthread_t client;
	int fd;

	(void)state;
	bus_memory(4);
	assert_int_equal(pthread_create(&client, NULL, client_run, &end), 0);
	for (unsigned int i = 0; i < 200; i++) {
		assert_int_equal(bus_setup(BUS_ADDR, &fd), 0);
		fake_eal_event(RTE_MEM_EVENT_FREE, FAKE_VA(FAKE_HUGE), FAKE_HUGE);
		fake_eal_event(RTE_MEM_EVENT_ALLOC, FAKE_VA(FAKE_HUGE), FAKE_HUGE);
		assert_int_equal(bus_release(BUS_ADDR, fd), 0);
	}
	end = true;
	pthread_join(client, NULL);
}

#define TELEMETRY_TEST(name) cmocka_unit_test_setup_teardown(name, telemetry_begin, telemetry_end)

int
bus_telemetry_tests(void)
{
	const struct CMUnitTest tests[] = {
		TELEMETRY_TEST(reports_are_empty_at_first),
		TELEMETRY_TEST(devices_are_reported),
		TELEMETRY_TEST(token_is_reported_but_not_shown),
		TELEMETRY_TEST(wrong_parameters_are_errors),
		TELEMETRY_TEST(counters_are_those_of_the_domain),
		TELEMETRY_TEST(both_kinds_of_domains_are_reported_and_added_up),
		TELEMETRY_TEST(mappings_are_reported_with_the_kernels_address),
		TELEMETRY_TEST(mappings_come_a_page_at_a_time),
		TELEMETRY_TEST(next_leads_to_the_next_domain),
		TELEMETRY_TEST(longest_answer_fits),
		TELEMETRY_TEST(many_mappings_are_reported_as_fast_as_one),
		TELEMETRY_TEST(containers_are_known_by_their_iommufd),
		TELEMETRY_TEST(short_of_memory_there_is_an_error),
		TELEMETRY_TEST(clients_may_ask_while_devices_come_and_go),
	};

	return cmocka_run_group_tests_name("bus: telemetry", tests, NULL, NULL);
}

/* Of an EAL that has only the name of 23.03 and later for unsigned numbers. */
static void
later_names_are_found(void **state)
{
	(void)state;
	assert_null(dlsym(RTLD_DEFAULT, "rte_tel_data_add_dict_u64"));
	assert_int_equal(number(ask("/vfio_cdev/devices"), "count"), 0);
}

int
bus_telemetry_later_tests(void)
{
	const struct CMUnitTest tests[] = {
		TELEMETRY_TEST(later_names_are_found),
	};

	return cmocka_run_group_tests_name("bus: telemetry of later releases", tests, NULL, NULL);
}

/* RTE_VFIO_CDEV=off: nothing that stock DPDK has not. */
static void
off_has_no_commands(void **state)
{
	(void)state;
	assert_int_equal(fake_telemetry_commands(), 0);
}

int
bus_telemetry_off_tests(void)
{
	const struct CMUnitTest tests[] = {
		TELEMETRY_TEST(off_has_no_commands),
	};

	return cmocka_run_group_tests_name("bus: telemetry, off", tests, NULL, NULL);
}
