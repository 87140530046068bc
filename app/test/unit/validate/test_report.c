/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev: the command line, where programs are placed, the reports. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asserts.h"
#include "numa_place.h"
#include "options.h"
#include "phase.h"

static int
parse(struct options *options, char *first, char *second)
{
	char name[] = "dpdk-test-vfio-cdev";
	char *argv[] = { name, first, second, NULL };

	return options_parse(options, 1 + !!first + !!second, argv);
}

static int
parse_text(struct options *options, const char *text)
{
	static char copy[256]; /* options point into it */

	snprintf(copy, sizeof(copy), "%s", text);
	return parse(options, copy, NULL);
}

static void
all_phases_are_chosen(void **state)
{
	struct options options;
	unsigned int i;

	(void)state;
	assert_int_equal(parse(&options, NULL, NULL), 0);
	for (i = 0; i < phase_count; i++)
		assert_true(options.chosen[i]);
	assert_int_equal(options.restarts, 10);
	assert_null(options.devices);
	assert_string_equal(options.testpmd, "dpdk-testpmd");
}

static void
phases_of_the_list_are_chosen(void **state)
{
	struct options options;
	unsigned int i;

	(void)state;
	assert_int_equal(parse_text(&options, "--phases=forward,,bind"), 0);
	for (i = 0; i < phase_count; i++)
		assert_int_equal(options.chosen[i],
				 strcmp(phases[i].name, "forward") == 0 ||
					 strcmp(phases[i].name, "bind") == 0);
}

static void
bad_options_are_refused(void **state)
{
	static const char *const texts[] = {
		"--phases=bind,nonesuch",
		"--phases=",
		"--phases=,",
		"--phases=Bind",
		"--duration=0",
		"--duration=-1",
		"--duration=",
		"--duration=2x",
		"--duration=86401",
		"--duration=99999999999999999999",
		"--duration= 1",
		"--restarts=0",
		"--restarts=1001",
	};
	struct options options;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(parse_text(&options, texts[i]), 2);
}

static void
phases_have_different_names(void **state)
{
	unsigned int i, other;

	(void)state;
	for (i = 0; i < phase_count; i++)
		for (other = 0; other < i; other++)
			assert_string_not_equal(phases[i].name, phases[other].name);
}

static const struct placement_node two[] = {
	{ .cpus = { 0, 2, 4 }, .cpu_count = 3, .memory = 64 },
	{ .cpus = { 1, 3 }, .cpu_count = 2, .memory = 1024 },
};

static void
placed_on_the_node_of_the_device(void **state)
{
	const struct rte_vfio_cdev_info device = { .addr = "0000:00:03.0", .numa_node = 1 };
	struct placement placement;

	(void)state;
	assert_int_equal(placement_pick(two, 2, &device, 1, &placement), 0);
	assert_int_equal(placement.cpu_count, 2);
	assert_int_equal(placement.cpus[1], 3);
	assert_string_equal(placement.memory, "0,1024");
	assert_string_equal(placement.note, "");
}

static void
device_without_a_node_is_placed_anywhere(void **state)
{
	const struct rte_vfio_cdev_info device = { .addr = "0000:00:03.0", .numa_node = -1 };
	const struct placement_node nodes[] = {
		{ .cpus = { 0 }, .cpu_count = 1 },
		{ .cpus = { 1 }, .cpu_count = 1, .memory = 64 },
	};
	struct placement placement;

	(void)state;
	assert_int_equal(placement_pick(two, 2, &device, 1, &placement), 0);
	assert_int_equal(placement.cpu_node, 0);
	assert_string_equal(placement.memory, "64");
	/* The CPUs follow the memory. */
	assert_int_equal(placement_pick(nodes, 2, &device, 1, &placement), 0);
	assert_int_equal(placement.cpu_node, 1);
	assert_string_equal(placement.note, "");
}

