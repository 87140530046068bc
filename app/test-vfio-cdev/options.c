/* SPDX-License-Identifier: BSD-3-Clause */

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "phase.h"
#include "test_config.h"

#define DURATION_MOST 86400 /* seconds */
#define RESTARTS_MOST 1000

enum {
	KEY_COMPARE = 256,
	KEY_DEVICES,
	KEY_DURATION,
	KEY_JSON,
	KEY_JUNIT,
	KEY_KEEP_GOING,
	KEY_LIBRARY,
	KEY_LIST_PHASES,
	KEY_PHASES,
	KEY_RESTARTS,
	KEY_TESTPMD,
};

const char *argp_program_version = "dpdk-test-vfio-cdev " TEST_VERSION;

static const struct argp_option argp_options[] = {
	{ .name = "devices",
	  .key = KEY_DEVICES,
	  .arg = "LIST",
	  .doc = "Addresses with commas between them; the first is cabled to the second, the "
		 "third to the fourth (default: all network devices that have a cdev; if there is "
		 "none, those that are used without)" },
	{ .name = "testpmd",
	  .key = KEY_TESTPMD,
	  .arg = "PATH",
	  .doc = "The dpdk-testpmd to run (default: the one in PATH)" },
	{ .name = "library",
	  .key = KEY_LIBRARY,
	  .arg = "PATH",
	  .doc = "The backend to preload (default: the one that came with this program)" },
	{ .name = "duration",
	  .key = KEY_DURATION,
	  .arg = "SECONDS",
	  .doc = "How long packets flow in each way that a phase sends them (default: 5)" },
	{ .name = "phases",
	  .key = KEY_PHASES,
	  .arg = "LIST",
	  .doc = "Run only these, with commas between them" },
	{ .name = "list-phases",
	  .key = KEY_LIST_PHASES,
	  .doc = "List the phases and what they show" },
	{ .name = "restarts",
	  .key = KEY_RESTARTS,
	  .arg = "COUNT",
	  .doc = "How often the phase restart kills testpmd (default: 10)" },
	{ .name = "keep-going",
	  .key = KEY_KEEP_GOING,
	  .doc = "Run the other phases after one that has failed" },
	{ .name = "compare",
	  .key = KEY_COMPARE,
	  .doc = "Beside it run DPDK without the backend, over the VFIO group, where there is "
		 "one, and show both figures" },
	{ .name = "json", .key = KEY_JSON, .arg = "FILE", .doc = "Write a report as JSON" },
	{ .name = "junit", .key = KEY_JUNIT, .arg = "FILE", .doc = "Write a report as JUnit XML" },
	{ 0 },
};

static const char argp_doc[] =
	"Run the machine's own dpdk-testpmd over VFIO cdevs and report whether this host can be "
	"trusted with it.\v"
	"Examples:\n"
	"  dpdk-test-vfio-cdev\n"
	"  dpdk-test-vfio-cdev --devices 0000:00:03.0,0000:00:04.0 --json report.json\n"
	"  dpdk-test-vfio-cdev --phases addresses,forward --duration 60 --compare\n\n"
	"Exit status: 0 all phases passed, 1 one failed, 2 something could not be run.";

/* Tick off the phases of a list. */
static int
options_phases(struct options *options, char *list)
{
	char *name, *state = NULL;
	unsigned int i;

	memset(options->chosen, 0, sizeof(options->chosen));
	for (name = strtok_r(list, ",", &state); name != NULL; name = strtok_r(NULL, ",", &state)) {
		for (i = 0; i < phase_count && strcmp(name, phases[i].name) != 0; i++)
			;
		if (i == phase_count) {
			fprintf(stderr,
				"dpdk-test-vfio-cdev: there is no phase '%s': see "
				"--list-phases\n",
				name);
			return EINVAL;
		}
		options->chosen[i] = true;
	}
	for (i = 0; i < phase_count; i++)
		if (options->chosen[i])
			return 0;
	fprintf(stderr, "dpdk-test-vfio-cdev: --phases names none: see --list-phases\n");
	return EINVAL;
}

static int
options_number(const char *option, const char *text, unsigned long most, unsigned int *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (*end != '\0' || text[0] < '0' || text[0] > '9' || errno || value < 1 || value > most) {
		fprintf(stderr, "dpdk-test-vfio-cdev: --%s %s: not a number from 1 to %lu\n",
			option, text, most);
		return EINVAL;
	}
	*number = (unsigned int)value;
	return 0;
}

static error_t
options_option(int key, char *arg, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case KEY_COMPARE:
		options->compare = true;
		return 0;
	case KEY_DEVICES:
		options->devices = arg;
		return 0;
	case KEY_DURATION:
		return options_number("duration", arg, DURATION_MOST, &options->duration);
	case KEY_JSON:
		options->json = arg;
		return 0;
	case KEY_JUNIT:
		options->junit = arg;
		return 0;
	case KEY_KEEP_GOING:
		options->keep_going = true;
		return 0;
	case KEY_LIBRARY:
		options->library = arg;
		return 0;
	case KEY_LIST_PHASES:
		options->list_phases = true;
		return 0;
	case KEY_PHASES:
		return options_phases(options, arg);
	case KEY_RESTARTS:
		return options_number("restarts", arg, RESTARTS_MOST, &options->restarts);
	case KEY_TESTPMD:
		options->testpmd = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int
options_parse(struct options *options, int argc, char **argv)
{
	static const struct argp argp = {
		.options = argp_options,
		.parser = options_option,
		.doc = argp_doc,
	};

	*options = (struct options){
		.testpmd = "dpdk-testpmd",
		.duration = 5,
		.restarts = 10,
	};
	for (unsigned int i = 0; i < phase_count; i++)
		options->chosen[i] = true;
	argp_err_exit_status = 2;
	return argp_parse(&argp, argc, argv, 0, NULL, options) != 0 ? 2 : 0;
}
