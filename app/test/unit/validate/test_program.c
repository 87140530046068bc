/* SPDX-License-Identifier: BSD-3-Clause */

/* dpdk-test-vfio-cdev: programs that end, crash, are too old, or are stopped. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asserts.h"
#include "companion.h"
#include "program.h"
#include "program_files.h"
#include "stop.h"

#define PROMPT "ready> "

static const struct options options = { .library = "" };
static struct rte_vfio_cdev_info devices[] = { { .addr = "0000:00:03.0" },
					       { .addr = "0000:00:04.0" } };
static struct run run = {
	.options = &options,
	.devices = devices,
	.count = 2,
	.placement = { .cpus = { 5 }, .cpu_count = 1, .memory = "0,64" },
};
static struct result result;
static char script[128];

/* The program is a script with these lines; stock DPDK gets no device. */
static enum verdict
start(const char *lines, bool stock, struct program **program)
{
	static const char *const args[] = { "--own", NULL };
	const struct program_spec spec = {
		.path = script,
		.ready = PROMPT,
		.args = args,
		.stock = stock,
		.plugs = stock,
	};
	FILE *file = fopen(script, "we");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", lines);
	fclose(file);
	assert_return_code(chmod(script, 0700), errno);
	return program_start(&run, &spec, &result, program);
}

static int
begin(void **state)
{
	(void)state;
	assert_int_equal(program_files_make(run.runtime, sizeof(run.runtime)), 0);
	snprintf(script, sizeof(script), "%s/script", run.runtime);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	unlink(script);
	programs_end(&run);
	assert_int_equal(access(run.runtime, F_OK), -1);
	json_decref(result.details);
	memset(&result, 0, sizeof(result));
	run.dpdk[0] = '\0';
	return 0;
}

static void
assert_fails(const char *lines, enum verdict verdict, const char *text)
{
	struct program *program;

	assert_int_equal(start(lines, false, &program), verdict);
	assert_null(program);
	assert_non_null(strstr(result.text, text));
}

static void
program_that_ends_is_a_failure(void **state)
{
	(void)state;
	assert_fails("echo first; echo 'EAL: no way'; exit 3", VERDICT_FAIL,
		     "script ended with exit status 3; its last line: EAL: no way");
	assert_non_null(
		strstr(json_string_value(json_object_get(result.details, "output")), "first\nEAL"));
	assert_fails("exit 0", VERDICT_FAIL, "exit status 0; its last line: nothing");
}

static void
program_that_crashes_is_a_failure(void **state)
{
	(void)state;
	assert_fails("kill -SEGV $$", VERDICT_FAIL, "script crashed: signal 11");
}

static void
program_that_cannot_be_executed_is_an_error(void **state)
{
	const struct program_spec spec = { .path = "/nonesuch/program", .ready = PROMPT };
	struct program *program;

	(void)state;
	assert_int_equal(program_start(&run, &spec, &result, &program), VERDICT_ERROR);
	assert_string_equal(result.text, "cannot run /nonesuch/program: No such file or directory");
}

static void
program_without_telemetry_is_an_error(void **state)
{
	(void)state;
	assert_fails("printf '" PROMPT "'; read line", VERDICT_ERROR,
		     "built or started without "
		     "telemetry?");
}

static void
program_gets_its_cpus(void **state)
{
	struct program *program;
	const char *output;

	(void)state;
	assert_int_equal(start("echo \"$@\" $RTE_VFIO_CDEV", false, &program), VERDICT_FAIL);
	output = json_string_value(json_object_get(result.details, "output"));
	assert_non_null(strstr(output, "--lcores=0@5,1@5 --file-prefix=test-vfio-cdev-"));
	assert_non_null(strstr(output,
			       " --socket-mem=0,64 -a 0000:00:03.0 -a 0000:00:04.0 "
			       "-- --own require\n"));
	assert_int_equal(start("echo $RTE_VFIO_CDEV $RUNTIME_DIRECTORY \"$@\"", true, &program),
			 VERDICT_FAIL);
	output = json_string_value(json_object_get(result.details, "output"));
	assert_memory_equal(output, "off /", strlen("off /"));
	assert_non_null(strstr(output, " --socket-mem=0,64 -a ffff:ff:1f.7 -- --own\n"));
}

/* Sends a hello to the client of the program's socket. */
static void *
peer(void *arg)
{
	char path[256], hello[128];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd, listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(path, sizeof(path), "%s/dpdk", run.runtime);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/dpdk/test-vfio-cdev-%d-0", run.runtime, getpid());
	mkdir(path, 0700);
	snprintf(address.sun_path, sizeof(address.sun_path),
		 "%s/dpdk/test-vfio-cdev-%d-0/dpdk_telemetry.v2", run.runtime, getpid());
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 1))
		return NULL;
	/* As soon as this is there the script goes on. */
	snprintf(path, sizeof(path), "%s/dpdk/test-vfio-cdev-%d-0/up", run.runtime, getpid());
	close(creat(path, 0600));
	fd = accept(listener, NULL, NULL);
	snprintf(hello, sizeof(hello), "{\"version\":\"%s\",\"pid\":%d,\"max_output_len\":999}",
		 (const char *)arg, getpid());
	send(fd, hello, strlen(hello), MSG_NOSIGNAL);
	recv(fd, hello, sizeof(hello), 0);
	close(fd);
	close(listener);
	return NULL;
}