static void
cross_node_set_up_is_reported(void **state)
{
	const struct rte_vfio_cdev_info devices[] = {
		{ .addr = "0000:00:03.0", .numa_node = 0 },
		{ .addr = "0000:00:04.0", .numa_node = 1 },
	};
	struct placement_node nodes[] = { two[0], two[1] };
	struct placement placement;

	(void)state;
	assert_int_equal(placement_pick(nodes, 2, devices, 2, &placement), 0);
	assert_non_null(strstr(placement.note, "0000:00:04.0 is on NUMA node 1"));
	nodes[0].memory = 0;
	assert_int_equal(placement_pick(nodes, 2, devices, 1, &placement), 0);
	assert_string_equal(placement.note,
			    "0000:00:03.0 is on NUMA node 0, but the CPUs that "
			    "serve it are on node 0 and the memory on node 1");
	/* A node that the machine does not have, any more. */
	assert_int_equal(placement_pick(nodes, 1, devices + 1, 1, &placement), -ENOMEM);
	nodes[1].memory = 0;
	assert_int_equal(placement_pick(nodes, 2, devices, 2, &placement), -ENOMEM);
}

static void
quotes_are_printable_and_on_one_line(void **state)
{
	struct result result = { 0 };

	(void)state;
	assert_int_equal(result_fail(&result, "a\nb\tc%s", "\x1b[31m\xc3\xa4"), VERDICT_FAIL);
	assert_string_equal(result.text, "a b c?[31m??");
}

static int
status_of(enum verdict one, enum verdict other)
{
	struct result results[] = { { .verdict = one }, { .verdict = other } };
	const struct report report = { .results = results, .count = 2 };

	return report_status(&report);
}

static void
status_is_that_of_the_worst(void **state)
{
	(void)state;
	assert_int_equal(status_of(VERDICT_PASS, VERDICT_PASS), 0);
	assert_int_equal(status_of(VERDICT_PASS, VERDICT_SKIP), 0);
	assert_int_equal(status_of(VERDICT_SKIP, VERDICT_SKIP), 2);
	assert_int_equal(status_of(VERDICT_PASS, VERDICT_FAIL), 1);
	assert_int_equal(status_of(VERDICT_FAIL, VERDICT_NOT_RUN), 1);
	assert_int_equal(status_of(VERDICT_FAIL, VERDICT_ERROR), 2);
	assert_int_equal(status_of(VERDICT_PASS, VERDICT_STOPPED), 2);
}

/* What a writer writes; free() it. */
static char *
written(int (*write_report)(const struct report *, FILE *), int *ret)
{
	struct result results[] = {
		{ .name = "bind", .seconds = 1.5 },
		{ .name = "forward", .seconds = 2 },
		{ .name = "restart", .verdict = VERDICT_NOT_RUN },
		{ .name = "preflight" },
	};
	struct report report = { .results = results, .count = 4, .host = json_object() };
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	result_pass(&results[0], "%d & more", 2);
	result_fail(&results[1], "1 < 2 > 0 & \"it's\" ]]>%c", 7);
	result_detail(&results[1], "output", json_string("a\nb"));
	result_stock(&results[1], "0.5 Mpps");
	result_skip(&results[3], "one port");
	*ret = write_report(&report, out);
	fclose(out);
	report_free(&report);
	return text;
}

static void
json_report_has_all(void **state)
{
	json_t *root, *phase;
	char *text;
	int ret;

	(void)state;
	text = written(report_json, &ret);
	assert_int_equal(ret, 0);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	assert_int_equal(json_integer_value(json_object_get(root, "status")), 1);
	assert_true(json_is_object(json_object_get(root, "host")));
	assert_int_equal(json_array_size(json_object_get(root, "phases")), 4);
	phase = json_array_get(json_object_get(root, "phases"), 1);
	assert_string_equal(json_string_value(json_object_get(phase, "verdict")), "failed");
	assert_string_equal(json_string_value(json_object_get(phase, "stock")), "0.5 Mpps");
	assert_string_equal(json_string_value(json_object_get(phase, "text")),
			    "1 < 2 > 0 & \"it's\" ]]>?");
	assert_string_equal(json_string_value(
				    json_object_get(json_object_get(phase, "details"), "output")),
			    "a\nb");
	json_decref(root);
	free(text);
}

