/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * dpdk-vfio-cdev: list devices, check the machine, run programs over cdevs, in containers
 * too. Not linked with DPDK: it reads sysfs, /proc and the file of a program.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

#define COMMANDS "list, doctor, run, cdi or udev"

const char *argp_program_version = "dpdk-vfio-cdev " VERSION;

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
} commands[] = {
	{ "list", cmd_list }, { "doctor", cmd_doctor }, { "run", cmd_run },
	{ "cdi", cmd_cdi },   { "udev", cmd_udev },
};

struct chosen {
	const struct command *command;
	int first; /* its place among the arguments */
};

static error_t
command_parse(int key, char *arg, struct argp_state *state)
{
	struct chosen *chosen = state->input;

	if (key == ARGP_KEY_NO_ARGS)
		exit(cmd_fail("no command: " COMMANDS "; see --help"));
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(arg, commands[i].name) == 0)
			chosen->command = &commands[i];
	if (chosen->command == NULL)
		exit(cmd_fail("%s: no such command: " COMMANDS "; see --help", arg));
	chosen->first = state->next - 1;
	state->next = state->argc;
	return 0;
}

static const struct argp argp = {
	.parser = command_parse,
	.args_doc = "COMMAND [ARGUMENT...]",
	.doc = "VFIO character devices for DPDK programs as they are.\n\n"
	       "  list    the devices: what they are, their mode, which processes have them\n"
	       "  doctor  what works on this machine, what does not, and what cures it\n"
	       "  run     start a program with the front of the library that it needs\n"
	       "  cdi     print what container runtimes give to containers with devices\n"
	       "  udev    print a rule that gives the nodes to a group\v"
	       "Examples:\n"
	       "  dpdk-vfio-cdev list --all\n"
	       "  dpdk-vfio-cdev doctor 0000:00:03.0\n"
	       "  dpdk-vfio-cdev run --check -- dpdk-testpmd -a 0000:00:03.0\n\n"
	       "\"dpdk-vfio-cdev COMMAND --help\" prints more; dpdk-vfio-cdev(1) has it all.",
};

/* What was printed may not have arrived: a full disk, a closed descriptor. */
static void
output_end(void)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return;
	cmd_fail("cannot write the output: %s", strerror(errno != 0 ? errno : EIO));
	_exit(CMD_TROUBLE);
}

int
main(int argc, char **argv)
{
	struct chosen chosen = { .command = NULL };
	char name[32];

	atexit(output_end);
	argp_err_exit_status = CMD_TROUBLE;
	argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &chosen);
	snprintf(name, sizeof(name), "dpdk-vfio-cdev %s", chosen.command->name);
	argv[chosen.first] = name;
	return chosen.command->run(argc - chosen.first, argv + chosen.first);
}