/* The script has these lines, and telemetry that says which release it is. */
static enum verdict
start_lines(const char *lines, const char *release, struct program **program)
{
	char all[512];
	char version[32];
	enum verdict verdict;
	pthread_t thread;

	snprintf(version, sizeof(version), "%s", release);
	assert_int_equal(pthread_create(&thread, NULL, peer, version), 0);
	snprintf(all, sizeof(all),
		 "until [ -e $RUNTIME_DIRECTORY/dpdk/*/up ]; do sleep 0.01; "
		 "done\n%s",
		 lines);
	verdict = start(all, false, program);
	if (verdict)
		pthread_join(thread, NULL);
	else
		pthread_detach(thread);
	return verdict;
}

static enum verdict
start_release(const char *release, struct program **program)
{
	return start_lines("while printf '" PROMPT "'; read line; do echo \"did $line\"; done",
			   release, program);
}

static void
old_release_is_an_error(void **state)
{
	static const char *const releases[] = { "DPDK 22.07.0", "DPDK 20.11.10", "VPP 24", "" };
	struct program *program;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		assert_int_equal(start_release(releases[i], &program), VERDICT_ERROR);
	assert_non_null(strstr(result.text, "unknown release"));
}

static void
program_is_talked_to_and_killed(void **state)
{
	struct program *program;
	char *output;

	(void)state;
	assert_int_equal(start_release("DPDK 22.11.11", &program), VERDICT_PASS);
	assert_string_equal(run.dpdk, "22.11.11");
	assert_int_equal(program_pid(program), getpid());
	assert_int_equal(program_write(program, "this\n", &result), VERDICT_PASS);
	assert_int_equal(program_expect(program, PROMPT, 10000, &result, &output), VERDICT_PASS);
	assert_non_null(strstr(output, "did this\n"));
	free(output);
	assert_int_equal(program_expect(program, "that", 50, &result, NULL), VERDICT_FAIL);
	assert_non_null(strstr(result.text, "did not print 'that'"));
	program_free(program);
	program_free(NULL);
}

/* What the companion prints after it is ready, line by line, and its result. */
static enum verdict
companion_tells(const char *lines, json_t **found)
{
	struct program *program;
	enum verdict verdict;
	char all[256];

	snprintf(all, sizeof(all), "printf '" PROMPT "\\n%s\\n'", lines);
	assert_int_equal(start_lines(all, "DPDK 22.11.11", &program), VERDICT_PASS);
	verdict = companion_result(&run, program, &result, found);
	program_free(program);
	return verdict;
}

static void
companion_result_is_found_among_other_lines(void **state)
{
	json_t *found;

	(void)state;
	assert_int_equal(companion_tells("EAL: a line\\n{\\n{\"event\":5}\\n"
					 "{\"event\":\"result\",\"given\":64}\\nEAL: over",
					 &found),
			 VERDICT_PASS);
	assert_int_equal(json_integer_value(json_object_get(found, "given")), 64);
	json_decref(found);
}

static void
companion_that_has_no_result_is_a_failure(void **state)
{
	json_t *found;

	(void)state;
	assert_int_equal(companion_tells("{\"event\":\"error\",\"text\":\"no port\","
					 "\"errno\":\"No such device\"}",
					 &found),
			 VERDICT_FAIL);
	assert_string_equal(result.text, "no port: No such device");
	assert_null(found);
	assert_int_equal(companion_tells("EAL: a line", &found), VERDICT_FAIL);
	assert_non_null(strstr(result.text, "its last line: EAL: a line"));
	assert_null(found);
}

/* Gone, or not waited for yet. */
static bool
is_dead(pid_t pid)
{
	char path[64], state = 'Z';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return true;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'Z';
	fclose(file);
	return state == 'Z';
}

/* It does not care that its terminal is gone. */
static void
program_dies_with_us(void **state)
{
	struct program *program;
	int pid = 0, tries;
	char path[128];
	pid_t child;
	FILE *file;

	(void)state;
	snprintf(path, sizeof(path), "%s/pid", run.runtime);
	child = fork();
	if (child == 0) {
		start("trap '' HUP; echo $$ >$RUNTIME_DIRECTORY/new; "
		      "mv $RUNTIME_DIRECTORY/new $RUNTIME_DIRECTORY/pid; exec sleep 1000",
		      false, &program);
		_exit(1);
	}
	while (access(path, F_OK))
		usleep(10000);
	file = fopen(path, "re");
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	unlink(path);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (tries = 0; !is_dead(pid) && tries < 1000; tries++)
		usleep(10000);
	if (tries == 1000)
		kill(pid, SIGKILL);
	assert_true(tries < 1000);
}

/* Stays pending, so it is the last test. */
static void
signal_stops_waiting(void **state)
{
	struct program *program;

	(void)state;
	assert_int_equal(start_release("DPDK 22.11.11", &program), VERDICT_PASS);
	assert_false(stop_requested());
	assert_return_code(raise(SIGTERM), errno);
	assert_true(stop_requested());
	assert_int_equal(program_expect(program, "never", 60000, &result, NULL), VERDICT_STOPPED);
	assert_int_equal(program_sleep(program, 60000, &result), VERDICT_STOPPED);
	program_free(program);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(program_that_ends_is_a_failure),
		TEST(program_that_crashes_is_a_failure),
		TEST(program_that_cannot_be_executed_is_an_error),
		TEST(program_without_telemetry_is_an_error),
		TEST(program_gets_its_cpus),
		TEST(old_release_is_an_error),
		TEST(program_is_talked_to_and_killed),
		TEST(companion_result_is_found_among_other_lines),
		TEST(companion_that_has_no_result_is_a_failure),
		TEST(program_dies_with_us),
		TEST(signal_stops_waiting),
	};

	assert_int_equal(stop_init(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
