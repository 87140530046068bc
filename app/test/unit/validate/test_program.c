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
#include "fake_sysfs.h"
#include "fake_testpmd.h"
#include "stop.h"

static struct result result;

/* The program is a script with these lines; stock DPDK gets no device. */
static enum verdict
start(const char *lines, bool stock, struct program **program)
{
	static const char *const args[] = { "--own", NULL };
	const struct program_spec spec = {
		.path = fake_testpmd_script(lines),
		.ready = FAKE_PROMPT,
		.args = args,
		.stock = stock,
		.plugs = stock,
	};

	return program_start(&fake_run, &spec, &result, program);
}

static int
end(void **state)
{
	json_decref(result.details);
	memset(&result, 0, sizeof(result));
	return fake_testpmd_close(state);
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
	const struct program_spec spec = { .path = "/nonesuch/program", .ready = FAKE_PROMPT };
	struct program *program;

	(void)state;
	assert_int_equal(program_start(&fake_run, &spec, &result, &program), VERDICT_ERROR);
	assert_string_equal(result.text, "cannot run /nonesuch/program: No such file or directory");
}

static void
program_without_telemetry_is_an_error(void **state)
{
	(void)state;
	assert_fails("rm -r $RUNTIME_DIRECTORY/dpdk; printf '" FAKE_PROMPT "'; read line",
		     VERDICT_ERROR,
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

/* Not of the process id: containers that share a hugetlbfs may have the same ones. */
static void
prefix_is_that_of_the_run(void **state)
{
	struct program *program;
	char wanted[128];

	(void)state;
	snprintf(wanted, sizeof(wanted), " --file-prefix=%s-0 ",
		 strrchr(fake_run.runtime, '/') + 1);
	assert_int_equal(start("echo \"$@\"", false, &program), VERDICT_FAIL);
	assert_non_null(
		strstr(json_string_value(json_object_get(result.details, "output")), wanted));
}

static enum verdict
start_release(const char *release, struct program **program)
{
	fake_release = release;
	return start("while printf '" FAKE_PROMPT "'; read line; do echo \"did $line\"; done",
		     false, program);
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
	assert_string_equal(fake_run.dpdk, "22.11.11");
	assert_int_equal(program_pid(program), getpid());
	assert_int_equal(program_write(program, "this\n", &result), VERDICT_PASS);
	assert_int_equal(program_expect(program, FAKE_PROMPT, 10000, &result, &output),
			 VERDICT_PASS);
	assert_non_null(strstr(output, "did this\n"));
	free(output);
	assert_int_equal(program_expect(program, "that", 50, &result, NULL), VERDICT_FAIL);
	assert_non_null(strstr(result.text, "did not print 'that'"));
	program_free(program);
	program_free(NULL);
}

/* The verdict of a start whose devices these are. */
static enum verdict
start_with(const char *answer, bool stock)
{
	struct program *program;
	enum verdict verdict;

	fake_devices = answer;
	verdict = start(FAKE_LINES, stock, &program);
	program_free(program);
	return verdict;
}

static const char *domains;

static char *
domains_answer(const char *command)
{
	return strcmp(command, "/vfio_cdev/domains") == 0 ? strdup(domains) : NULL;
}

static enum verdict
start_pinned(const char *answer, struct program **program)
{
	enum verdict verdict;

	domains = answer;
	fake_answer = domains_answer;
	fake_run.pin_only = true;
	verdict = start("echo $RTE_VFIO_CDEV; " FAKE_LINES, false, program);
	fake_run.pin_only = false;
	return verdict;
}

/* Devices without a cdev are stock's: what the library has of them is pinned memory. */
static void
program_without_cdevs_has_to_pin(void **state)
{
	struct program *program;

	(void)state;
	assert_int_equal(start_pinned("{\"domains\":{\"pin_only\":{\"bytes\":4096}}}", &program),
			 VERDICT_PASS);
	program_free(program);
	assert_int_equal(start_pinned("{\"domains\":{\"pin_only\":{\"bytes\":0}}}", &program),
			 VERDICT_FAIL);
	assert_non_null(strstr(result.text, "script has no memory that io_uring pins"));
	assert_non_null(
		strstr(json_string_value(json_object_get(result.details, "output")), "prefer\n"));
	assert_int_equal(start_pinned("{\"domains\":{}}", &program), VERDICT_FAIL);
	assert_int_equal(start_pinned("null", &program), VERDICT_FAIL);
	assert_non_null(strstr(result.text, "script runs without the backend"));
}

/* Stock DPDK over the group has the same ports, and forwards as well. */
static void
program_without_the_backend_fails(void **state)
{
	(void)state;
	assert_int_equal(start_with("null", false), VERDICT_FAIL);
	assert_non_null(strstr(result.text, "script runs without the backend"));
	assert_int_equal(start_with("{\"error\":\"no memory\"}", false), VERDICT_ERROR);
	assert_non_null(strstr(result.text, "/vfio_cdev/devices: no memory"));
	assert_int_equal(start_with("{}", false), VERDICT_ERROR);
	assert_int_equal(start_with("[\"0000:00:03.0\"]", false), VERDICT_ERROR);
}

static void
device_that_the_backend_does_not_have_fails(void **state)
{
	(void)state;
	assert_int_equal(start_with("{\"count\":1,\"devices\":[\"0000:00:03.0\"]}", false),
			 VERDICT_FAIL);
	assert_non_null(
		strstr(result.text,
		       "script has 1 of 2 devices over the backend: 0000:00:04.0 is none of "
		       "them"));
	assert_int_equal(start_with("{\"count\":2,\"devices\":[\"0000:00:03.0\","
				    "\"0000:00:05.0\"]}",
				    false),
			 VERDICT_FAIL);
	assert_int_equal(start_with(FAKE_DEVICES, false), VERDICT_PASS);
}

/* What it reports is no evidence of how DPDK has come to the device. */
static void
device_whose_cdev_is_not_open_fails(void **state)
{
	(void)state;
	fake_testpmd_opens("/dev/zero", NULL);
	assert_int_equal(start_with(FAKE_DEVICES, false), VERDICT_FAIL);
	assert_non_null(strstr(result.text,
			       "script reports 0000:00:03.0 over the backend, but does not have "
			       "its cdev noiommu-vfio0 open"));
	fake_testpmd_opens(FAKE_CDEVS, NULL);
	assert_int_equal(start_with(FAKE_DEVICES, false), VERDICT_PASS);
}

static void
device_whose_group_is_open_fails(void **state)
{
	(void)state;
	fake_testpmd_opens(FAKE_CDEVS, FAKE_GROUP, NULL);
	assert_int_equal(start_with(FAKE_DEVICES, false), VERDICT_FAIL);
	assert_non_null(strstr(result.text, "script has the VFIO group of 0000:00:03.0 open"));
}

/* Its files are closed, or it is gone: that it has crashed is the better explanation. */
static void
program_that_ends_before_its_files_are_listed_has_ended(void **state)
{
	(void)state;
	fake_testpmd_opens("/dev/zero", NULL);
	assert_fails("printf '" FAKE_PROMPT "'; exit 3", VERDICT_FAIL,
		     "script ended with exit status 3");
	fake_sysfs_reset();
	fake_sysfs_mkdir("proc");
	assert_fails("printf '" FAKE_PROMPT "'; kill -SEGV $$", VERDICT_FAIL,
		     "script crashed: signal 11");
}

static void
files_that_cannot_be_listed_are_an_error(void **state)
{
	(void)state;
	fake_sysfs_reset();
	fake_sysfs_mkdir("proc");
	assert_int_equal(start_with(FAKE_DEVICES, false), VERDICT_ERROR);
	assert_non_null(strstr(result.text, "cannot list the files that process "));
}

/* It starts without devices, and its phase asks later. */
static void
devices_that_are_plugged_are_checked_alike(void **state)
{
	static const char *const addrs[] = { "0000:00:03.0", "0000:00:04.0" };
	const struct program_spec spec = {
		.path = fake_testpmd_script(FAKE_LINES),
		.ready = FAKE_PROMPT,
		.plugs = true,
	};
	struct program *program;

	(void)state;
	fake_testpmd_opens("/dev/null", NULL);
	assert_int_equal(program_start(&fake_run, &spec, &result, &program), VERDICT_PASS);
	assert_int_equal(program_check_devices(program, addrs, 2, &result), VERDICT_FAIL);
	assert_non_null(strstr(result.text, "does not have its cdev noiommu-vfio1 open"));
	fake_testpmd_opens(FAKE_CDEVS, NULL);
	assert_int_equal(program_check_devices(program, addrs, 2, &result), VERDICT_PASS);
	program_free(program);
}

static void
stock_with_the_backend_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(start_with("{\"count\":0,\"devices\":[]}", true), VERDICT_ERROR);
	assert_non_null(strstr(result.text, "RTE_VFIO_CDEV=off"));
	assert_int_equal(start_with("null", true), VERDICT_PASS);
}

/* What the companion prints after it is ready, line by line, and its result. */
static enum verdict
companion_tells(const char *lines, json_t **found)
{
	struct program *program;
	enum verdict verdict;
	char all[256];

	snprintf(all, sizeof(all), "printf '" FAKE_PROMPT "\\n%s\\n'", lines);
	assert_int_equal(start(all, false, &program), VERDICT_PASS);
	verdict = companion_result(&fake_run, program, &result, found);
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

/* A day's worth of progress lines. The last ones are for the report. */
static void
program_may_print_without_end(void **state)
{
	struct program *program;

	(void)state;
	assert_int_equal(start("printf '" FAKE_PROMPT
			       "'; yes 'a line that is read by nobody' | head -c 4500000; "
			       "echo; echo the end; printf '" FAKE_PROMPT
			       "'; read line; echo last; exit 1",
			       false, &program),
			 VERDICT_PASS);
	assert_int_equal(program_expect(program, "the end", 60000, &result, NULL), VERDICT_PASS);
	assert_int_equal(program_expect(program, FAKE_PROMPT, 60000, &result, NULL), VERDICT_PASS);
	assert_int_equal(program_write(program, "go\n", &result), VERDICT_PASS);
	assert_int_equal(program_wait(program, 60000, &result), VERDICT_FAIL);
	assert_non_null(strstr(result.text, "its last line: last"));
	program_free(program);
}

/* What it printed is wanted, and the begin of it is no longer there. */
static void
answer_that_is_too_long_is_an_error(void **state)
{
	struct program *program;
	char *output = NULL;

	(void)state;
	assert_int_equal(start("printf '" FAKE_PROMPT
			       "'; yes 'a line that is read by nobody' | head -c 4500000; "
			       "echo; echo the end; read line",
			       false, &program),
			 VERDICT_PASS);
	assert_int_equal(program_expect(program, "the end", 60000, &result, &output),
			 VERDICT_ERROR);
	assert_null(output);
	assert_non_null(strstr(result.text, "printed more than 4 MiB before 'the end'"));
	program_free(program);
}

/* While it is only slept, too. */
static void
program_that_prints_is_slept_for(void **state)
{
	struct program *program;

	(void)state;
	assert_int_equal(start("printf '" FAKE_PROMPT
			       "'; yes 'a line that is read by nobody' | head -c 4500000; "
			       "echo; echo the end; exit 1",
			       false, &program),
			 VERDICT_PASS);
	assert_int_equal(program_sleep(program, 60000, &result), VERDICT_FAIL);
	assert_non_null(strstr(result.text, "its last line: the end"));
	program_free(program);
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
	snprintf(path, sizeof(path), "%s/pid", fake_run.runtime);
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
	/* As Ctrl-\\ sends it. */
	assert_return_code(raise(SIGQUIT), errno);
	assert_true(stop_requested());
	assert_int_equal(program_expect(program, "never", 60000, &result, NULL), VERDICT_STOPPED);
	assert_int_equal(program_sleep(program, 60000, &result), VERDICT_STOPPED);
	program_free(program);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_testpmd_open, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(program_that_ends_is_a_failure),
		TEST(program_without_cdevs_has_to_pin),
		TEST(program_that_crashes_is_a_failure),
		TEST(program_that_cannot_be_executed_is_an_error),
		TEST(program_without_telemetry_is_an_error),
		TEST(program_gets_its_cpus),
		TEST(prefix_is_that_of_the_run),
		TEST(old_release_is_an_error),
		TEST(program_is_talked_to_and_killed),
		TEST(program_without_the_backend_fails),
		TEST(device_that_the_backend_does_not_have_fails),
		TEST(device_whose_cdev_is_not_open_fails),
		TEST(device_whose_group_is_open_fails),
		TEST(program_that_ends_before_its_files_are_listed_has_ended),
		TEST(files_that_cannot_be_listed_are_an_error),
		TEST(devices_that_are_plugged_are_checked_alike),
		TEST(stock_with_the_backend_is_an_error),
		TEST(companion_result_is_found_among_other_lines),
		TEST(companion_that_has_no_result_is_a_failure),
		TEST(program_may_print_without_end),
		TEST(answer_that_is_too_long_is_an_error),
		TEST(program_that_prints_is_slept_for),
		TEST(program_dies_with_us),
		TEST(signal_stops_waiting),
	};

	assert_int_equal(stop_init(), 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
