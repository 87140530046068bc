/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-vfio-cdev run: start a program with the backend preloaded. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "eal_args.h"
#include "finding.h"
#include "launch.h"
#include "term.h"

/* As shells have it. */
#define CANNOT_RUN 126
#define NOT_FOUND 127

#define POLICY "RTE_VFIO_CDEV"

struct arguments {
	bool require;
	bool check;
	const char *library;
	char **program; /* and its arguments, NULL-terminated */
};

static int
library_find(char path[PATH_MAX])
{
	return launch_find_library(path) == 0 ?
		0 :
		cmd_fail("cannot find " LAUNCH_LIBRARY ": give its path with --library");
}

/* A name that was given stays what it is, for it may be a link that avoids a blank. */
static int
library_take(const char *name, char path[PATH_MAX])
{
	int len = 0;

	if (name[0] != '/') {
		if (getcwd(path, PATH_MAX) == NULL)
			return cmd_fail("cannot get the working directory: %s", strerror(errno));
		len = strlen(path);
	}
	if (snprintf(path + len, PATH_MAX - len, "%s%s", len > 0 ? "/" : "", name) >=
	    PATH_MAX - len)
		return cmd_fail("--library %.64s...: %s", name, strerror(ENAMETOOLONG));
	return 0;
}

static int
library_choose(const char *name, char path[PATH_MAX])
{
	int ret = name != NULL ? library_take(name, path) : library_find(path);

	if (ret != 0)
		return ret;
	if (access(path, R_OK) < 0)
		return cmd_fail("cannot read %s: %s", path, strerror(errno));
	if (strpbrk(path, " :") != NULL)
		return cmd_fail("%s: the dynamic linker takes no blank and no colon in a path to "
				"preload: link to it from elsewhere, and give that with --library",
				path);
	return 0;
}

/* What else is to be preloaded comes after it, so that it stands in front of DPDK. */
static int
environment_set(const char *library, bool require)
{
	const char *before = getenv("LD_PRELOAD"), *policy = getenv(POLICY);
	char *preload;

	if (asprintf(&preload, "%s%s%s", library, before != NULL && before[0] != '\0' ? ":" : "",
		     before != NULL ? before : "") < 0)
		return cmd_fail("%s", strerror(ENOMEM));
	if (setenv("LD_PRELOAD", preload, 1) < 0 ||
	    setenv(POLICY, require ? "require" : "prefer", require) < 0) {
		free(preload);
		return cmd_fail("cannot set the environment: %s", strerror(errno));
	}
	free(preload);
	if (!require && policy != NULL && strcasecmp(policy, "off") == 0)
		cmd_fail(POLICY "=off is set: the library leaves all devices to stock DPDK");
	return 0;
}

struct report {
	bool all; /* or else only failures */
	unsigned int failed;
};

static void
finding_report(void *arg, const struct check_finding *finding)
{
	const bool is_fail = finding->verdict == CHECK_FAIL;
	struct report *report = arg;

	if (is_fail || (report->all && finding->verdict != CHECK_PASS))
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
	struct check_options options = { .app = path, .preloads = true };
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

/* Find the program to run, and check it: 0 or an exit status. */
static int
program_find(const struct arguments *arguments, char path[PATH_MAX])
{
	const char *name = arguments->program[0];
	struct host host;
	int ret = host_open("", &host);

	if (ret < 0)
		return cmd_fail("%s", strerror(-ret));
	ret = launch_find_program(&host, name, path, PATH_MAX);
	ret = ret < 0 ? program_fail(name, -ret) : host_check(&host, arguments, path);
	host_close(&host);
	return ret;
}

static int
program_run(const struct arguments *arguments)
{
	char library[PATH_MAX], path[PATH_MAX];
	int ret;

	ret = library_choose(arguments->library, library);
	if (ret == 0)
		ret = program_find(arguments, path);
	if (ret == 0)
		ret = environment_set(library, arguments->require);
	if (ret != 0)
		return ret;
	execvp(path, arguments->program);
	if (errno != ENOENT)
		return program_fail(path, errno);
	cmd_fail("cannot run %s: its interpreter is not there", path);
	return CANNOT_RUN;
}

static error_t
option_parse(int key, char *arg, struct argp_state *state)
{
	struct arguments *arguments = state->input;

	switch (key) {
	case 'c':
		arguments->check = true;
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
	{ "check", 'c', NULL, 0,
	  "First check what the doctor checks, for the program and the "
	  "devices that its options --allow (-a) and --block (-b) leave it; do not start it if a "
	  "check fails",
	  0 },
	{ "library", 'l', "PATH", 0, "Use this " LAUNCH_LIBRARY, 0 },
	{ "require", 'r', NULL, 0, "A device without a cdev is an error (" POLICY "=require)", 0 },
	{ NULL, 0, NULL, 0, NULL, 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = option_parse,
	.args_doc = "-- PROGRAM [ARGUMENT...]",
	.doc = "Run a DPDK program with " LAUNCH_LIBRARY " preloaded, so that it uses devices "
	       "over their cdevs.\v"
	       "Exit status: the program's; 127 if it is not found, 126 if it cannot be run, 2 if "
	       "a check failed or this command was not understood.\n\n"
	       "Examples:\n"
	       "  dpdk-vfio-cdev run -- dpdk-testpmd -a 0000:00:03.0 -- -i\n"
	       "  dpdk-vfio-cdev run --require --check -- ./my-app -l 0,1",
};

int
cmd_run(int argc, char **argv)
{
	struct arguments arguments = { .check = false };

	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &arguments);
	return program_run(&arguments);
}
