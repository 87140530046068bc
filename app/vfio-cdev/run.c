/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-vfio-cdev run: start a program with the front that it needs preloaded. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "eal_args.h"
#include "finding.h"
#include "front.h"
#include "launch.h"
#include "preload.h"
#include "term.h"

/* As shells have it. */
#define CANNOT_RUN 126
#define NOT_FOUND 127

struct arguments {
	bool require;
	bool check;
	const char *library;
	enum front front; /* FRONT_AUTO: the one that the program needs */
	const char **plugins;
	unsigned int n_plugins;
	char **program; /* and its arguments, NULL-terminated */
};

struct report {
	bool all; /* or else only failures; and which front it is, whatever the verdict */
	unsigned int failed;
};

static void
finding_report(void *arg, const struct check_finding *finding)
{
	const bool is_fail = finding->verdict == CHECK_FAIL;
	struct report *report = arg;

	if (is_fail ||
	    (report->all && (finding->verdict != CHECK_PASS || strcmp(finding->check, "app") == 0)))
		finding_print(stderr, finding, term_colours(stderr));
	report->failed += is_fail;
}

/* A program that uses nothing of PCI needs no more than that it is a program. */
static int
checks_choose(const struct host *host, bool all, const struct check_options *options,
	      struct report *report)
{
	return all ? checks_run(host, options, finding_report, report) :
		     checks_run_app(host, options, finding_report, report);
}

static int
host_check(const struct host *host, const struct arguments *arguments, const char *path)
{
	struct report report = { .all = arguments->check };
	struct check_options options = {
		.app = path,
		.front = arguments->front,
		.plugins = arguments->plugins,
		.preloads = true,
	};
	struct eal_args args = { .devices = NULL };
	int ret;

	if (arguments->check && eal_args_read(host, arguments->program, &args) != 0) {
		eal_args_free(&args);
		return CMD_TROUBLE;
	}
	options.devices = args.devices;
	options.blocked = args.blocked;
	options.no_devices = args.no_devices;
	options.no_huge = args.no_huge;
	options.joins = args.joins;
	options.require = arguments->require;
	ret = checks_choose(host, arguments->check && !args.no_pci, &options, &report);
	eal_args_free(&args);
	if (ret < 0)
		return cmd_fail("%s", strerror(-ret));
	return report.failed == 0 ? 0 :
				    cmd_fail("%s is not started: %u check%s failed", path,
					     report.failed, report.failed == 1 ? "" : "s");
}

static int
program_fail(const char *name, int err)
{
	cmd_fail("cannot run %s: %s", name, strerror(err));
	return err == ENOENT ? NOT_FOUND : CANNOT_RUN;
}

/* A library that is given decides: it is of one front. */
static int
library_check(struct arguments *arguments, char library[PATH_MAX])
{
	enum front front;
	int ret;

	if (arguments->library == NULL)
		return 0;
	ret = preload_choose(arguments->library, FRONT_AUTO, library);
	if (ret != 0)
		return ret;
	front = front_by_file(library);
	if (front == FRONT_AUTO)
		front = arguments->front != FRONT_AUTO ? arguments->front : FRONT_EAL;
	if (arguments->front != FRONT_AUTO && arguments->front != front)
		return cmd_fail("--library %s is of the other front, not of --front %s", library,
				front_name(arguments->front));
	arguments->front = front;
	return 0;
}

/* What the program gets, once it was checked. */
static int
front_set(const struct host *host, const struct arguments *arguments, const char *path,
	  char library[PATH_MAX])
{
	enum front front = arguments->front;
	int ret = 0;

	if (front == FRONT_AUTO)
		front = front_find(host, path, arguments->plugins);
	if (arguments->library == NULL)
		ret = preload_choose(NULL, front, library);
	return ret == 0 ? preload_set(library, arguments->require) : ret;
}

/* Find the program to run, check it, and set its environment: 0 or an exit status. */
static int
program_prepare(struct arguments *arguments, char path[PATH_MAX])
{
	const char *name = arguments->program[0];
	char library[PATH_MAX];
	struct host host;
	int ret = library_check(arguments, library);

	if (ret != 0)
		return ret;
	ret = host_open("", &host);
	if (ret < 0)
		return cmd_fail("%s", strerror(-ret));
	ret = launch_find_program(&host, name, path, PATH_MAX);
	ret = ret < 0 ? program_fail(name, -ret) : host_check(&host, arguments, path);
	if (ret == 0)
		ret = front_set(&host, arguments, path, library);
	host_close(&host);
	return ret;
}

static int
program_run(struct arguments *arguments)
{
	char path[PATH_MAX];
	int ret = program_prepare(arguments, path);

	if (ret != 0)
		return ret;
	execvp(path, arguments->program);
	if (errno != ENOENT)
		return program_fail(path, errno);
	cmd_fail("cannot run %s: its interpreter is not there", path);
	return CANNOT_RUN;
}

static enum front
front_parse(const char *name)
{
	for (enum front front = FRONT_AUTO; front <= FRONT_LIBC; front++)
		if (strcmp(name, front_name(front)) == 0)
			return front;
	exit(cmd_fail("--front %s: eal, libc or auto", name));
}

static error_t
option_parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->check = true;
		return 0;
	case 'f':
		arguments->front = front_parse(arg);
		return 0;
	case 'P':
		arguments->plugins[arguments->n_plugins++] = arg;
		return 0;
	case 'l':
		arguments->library = arg;
		return 0;
	case 'r':
		arguments->require = true;
		return 0;
	case ARGP_KEY_ARGS:
		arguments->program = state->argv + state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		exit(cmd_fail("run: no program; see --help"));
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{ "app-plugin", 'P', "PATH", 0,
	  "The program loads this plug-in, which may have DPDK in it; may be repeated", 0 },
	{ "check", 'c', NULL, 0,
	  "First check what the doctor checks, and print which front the program gets; for it and "
	  "the "
	  "devices that its options --allow (-a) and --block (-b) leave it; do not start it if a "
	  "check fails",
	  0 },
	{ "front", 'f', "FRONT", 0,
	  "eal: " LAUNCH_LIBRARY "; libc: " LAUNCH_COMPAT "; auto (the default): the one that the "
	  "program needs",
	  0 },
	{ "library", 'l', "PATH", 0, "Use this library, of either front", 0 },
	{ "require", 'r', NULL, 0, "A device without a cdev is an error (" POLICY "=require)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = option_parse,
	.args_doc = "-- PROGRAM [ARGUMENT...]",
	.doc = "Run a DPDK program with the library preloaded, so that it uses devices over their "
	       "cdevs: " LAUNCH_LIBRARY
	       " if it is linked with DPDK's shared libraries, " LAUNCH_COMPAT
	       " if DPDK is in it, or if it uses VFIO without DPDK.\v"
	       "Exit status: the program's; 127 if it is not found, 126 if it cannot be run, 2 if "
	       "a check failed or this command was not understood.\n\n"
	       "Examples:\n"
	       "  dpdk-vfio-cdev run -- dpdk-testpmd -a 0000:00:03.0 -- -i\n"
	       "  dpdk-vfio-cdev run --require --check -- ./my-app -l 0,1\n"
	       "  dpdk-vfio-cdev run --app-plugin ./dpdk_plugin.so -- ./my-host",
};

int
cmd_run(int argc, char **argv)
{
	struct arguments arguments = { .plugins = cmd_names(argc) };
	int status;

	if (arguments.plugins == NULL)
		return CMD_TROUBLE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	status = program_run(&arguments);
	free(arguments.plugins);
	return status;
}
