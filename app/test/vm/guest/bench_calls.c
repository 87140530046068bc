/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a preloaded library adds to calls of the C library that it stands in front
 * of, and to the start of a program: two of them take turns, one with the library
 * and one without. Runs anywhere, and needs no device.
 */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define MAX_CALLS 10000000
#define FILES 200 /* that are open at once, to be closed */
#define RUNS 5	  /* of a program for each call, of which the fastest counts */

enum { WITHOUT = BENCH_FIRST, WITH = BENCH_SECOND };

typedef double (*call_measure_t)(unsigned int count); /* ns a call */

struct options {
	unsigned int calls;
	unsigned int rounds;
	unsigned int starts;
	bool pairs;
	const char *library;
};

static void
need(const char *call, long ret)
{
	if (ret < 0)
		bench_give_up(BENCH_FAILED, "%s: %s", call, strerror(errno));
}

static double
measure_open(unsigned int count)
{
	const double start = bench_now();

	for (unsigned int i = 0; i < count; i++) {
		const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		need("open", fd);
		need("close", close(fd));
	}
	return (bench_now() - start) / count;
}

/* Short in the kernel, so that little hides what is added. */
static double
measure_open_nothing(unsigned int count)
{
	const double start = bench_now();

	for (unsigned int i = 0; i < count; i++)
		if (open("/nothing", O_RDONLY | O_CLOEXEC) >= 0 || errno != ENOENT)
			bench_give_up(BENCH_FAILED, "open: /nothing should not be there");
	return (bench_now() - start) / count;
}

static double
measure_read(unsigned int count)
{
	const int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	const double start = bench_now();
	char byte;

	for (unsigned int i = 0; i < count; i++)
		need("read", read(fd, &byte, 1));
	return (bench_now() - start) / count;
}

static double
measure_pread(unsigned int count)
{
	const int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	const double start = bench_now();
	char byte;

	for (unsigned int i = 0; i < count; i++)
		need("pread", pread(fd, &byte, 1, 0));
	return (bench_now() - start) / count;
}

static double
measure_ioctl(unsigned int count)
{
	int fds[2], waiting;
	double start;

	need("pipe", pipe2(fds, O_CLOEXEC));
	start = bench_now();
	for (unsigned int i = 0; i < count; i++)
		need("ioctl", ioctl(fds[0], FIONREAD, &waiting));
	return (bench_now() - start) / count;
}

/* The copies are made by the kernel's own call, outside of the time. */
static double
measure_close(unsigned int count)
{
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int files[FILES];
	double time = 0;
	unsigned int done;

	for (done = 0; done < count; done += FILES) {
		for (unsigned int i = 0; i < FILES; i++)
			need("dup", files[i] = syscall(SYS_dup, fd));
		const double start = bench_now();

		for (unsigned int i = 0; i < FILES; i++)
			need("close", close(files[i]));
		time += bench_now() - start;
	}
	return time / done;
}

static const struct call {
	const char *name;
	call_measure_t measure;
} calls[] = {
	{ "open + close of /dev/null", measure_open },
	{ "open of nothing", measure_open_nothing },
	{ "read of 1 byte", measure_read },
	{ "pread of 1 byte", measure_pread },
	{ "ioctl (FIONREAD)", measure_ioctl },
	{ "close", measure_close },
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

/* In the program that is started for it: a line for each call. */
static int
calls_measure(unsigned int count)
{
	for (unsigned int i = 0; i < CALLS; i++) {
		double least = calls[i].measure(count / RUNS + 1);

		for (unsigned int run = 1; run < RUNS; run++) {
			const double ns = calls[i].measure(count / RUNS + 1);

			least = ns < least ? ns : least;
		}
		printf("%.2f\n", least);
	}
	return EXIT_SUCCESS;
}

static char **
environment(const struct options *options, int way)
{
	static char preload[4096], path[] = "PATH=/usr/bin:/bin";
	static char *with[] = { preload, path, NULL };

	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", options->library);
	return way == WITH ? with : with + 1;
}

static pid_t
start(const struct options *options, int way, char **argv, int output)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int ret;

	posix_spawn_file_actions_init(&actions);
	if (output >= 0)
		posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	ret = posix_spawn(&pid, argv[0], &actions, NULL, argv, environment(options, way));
	posix_spawn_file_actions_destroy(&actions);
	if (ret != 0)
		bench_give_up(BENCH_UNTRIED, "cannot start %s: %s", argv[0], strerror(ret));
	return pid;
}

static void
end_wait(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		bench_give_up(BENCH_FAILED, "%s ended with status %d", what, status);
}