/* JSON is UTF-8: what is not must not cost the whole report. */
static void
text_that_is_no_utf8_is_replaced(void **state)
{
	struct result result = { .name = "bind", .figure = "a\xff", .stock = "\xc3\xa4" };
	struct report report = { .results = &result, .count = 1, .host = json_object() };
	size_t size;
	char *text = NULL;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	assert_int_equal(report_json(&report, out), 0);
	fclose(out);
	assert_non_null(strstr(text, "\"figure\": \"a?\""));
	assert_non_null(strstr(text, "\"stock\": \"\xc3\xa4\""));
	free(text);
	report_free(&report);
}

static void
junit_report_is_escaped(void **state)
{
	char *text;
	int ret;

	(void)state;
	text = written(report_junit, &ret);
	assert_int_equal(ret, 0);
	assert_non_null(strstr(text,
			       "tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"2\" "
			       "time=\"3.500\""));
	assert_non_null(strstr(text, "<system-out>2 &amp; more</system-out>"));
	assert_non_null(strstr(text,
			       "<failure message=\"1 &lt; 2 &gt; 0 &amp; &quot;it's&quot; "
			       "]]&gt;?\"/>"));
	assert_non_null(strstr(text, "<skipped message=\"not run\"/>"));
	free(text);
}

static void
full_disk_is_an_error(void **state)
{
	struct result result = { .name = "bind" };
	struct report report = { .results = &result, .count = 1, .host = json_object() };
	FILE *full = fopen("/dev/full", "we");

	(void)state;
	assert_non_null(full);
	assert_true(report_json(&report, full) < 0);
	clearerr(full);
	assert_true(report_junit(&report, full) < 0);
	fclose(full);
	report_free(&report);
}

/* Of another user: it may lead root to a file of root's. */
static void
report_is_not_written_through_a_foreign_link(void **state)
{
	char link[] = "/tmp/report-link-XXXXXX", target[] = "/tmp/report-XXXXXX";
	int fd = mkstemp(target), spare = mkstemp(link);
	FILE *file = NULL;

	(void)state;
	assert_true(fd >= 0 && spare >= 0);
	assert_int_equal(write(fd, "kept", 4), 4);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(symlink(target, link), 0);
	if (lchown(link, 65534, 65534) == 0) { /* only root may */
		assert_int_equal(report_file_open(link, &file), -ELOOP);
		assert_int_equal(lseek(fd, 0, SEEK_END), 4);
		assert_int_equal(lchown(link, getuid(), getgid()), 0);
	}
	assert_int_equal(report_file_open(link, &file), 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), 0);
	fclose(file);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(report_file_open(link, &file), 0);
	fclose(file);
	assert_int_equal(report_file_open("/dev/null", &file), 0);
	fclose(file);
	assert_int_equal(report_file_open("/nonexistent/r", &file), -ENOENT);
	unlink(link);
	unlink(target);
	close(fd);
	close(spare);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_phases_are_chosen),
		cmocka_unit_test(phases_of_the_list_are_chosen),
		cmocka_unit_test(bad_options_are_refused),
		cmocka_unit_test(phases_have_different_names),
		cmocka_unit_test(placed_on_the_node_of_the_device),
		cmocka_unit_test(device_without_a_node_is_placed_anywhere),
		cmocka_unit_test(cross_node_set_up_is_reported),
		cmocka_unit_test(quotes_are_printable_and_on_one_line),
		cmocka_unit_test(status_is_that_of_the_worst),
		cmocka_unit_test(json_report_has_all),
		cmocka_unit_test(text_that_is_no_utf8_is_replaced),
		cmocka_unit_test(junit_report_is_escaped),
		cmocka_unit_test(full_disk_is_an_error),
		cmocka_unit_test(report_is_not_written_through_a_foreign_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
