/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-vfio-cdev doctor: what the checks find, as text or as JSON. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "finding.h"
#include "finding_json.h"
#include "launch.h"
#include "term.h"

#define VERDICTS (CHECK_FAIL + 1)

struct arguments {
	bool json;
	const char *app;
	const char **plugins; /* NULL-terminated */
	unsigned int n_plugins;
	char **texts; /* devices as they were typed */
	int n_texts;
};

struct report {
	json_t *findings; /* NULL: print them */
	unsigned int counts[VERDICTS];
	bool colours;
	bool no_memory;
};

static void
finding_report(void *arg, const struct check_finding *finding)
{
	struct report *report = arg;

	report->counts[finding->verdict]++;
	if (report->findings == NULL)
		finding_print(stdout, finding, report->colours);
	else if (json_array_append_new(report->findings, check_finding_json(finding)) != 0)
		report->no_memory = true;
}

/* Each verdict with its count, and what that means. */
static void
summary_print(const struct report *report, int worst)
{
	static const char *const meaning[] = {
		[CHECK_PASS] = "DPDK can use the devices over their cdevs",
		[CHECK_WARN] = "it works, but for the warnings",
		[CHECK_FAIL] = "it would not work",
	};

	printf("%u passed, %u warning%s, %u failed: %s\n", report->counts[CHECK_PASS],
	       report->counts[CHECK_WARN], report->counts[CHECK_WARN] == 1 ? "" : "s",
	       report->counts[CHECK_FAIL], meaning[worst]);
}

static json_t *
report_json(const struct report *report, int worst)
{
	return json_pack("{s:s, s:i, s:i, s:i, s:O}", "verdict", check_verdict_name(worst),
			 "passed", report->counts[CHECK_PASS], "warnings",
			 report->counts[CHECK_WARN], "failed", report->counts[CHECK_FAIL],
			 "findings", report->findings);
}

static int
checks_print(const struct host *host, const struct check_options *options)
{
	struct report report = { .colours = term_colours(stdout) };
	int worst = checks_run(host, options, finding_report, &report);

	if (worst < 0)
		return cmd_fail("%s", strerror(-worst));
	summary_print(&report, worst);
	return worst;
}

static int
checks_print_json(const struct host *host, const struct check_options *options)
{
	struct report report = { .findings = json_array() };
	int worst, status;

	if (report.findings == NULL)
		return cmd_fail("%s", strerror(ENOMEM));
	worst = checks_run(host, options, finding_report, &report);
	if (worst < 0 || report.no_memory)
		status = cmd_fail_json(true, "%s", strerror(worst < 0 ? -worst : ENOMEM));
	else
		status = cmd_print_json(report_json(&report, worst), stdout, worst);
	json_decref(report.findings);
	return status;
}

/* The devices that were named, NULL-terminated. */
struct names {
	char (*addrs)[RTE_VFIO_CDEV_ADDR_LEN];
	const char **devices;
};

static int
names_read(const struct host *host, const struct arguments *arguments, struct names *names)
{
	const size_t count = arguments->n_texts;
	int ret = 0;

	names->addrs = calloc(count + 1, sizeof(*names->addrs));
	names->devices = calloc(count + 1, sizeof(*names->devices));
	if (names->addrs == NULL || names->devices == NULL)
		return cmd_fail_json(arguments->json, "%s", strerror(ENOMEM));
	for (size_t i = 0; i < count && ret == 0; i++) {
		ret = cmd_device(host, arguments->json, arguments->texts[i], names->addrs[i]);
		names->devices[i] = names->addrs[i];
	}
	return ret;
}

static int
devices_check(const struct host *host, const struct arguments *arguments,
	      const char *const *devices)
{
	struct check_options options = { .devices = devices, .plugins = arguments->plugins };
	const char *app = arguments->app;
	char path[PATH_MAX];
	int ret;

	ret = app != NULL ? launch_find_program(host, app, path, sizeof(path)) : 0;
	if (ret < 0)
		return cmd_fail_json(arguments->json, "--app %s: %s", app, strerror(-ret));
	if (app != NULL)
		options.app = path;
	return arguments->json ? checks_print_json(host, &options) : checks_print(host, &options);
}

static int
doctor(const struct host *host, const struct arguments *arguments)
{
	struct names names;
	int ret = names_read(host, arguments, &names);

	if (ret == 0)
		ret = devices_check(host, arguments, names.devices);
	free(names.addrs);
	free(names.devices);
	return ret;
}

static error_t
option_parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	if (key == 'j') {
		arguments->json = true;
	} else if (key == 'p') {
		arguments->app = arg;
	} else if (key == 'P') {
		arguments->plugins[arguments->n_plugins++] = arg;
	} else if (key == ARGP_KEY_END && arguments->n_plugins > 0 && arguments->app == NULL) {
		exit(cmd_fail_json(arguments->json,
				   "--app-plugin %s: of which program? Give it "
				   "with --app",
				   arguments->plugins[0]));
	} else if (key == ARGP_KEY_ARGS) {
		arguments->texts = state->argv + state->next;
		arguments->n_texts = state->argc - state->next;
	} else {
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp_option options[] = {
	{ "app", 'p', "PROGRAM", 0,
	  "Also check whether the library would work in it, and which front of it", 0 },
	{ "app-plugin", 'P', "PATH", 0, "The program loads this plug-in; may be repeated", 0 },
	{ "json", 'j', NULL, 0, "For scripts; dpdk-vfio-cdev(1) describes it", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = option_parse,
	.args_doc = "[DEVICE...]",
	.doc = "Check whether DPDK can use devices over their cdevs here, and print what to do "
	       "where it cannot. Without DEVICE: all that are bound to vfio-pci or to "
	       "UIO.\v"
	       "Exit status: 0 all is well, 1 it works but for warnings, 2 it would not work, or "
	       "could not be checked.\n\n"
	       "Examples:\n"
	       "  dpdk-vfio-cdev doctor\n"
	       "  dpdk-vfio-cdev doctor 0000:00:03.0 00:04.0\n"
	       "  dpdk-vfio-cdev doctor --app dpdk-testpmd\n"
	       "  dpdk-vfio-cdev doctor --json | jq -r '.findings[].cure // empty'",
};

int
cmd_doctor(int argc, char **argv)
{
	struct arguments arguments = { .plugins = cmd_names(argc) };
	struct host host;
	int ret;

	if (arguments.plugins == NULL)
		return CMD_TROUBLE;
	argp_parse(&argp, argc, argv, 0, NULL, &arguments);
	ret = host_open("", &host);
	if (ret == 0) {
		ret = doctor(&host, &arguments);
		host_close(&host);
	} else {
		ret = cmd_fail_json(arguments.json, "%s", strerror(-ret));
	}
	free(arguments.plugins);
	return ret;
}