/* ns of each call. */
static void
calls_run(const struct options *options, int way, double found[CALLS])
{
	char count[16], self[] = "/proc/self/exe", measure[] = "--measure";
	char *argv[] = { self, measure, count, NULL };
	FILE *output;
	int fds[2];
	pid_t pid;

	snprintf(count, sizeof(count), "%u", options->calls);
	need("pipe", pipe2(fds, O_CLOEXEC));
	pid = start(options, way, argv, fds[1]);
	close(fds[1]);
	output = fdopen(fds[0], "r");
	for (unsigned int i = 0; i < CALLS; i++)
		if (output == NULL || fscanf(output, "%lf", &found[i]) != 1)
			bench_give_up(BENCH_FAILED, "no figure for %s", calls[i].name);
	fclose(output);
	end_wait(pid, self);
}

/* us that the children had a CPU for. */
static double
children_ran(void)
{
	struct rusage usage;

	need("getrusage", getrusage(RUSAGE_CHILDREN, &usage));
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/* us until it has ended, and those of them that it ran. */
static void
start_run(const struct options *options, int way, double *passed, double *ran)
{
	char program[] = "/bin/true";
	char *argv[] = { program, NULL };
	const double from = bench_now(), before = children_ran();

	end_wait(start(options, way, argv, -1), program);
	*passed = (bench_now() - from) / 1000;
	*ran = children_ran() - before;
}

static void
calls_table(const struct options *options)
{
	const struct bench_table table = { .unit = "ns per call",
					   .ways = { "without", "with" },
					   .pairs = options->pairs };
	static bench_pairs_t found[CALLS];
	double row[CALLS];

	for (unsigned int round = 0; round < options->rounds; round++)
		for (unsigned int turn = 0; turn < BENCH_WAYS; turn++) {
			const int way = (round + turn) % BENCH_WAYS;

			calls_run(options, way, row);
			for (unsigned int i = 0; i < CALLS; i++)
				found[i][way][round] = row[i];
		}
	bench_head(&table);
	for (unsigned int i = 0; i < CALLS; i++)
		bench_row(&table, calls[i].name, found[i], options->rounds);
}

static void
starts_table(const struct options *options)
{
	const struct bench_table table = { .unit = "us per start",
					   .ways = { "without", "with" },
					   .pairs = options->pairs };
	static bench_pairs_t passed, ran;

	for (unsigned int round = 0; round < options->starts; round++)
		for (unsigned int turn = 0; turn < BENCH_WAYS; turn++) {
			const int way = (round + turn) % BENCH_WAYS;

			start_run(options, way, &passed[way][round], &ran[way][round]);
		}
	bench_head(&table);
	bench_row(&table, "/bin/true", passed, options->starts);
	bench_row(&table, "/bin/true, running", ran, options->starts);
}

static void
usage(FILE *out)
{
	fputs("usage: bench_calls [-n CALLS] [-r ROUNDS] [-s STARTS] [-p] LIBRARY\n"
	      "\n"
	      "Measures what LIBRARY, preloaded, adds to open(), read(), ioctl() and close(), and\n"
	      "to the start of a program. Prints medians of pairs, and of their differences.\n"
	      "\n"
	      "  -n, --calls CALLS    calls of each kind in a program (50000)\n"
	      "  -r, --rounds ROUNDS  pairs of programs that make them (61)\n"
	      "  -s, --starts STARTS  pairs of starts (300)\n"
	      "  -p, --pairs          print the figures of each pair, and no medians\n"
	      "  -h, --help           this text\n"
	      "\n"
	      "exit status: 0 if it was measured, 1 if a call failed, 2 if it could not be tried\n",
	      out);
}

static void
arguments_parse(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "calls", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "starts", required_argument, NULL, 's' },
		{ "pairs", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "n:r:s:ph", names, NULL)) != -1) {
		if (option == 'h' || option == '?') {
			usage(option == 'h' ? stdout : stderr);
			exit(option == 'h' ? EXIT_SUCCESS : BENCH_UNTRIED);
		}
		if (option == 'n')
			options->calls = bench_number(optarg, MAX_CALLS);
		else if (option == 'r')
			options->rounds = bench_number(optarg, BENCH_MAX_PAIRS);
		else if (option == 'p')
			options->pairs = true;
		else
			options->starts = bench_number(optarg, BENCH_MAX_PAIRS);
	}
	if (argc - optind != 1) {
		usage(stderr);
		exit(BENCH_UNTRIED);
	}
	options->library = argv[optind];
	/* The dynamic linker only warns of one that is not there. */
	if (access(options->library, R_OK) != 0)
		bench_give_up(BENCH_UNTRIED, "%s: %s", options->library, strerror(errno));
}

int
main(int argc, char **argv)
{
	struct options options = { .calls = 50000, .rounds = 61, .starts = 300 };

	if (argc == 3 && strcmp(argv[1], "--measure") == 0)
		return calls_measure(bench_number(argv[2], MAX_CALLS));
	arguments_parse(&options, argc, argv);
	calls_table(&options);
	starts_table(&options);
	return EXIT_SUCCESS;
}
