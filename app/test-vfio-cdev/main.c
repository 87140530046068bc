/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev: validation of a host, built on its own dpdk-testpmd. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "launch.h"
#include "options.h"
#include "phase.h"
#include "run.h"
#include "stop.h"
#include "test_config.h"

static int
complain(const char *text)
{
	fprintf(stderr, "dpdk-test-vfio-cdev: %s\n", text);
	return 2;
}

/* Opened before anything is started. Returns 0, or 2 after a complaint. */
static int
report_open(const char *path, FILE **file)
{
	char text[512];
	int ret;

	*file = NULL;
	ret = path != NULL ? report_file_open(path, file) : 0;
	if (ret == 0)
		return 0;
	snprintf(text, sizeof(text), "cannot write the report %s: %s", path,
		 ret == -ELOOP ? "it is a link of another user" : strerror(-ret));
	return complain(text);
}

static int
report_write(const struct report *report, int (*write)(const struct report *, FILE *), FILE *file,
	     const char *path)
{
	char text[512];
	int ret;

	if (file == NULL)
		return 0;
	ret = write(report, file);
	if (fclose(file) != 0 && ret == 0)
		ret = -errno;
	if (ret == 0)
		return 0;
	snprintf(text, sizeof(text), "cannot write the report %s: %s", path, strerror(-ret));
	return complain(text);
}

/* What was tested, and with what. */
static json_t *
host_describe(const struct run *run)
{
	const struct rte_vfio_cdev_info *info;
	json_t *host, *devices = json_array();
	struct utsname names;

	for (unsigned int i = 0; i < run->count; i++) {
		info = &run->devices[i];
		json_array_append_new(devices,
				      json_pack("{s:s, s:s, s:s, s:i}", "address", info->addr,
						"cdev", info->name, "mode",
						rte_vfio_cdev_mode_name(info->mode), "numa_node",
						info->numa_node));
	}
	uname(&names);
	host = json_pack("{s:s, s:s, s:s, s:o, s:o, s:i, s:i, s:s}", "tool", TEST_VERSION, "kernel",
			 names.release, "dpdk", run->dpdk, "testpmd",
			 report_text(run->options->testpmd), "library",
			 report_text(run->library[0] != '\0' ? run->library :
							       run->options->library),
			 "cpu_node", run->placement.cpu_node, "memory_node",
			 run->placement.memory_node, "note", run->placement.note);
	json_object_set_new(host, "devices", devices);
	return host;
}

static int
validate(const struct options *options, FILE *json, FILE *junit)
{
	struct result results[OPTIONS_PHASES] = { { .name = "setup" } };
	struct report report = { .results = results, .compared = options->compare };
	struct run run;
	int status;

	if (run_open(&run, options, &results[0]) != VERDICT_PASS) {
		report.count = 1;
		complain(results[0].text);
	} else {
		if (run.leftovers != 0)
			fprintf(stderr,
				"note: removed %u files and directories of earlier runs that did "
				"not end\n",
				run.leftovers);
		if (run.pin_only)
			fprintf(stderr, "note: the devices have no cdev: " RUN_PIN_ONLY "\n");
		if (run.placement.note[0] != '\0')
			fprintf(stderr, "note: %s\n", run.placement.note);
		if (run.count > 1 && run.count % 2 != 0)
			fprintf(stderr,
				"note: %s is linked to none of the others, and is left "
				"out where packets are sent\n",
				run.devices[run.count - 1].addr);
		run_phases(&run, &report);
		report_table(&report, stdout);
	}
	report.host = host_describe(&run);
	status = report_status(&report);
	if (report_write(&report, report_json, json, options->json) != 0 ||
	    report_write(&report, report_junit, junit, options->junit) != 0)
		status = 2;
	report_free(&report);
	run_close(&run);
	return status;
}

static int
list_phases(void)
{
	for (unsigned int i = 0; i < phase_count; i++)
		printf("%-10s  %s (%u port%s)\n", phases[i].name, phases[i].shows, phases[i].ports,
		       phases[i].ports == 1 ? "" : "s");
	return 0;
}

int
main(int argc, char **argv)
{
	char library[PATH_MAX];
	struct options options;
	FILE *json, *junit;
	int ret;

	if (options_parse(&options, argc, argv) != 0)
		return 2;
	if (options.list_phases)
		return list_phases();
	if (options.library == NULL) {
		if (launch_find_library(LAUNCH_LIBRARY, library) != 0)
			return complain("cannot find " LAUNCH_LIBRARY ": give its path with "
					"--library");
		options.library = library;
	}
	ret = stop_init();
	if (ret != 0)
		return complain(strerror(-ret));
	if (report_open(options.json, &json) != 0 || report_open(options.junit, &junit) != 0)
		return 2;
	return validate(&options, json, junit);
}
