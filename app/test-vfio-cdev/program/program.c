/* SPDX-License-Identifier: BSD-3-Clause */

#include <ctype.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "console.h"
#include "library.h"
#include "program.h"
#include "program_files.h"

#define ARGUMENTS 128
#define READY_PATIENCE 120000 /* ms: an emulated machine is slow */
#define END_PATIENCE 10000    /* ms until a program that is ending has ended */
#define CRASH_PATIENCE 500    /* ms the same, whose files are closed */
#define OLDEST "22.11"
#define OUTPUT_END 4000 /* characters */
#define PREFIX 64
#define NAME 64
#define SHARES 2
#define DEVICES (ARGUMENTS / 2)	 /* there is no room for more */
#define NO_DEVICE "ffff:ff:1f.7" /* allowed, so that no other one is */

struct program {
	struct console console;
	struct telemetry telemetry;
	const struct run *run;
	char name[NAME]; /* of the executable */
	char prefix[PREFIX];
};

/* An argument vector that grows until it is full. */
struct arguments {
	char *argv[ARGUMENTS];
	unsigned int count;
	bool failed;
};

static void
arguments_add(struct arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void
arguments_add(struct arguments *arguments, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	if (arguments->count + 1 == ARGUMENTS || vasprintf(&text, format, args) < 0)
		arguments->failed = true;
	else
		arguments->argv[arguments->count++] = text;
	va_end(args);
}

static void
arguments_add_all(struct arguments *arguments, const char *const *more)
{
	for (; more != NULL && *more != NULL; more++)
		arguments_add(arguments, "%s", *more);
}

static void
arguments_free(struct arguments *arguments)
{
	while (arguments->count != 0)
		free(arguments->argv[--arguments->count]);
}

unsigned int
program_devices(const struct run *run, const struct program_spec *spec)
{
	return spec->count != 0 ? spec->count : run->count - spec->first;
}

/* Two programs beside each other have CPUs of their own where there are enough. */
static void
arguments_lcores(struct arguments *arguments, const struct placement *placement, unsigned int share)
{
	unsigned int count = placement->cpu_count;
	unsigned int main_cpu = count >= 4 ? share * 2 : share % count;

	arguments_add(arguments, "--lcores=0@%u,1@%u", placement->cpus[main_cpu],
		      placement->cpus[(main_cpu + 1) % count]);
}

static void
arguments_devices(struct arguments *arguments, const struct run *run,
		  const struct program_spec *spec)
{
	if (spec->plugs) {
		arguments_add(arguments, "-a");
		arguments_add(arguments, NO_DEVICE);
		return;
	}
	for (unsigned int i = 0; i < program_devices(run, spec); i++) {
		arguments_add(arguments, "-a");
		arguments_add(arguments, "%s", run->devices[spec->first + i].addr);
	}
}

static void
arguments_make(struct arguments *arguments, const struct run *run, const struct program_spec *spec,
	       const char *prefix)
{
	arguments_add(arguments, "%s", spec->path);
	arguments_lcores(arguments, &run->placement, spec->share);
	arguments_add(arguments, "--file-prefix=%s", prefix);
	arguments_add(arguments, "--socket-mem=%s", run->placement.memory);
	arguments_devices(arguments, run, spec);
	arguments_add_all(arguments, spec->eal);
	arguments_add(arguments, "--");
	arguments_add_all(arguments, spec->args);
}

/* The last thing it printed of the kind, which often names the cause; or "nothing". */
static const char *
program_last_line(const struct program *program, const char *kind, int *length)
{
	const char *text = program->console.text, *end, *start;

	for (end = text != NULL ? text + program->console.length : NULL; end > text;
	     end = start - 1) {
		for (start = end; start > text && start[-1] != '\n'; start--)
			;
		*length = (int)(end - start);
		if ((size_t)*length > strspn(start, " \n") &&
		    memmem(start, (size_t)*length, kind, strlen(kind)) != NULL)
			return start;
		if (start == text)
			break;
	}
	*length = (int)strlen("nothing");
	return "nothing";
}

/* The end of what it printed goes to the JSON report. */
static void
program_add_output(const struct program *program, struct result *result)
{
	size_t length = program->console.length;
	size_t skip = length > OUTPUT_END ? length - OUTPUT_END : 0;
	char text[OUTPUT_END + 1];

	snprintf(text, sizeof(text), "%s", length != 0 ? program->console.text + skip : "");
	for (char *c = text; *c != '\0'; c++)
		if (!isascii((unsigned char)*c))
			*c = '?';
	result_detail(result, "output", json_string(text));
}

static enum verdict
program_ended(struct program *program, struct result *result)
{
	int length, status = program->console.status;
	const char *line = program_last_line(program, "", &length);

	program_add_output(program, result);
	if (WIFSIGNALED(status))
		return result_fail(result, "%s crashed: signal %d (%s); its last line: %.*s",
				   program->name, WTERMSIG(status), strsignal(WTERMSIG(status)),
				   length, line);
	return result_fail(result, "%s ended with exit status %d; its last line: %.*s",
			   program->name, WEXITSTATUS(status), length, line);
}

enum verdict
program_complain(struct program *program, const char *what, struct result *result)
{
	int length;
	const char *line = program_last_line(program, ": cannot ", &length);

	program_add_output(program, result);
	return result_fail(result, "%s %s; its last complaint: %.*s", program->name, what, length,
			   line);
}

/* What console_expect() returned, in words. */
static enum verdict
program_verdict(struct program *program, int err, int ms, const char *text, struct result *result)
{
	char what[128];

	switch (err) {
	case 0:
		return VERDICT_PASS;
	case -EINTR:
		return result_stopped(result);
	case -EPIPE:
		return program_ended(program, result);
	case -ETIMEDOUT:
		snprintf(what, sizeof(what), "did not print '%s' within %d s", text, ms / 1000);
		return program_complain(program, what, result);
	case -ENOBUFS:
		return result_error(result,
				    "%s printed more than %u MiB before '%s', and what came first "
				    "was not kept: let it print less (--log-level)",
				    program->name, CONSOLE_MOST_MIB, text);
	default:
		return result_error(result, "%s: %s", program->name, strerror(-err));
	}
}

static enum verdict
program_spawn(struct program *program, struct run *run, const struct program_spec *spec,
	      struct result *result)
{
	struct arguments arguments = { 0 }, env = { 0 };
	int ret;

	arguments_make(&arguments, run, spec, program->prefix);
	arguments_add(&env, "LD_PRELOAD=%s", run->library);
	arguments_add(&env, "RTE_VFIO_CDEV=%s",
		      spec->stock	    ? "off" :
			      run->pin_only ? "prefer" :
					      "require");
	/* Else an idle device would be bound at its start, and its addresses pinned at once. */
	if (spec->plugs)
		arguments_add(&env, "RTE_VFIO_CDEV_PRIME=none");
	arguments_add(&env, "RUNTIME_DIRECTORY=%s", run->runtime);
	/* Messages are read by us. */
	arguments_add(&env, "LC_ALL=C");
	ret = arguments.failed || env.failed ?
		-ENOMEM :
		console_spawn(&program->console, arguments.argv, env.argv);
	arguments_free(&env);
	arguments_free(&arguments);
	if (ret != 0)
		return result_error(result, "cannot run %s: %s", spec->path, strerror(-ret));
	return VERDICT_PASS;
}

/*
 * The EAL opens the socket before the program is ready (rte_eal_init()): in the directory of
 * RUNTIME_DIRECTORY, and else root's in another one (lib/eal/linux/eal.c,
 * eal_create_runtime_dir()).
 */
static enum verdict
program_connect(struct program *program, struct result *result)
{
	char path[256], other[256];

	snprintf(path, sizeof(path), "%s/dpdk/%s/dpdk_telemetry.v2", program->run->runtime,
		 program->prefix);
	snprintf(other, sizeof(other), PROGRAM_FILES_ROOT "/%s/dpdk_telemetry.v2", program->prefix);
	if (access(path, F_OK) != 0 && access(other, F_OK) == 0)
		return program_complain(program,
					"does not have the environment that it was given, such as "
					"LD_PRELOAD: does a wrapper clear it?",
					result);
	return telemetry_open(&program->telemetry, path, result);
}

/* "DPDK 22.11.11" or "DPDK 26.07.0-rc1". */
static enum verdict
program_release(struct program *program, struct run *run, struct result *result)
{
	const char *version = program->telemetry.version;
	unsigned int year, month;

	if (sscanf(version, "DPDK %u.%u", &year, &month) != 2)
		return result_error(result, "%s is of an unknown release: %s", program->name,
				    version);
	if (year * 100 + month < 2211)
		return result_error(result, "%s is of %s: at least DPDK " OLDEST " is needed",
				    program->name, version);
	snprintf(run->dpdk, sizeof(run->dpdk), "%s", version + strlen("DPDK "));
	return VERDICT_PASS;
}

/* A program that has crashed is the better explanation of why it does not answer. */
static enum verdict
program_explain(struct program *program, enum verdict verdict, struct result *result)
{
	if (verdict == VERDICT_FAIL &&
	    console_expect(&program->console, NULL, END_PATIENCE, NULL) == -EPIPE)
		return program_ended(program, result);
	return verdict;
}

/* None is checked that is none of the run's. */
static enum verdict
program_check_opened(struct program *program, const char *addr, struct result *result)
{
	const struct run *run = program->run;
	enum verdict verdict = VERDICT_PASS;
	char what[256] = "";

	for (unsigned int i = 0; i < run->count && verdict == VERDICT_PASS; i++)
		if (strcmp(run->devices[i].addr, addr) == 0)
			verdict = library_opened(&run->host, program_pid(program), &run->devices[i],
						 what, sizeof(what), result);
	if (verdict != VERDICT_PASS &&
	    console_expect(&program->console, NULL, CRASH_PATIENCE, NULL) == -EPIPE)
		return program_ended(program, result);
	return verdict == VERDICT_FAIL ? program_complain(program, what, result) : verdict;
}

enum verdict
program_check_devices(struct program *program, const char *const *addrs, unsigned int count,
		      struct result *result)
{
	enum verdict verdict;
	char what[256] = "";
	json_t *answer;

	verdict = program_query(program, result, &answer, "/vfio_cdev/devices");
	if (verdict != VERDICT_PASS)
		return verdict;
	verdict = library_devices(answer, addrs, count, what, sizeof(what), result);
	json_decref(answer);
	if (verdict == VERDICT_FAIL)
		return program_complain(program, what, result);
	for (unsigned int i = 0; i < count && verdict == VERDICT_PASS; i++)
		verdict = program_check_opened(program, addrs[i], result);
	return verdict;
}

/* With RTE_VFIO_CDEV=off there are no such commands. */
static enum verdict
program_check_stock(struct program *program, struct result *result)
{
	enum verdict verdict;
	json_t *answer;

	verdict = program_query(program, result, &answer, "/vfio_cdev/devices");
	if (verdict == VERDICT_PASS && !json_is_null(answer))
		verdict = result_error(result,
				       "%s has the backend in spite of RTE_VFIO_CDEV=off: it is no "
				       "stock DPDK to compare with",
				       program->name);
	json_decref(answer);
	return verdict;
}

/* Such devices are set up by stock DPDK: what is left to see is the memory that is pinned. */
static enum verdict
program_check_pins(struct program *program, struct result *result)
{
	json_t *answer, *domain;
	uint64_t bytes = 0;
	enum verdict verdict;

	verdict = program_query(program, result, &answer, "/vfio_cdev/domains");
	if (verdict != VERDICT_PASS)
		return verdict;
	domain = json_object_get(json_object_get(answer, "domains"), "pin_only");
	if (telemetry_number(domain, "bytes", &bytes) != 0 || bytes == 0)
		verdict = program_complain(program,
					   json_is_null(answer) ?
						   "runs without the backend" :
						   "has no memory that io_uring pins",
					   result);
	json_decref(answer);
	return verdict;
}

static enum verdict
program_check(struct program *program, const struct run *run, const struct program_spec *spec,
	      struct result *result)
{
	const unsigned int count = program_devices(run, spec);
	const char *addrs[DEVICES];

	if (spec->stock)
		return program_check_stock(program, result);
	/* It plugs at a time of its own; its phase checks them then. */
	if (spec->plugs)
		return VERDICT_PASS;
	if (run->pin_only)
		return program_check_pins(program, result);
	for (unsigned int i = 0; i < count && i < DEVICES; i++)
		addrs[i] = run->devices[spec->first + i].addr;
	return program_check_devices(program, addrs, count < DEVICES ? count : DEVICES, result);
}

/*
 * The directory's name is no other run's (mkdtemp()). A process id may be: of containers that
 * share a hugetlbfs, each has its own.
 */
static void
program_prefix(const struct run *run, char *prefix, unsigned int share)
{
	const char *slash = strrchr(run->runtime, '/');

	snprintf(prefix, PREFIX, "%s-%u", slash != NULL ? slash + 1 : "", share);
}

enum verdict
program_start(struct run *run, const struct program_spec *spec, struct result *result,
	      struct program **out)
{
	struct program *program;
	enum verdict verdict;
	const char *slash;

	*out = NULL;
	program = calloc(1, sizeof(*program));
	if (program == NULL)
		return result_error(result, "cannot run %s: %s", spec->path, strerror(ENOMEM));
	slash = strrchr(spec->path, '/');
	*program = (struct program){
		.console = { .fd = -1 },
		.telemetry = { .fd = -1 },
		.run = run,
	};
	snprintf(program->name, NAME, "%s", slash != NULL ? slash + 1 : spec->path);
	program_prefix(run, program->prefix, spec->share);
	verdict = program_spawn(program, run, spec, result);
	if (verdict == VERDICT_PASS)
		verdict = program_expect(program, spec->ready, READY_PATIENCE, result, NULL);
	if (verdict == VERDICT_PASS)
		verdict = program_explain(program, program_connect(program, result), result);
	if (verdict == VERDICT_PASS)
		verdict = program_release(program, run, result);
	if (verdict == VERDICT_PASS)
		verdict = program_check(program, run, spec, result);
	if (verdict != VERDICT_PASS)
		program_free(program);
	else
		*out = program;
	return verdict;
}

void
program_kill(struct program *program)
{
	if (program == NULL)
		return;
	telemetry_close(&program->telemetry);
	console_close(&program->console);
	free(program);
}

void
program_free(struct program *program)
{
	const struct run *run;
	char prefix[PREFIX];

	if (program == NULL)
		return;
	run = program->run;
	strcpy(prefix, program->prefix);
	program_kill(program);
	program_files_remove(run->runtime, prefix);
}

void
programs_end(const struct run *run)
{
	char prefix[PREFIX];

	for (unsigned int share = 0; share < SHARES; share++) {
		program_prefix(run, prefix, share);
		program_files_remove(run->runtime, prefix);
	}
	program_files_end(run->runtime);
	if (run->lock >= 0)
		close(run->lock);
}

enum verdict
program_write(struct program *program, const char *text, struct result *result)
{
	int ret = console_write(&program->console, text);

	/* The other side of the terminal is closed. */
	if (ret == -EIO)
		ret = console_expect(&program->console, NULL, END_PATIENCE, NULL);
	return program_verdict(program, ret, 0, "", result);
}

enum verdict
program_expect(struct program *program, const char *text, int ms, struct result *result,
	       char **output)
{
	int ret = console_expect(&program->console, text, ms, output);

	return program_verdict(program, ret, ms, text, result);
}

enum verdict
program_wait(struct program *program, int ms, struct result *result)
{
	int ret = console_expect(&program->console, NULL, ms, NULL);

	if (ret == -EPIPE && program->console.status == 0)
		return VERDICT_PASS;
	return program_verdict(program, ret, ms, "its end", result);
}

enum verdict
program_sleep(struct program *program, int ms, struct result *result)
{
	int ret = console_expect(&program->console, NULL, ms, NULL);

	return program_verdict(program, ret == -ETIMEDOUT ? 0 : ret, ms, "", result);
}

enum verdict
program_query(struct program *program, struct result *result, json_t **value, const char *format,
	      ...)
{
	enum verdict verdict;
	char command[256];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	verdict = telemetry_query(&program->telemetry, command, result, value);
	return program_explain(program, verdict, result);
}

pid_t
program_pid(const struct program *program)
{
	return program->telemetry.pid;
}
