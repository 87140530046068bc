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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_ROUNDS 10000
#define MAX_CALLS 10000000
#define FILES 200 /* that are open at once, to be closed */
#define RUNS 5	  /* of a program for each call, of which the fastest counts */

enum { EXIT_FAILED = 1, EXIT_UNTRIED = 2 };
enum { WITHOUT, WITH, WAYS };

typedef double (*call_measure_t)(unsigned int count); /* ns a call */

struct options {
	unsigned int calls;
	unsigned int rounds;
	unsigned int starts;
	const char *library;
};

static void __attribute__((format(printf, 2, 3), noreturn))
give_up(int status, const char *format, ...)
{
	va_list args;

	fputs("bench_calls: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static void
need(const char *call, long ret)
{
	if (ret < 0)
		give_up(EXIT_FAILED, "%s: %s", call, strerror(errno));
}

static double
measure_open(unsigned int count)
{
	const double start = now_ns();

	for (unsigned int i = 0; i < count; i++) {
		const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

		need("open", fd);
		need("close", close(fd));
	}
	return (now_ns() - start) / count;
}

/* Short in the kernel, so that little hides what is added. */
static double
measure_open_nothing(unsigned int count)
{
	const double start = now_ns();

	for (unsigned int i = 0; i < count; i++)
		if (open("/nothing", O_RDONLY | O_CLOEXEC) >= 0 || errno != ENOENT)
			give_up(EXIT_FAILED, "open: /nothing should not be there");
	return (now_ns() - start) / count;
}

static double
measure_read(unsigned int count)
{
	const int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	const double start = now_ns();
	char byte;

	for (unsigned int i = 0; i < count; i++)
		need("read", read(fd, &byte, 1));
	return (now_ns() - start) / count;
}

static double
measure_pread(unsigned int count)
{
	const int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	const double start = now_ns();
	char byte;

	for (unsigned int i = 0; i < count; i++)
		need("pread", pread(fd, &byte, 1, 0));
	return (now_ns() - start) / count;
}

static double
measure_ioctl(unsigned int count)
{
	int fds[2], waiting;
	double start;

	need("pipe", pipe2(fds, O_CLOEXEC));
	start = now_ns();
	for (unsigned int i = 0; i < count; i++)
		need("ioctl", ioctl(fds[0], FIONREAD, &waiting));
	return (now_ns() - start) / count;
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
		const double start = now_ns();

		for (unsigned int i = 0; i < FILES; i++)
			need("close", close(files[i]));
		time += now_ns() - start;
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
		give_up(EXIT_UNTRIED, "cannot start %s: %s", argv[0], strerror(ret));
	return pid;
}

static void
end_wait(pid_t pid, const char *what)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status != 0)
		give_up(EXIT_FAILED, "%s ended with status %d", what, status);
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
			give_up(EXIT_FAILED, "no figure for %s", calls[i].name);
	fclose(output);
	end_wait(pid, self);
}

static double
start_run(const struct options *options, int way)
{
	char program[] = "/bin/true";
	char *argv[] = { program, NULL };
	const double from = now_ns();

	end_wait(start(options, way, argv, -1), program);
	return now_ns() - from;
}

static int
doubles_compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, unsigned int count)
{
	qsort(values, count, sizeof(*values), doubles_compare);
	return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

/* Medians of both, and of the differences in each pair. */
static void
row_print(const char *name, double pairs[WAYS][MAX_ROUNDS], unsigned int count, double unit)
{
	static double difference[MAX_ROUNDS];

	for (unsigned int i = 0; i < count; i++)
		difference[i] = (pairs[WITH][i] - pairs[WITHOUT][i]) / unit;
	const double more = median(difference, count);

	printf("%-28s %10.1f %10.1f %+10.1f\n", name, median(pairs[WITHOUT], count) / unit,
	       median(pairs[WITH], count) / unit, more);
}

static void
calls_table(const struct options *options)
{
	static double found[CALLS][WAYS][MAX_ROUNDS];
	double row[CALLS];

	for (unsigned int round = 0; round < options->rounds; round++)
		for (unsigned int turn = 0; turn < WAYS; turn++) {
			const int way = (round + turn) % WAYS;

			calls_run(options, way, row);
			for (unsigned int i = 0; i < CALLS; i++)
				found[i][way][round] = row[i];
		}
	printf("%-28s %10s %10s %10s\n", "ns per call", "without", "with", "more");
	for (unsigned int i = 0; i < CALLS; i++)
		row_print(calls[i].name, found[i], options->rounds, 1);
}

static void
starts_table(const struct options *options)
{
	static double found[WAYS][MAX_ROUNDS];

	for (unsigned int round = 0; round < options->starts; round++)
		for (unsigned int turn = 0; turn < WAYS; turn++) {
			const int way = (round + turn) % WAYS;

			found[way][round] = start_run(options, way);
		}
	printf("%-28s %10s %10s %10s\n", "us per start", "without", "with", "more");
	row_print("/bin/true", found, options->starts, 1000);
}

static void
usage(FILE *out)
{
	fputs("usage: bench_calls [-n CALLS] [-r ROUNDS] [-s STARTS] LIBRARY\n"
	      "\n"
	      "Measures what LIBRARY, preloaded, adds to open(), read(), ioctl() and close(), and\n"
	      "to the start of a program. Prints medians of pairs, and of their differences.\n"
	      "\n"
	      "  -n, --calls CALLS    calls of each kind in a program (50000)\n"
	      "  -r, --rounds ROUNDS  pairs of programs that make them (61)\n"
	      "  -s, --starts STARTS  pairs of starts (300)\n"
	      "  -h, --help           this text\n"
	      "\n"
	      "exit status: 0 if it was measured, 1 if a call failed, 2 if it could not be tried\n",
	      out);
}

static unsigned int
number_parse(const char *text, unsigned int most)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < 1 ||
	    value > most)
		give_up(EXIT_UNTRIED, "%s is no number from 1 to %u", text, most);
	return value;
}

static void
arguments_parse(struct options *options, int argc, char **argv)
{
	static const struct option names[] = {
		{ "calls", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "starts", required_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "n:r:s:h", names, NULL)) != -1) {
		if (option == 'h' || option == '?') {
			usage(option == 'h' ? stdout : stderr);
			exit(option == 'h' ? EXIT_SUCCESS : EXIT_UNTRIED);
		}
		if (option == 'n')
			options->calls = number_parse(optarg, MAX_CALLS);
		else if (option == 'r')
			options->rounds = number_parse(optarg, MAX_ROUNDS);
		else
			options->starts = number_parse(optarg, MAX_ROUNDS);
	}
	if (argc - optind != 1) {
		usage(stderr);
		exit(EXIT_UNTRIED);
	}
	options->library = argv[optind];
	/* The dynamic linker only warns of one that is not there. */
	if (access(options->library, R_OK) != 0)
		give_up(EXIT_UNTRIED, "%s: %s", options->library, strerror(errno));
}

int
main(int argc, char **argv)
{
	struct options options = { .calls = 50000, .rounds = 61, .starts = 300 };

	if (argc == 3 && strcmp(argv[1], "--measure") == 0)
		return calls_measure(number_parse(argv[2], MAX_CALLS));
	arguments_parse(&options, argc, argv);
	calls_table(&options);
	starts_table(&options);
	return EXIT_SUCCESS;
}
