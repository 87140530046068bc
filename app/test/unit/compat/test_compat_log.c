/* SPDX-License-Identifier: BSD-3-Clause */

/* Log lines on standard error, or through syslog(3): RTE_VFIO_CDEV_LOG. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "log.h"
#include "test_compat.h"

#define LOG "RTE_VFIO_CDEV_LOG="

/* What one line at each level, and one of the library's, print on standard error. */
static const char *
lines_printed(void)
{
	static char text[2048];
	int ends[2], error;
	ssize_t len;

	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	machine.error = error = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	log_sinks = machine_sinks;
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "an %s", "error");
	sink_log(RTE_VFIO_CDEV_LOG_WARNING, "a warning");
	sink_log(RTE_VFIO_CDEV_LOG_INFO, "an information");
	sink_log(RTE_VFIO_CDEV_LOG_DEBUG, "a detail");
	lib_log(NULL, RTE_VFIO_CDEV_LOG_ERR, "of the library");
	machine.error = 0;
	dup2(error, STDERR_FILENO);
	close(error);
	close(ends[1]);
	len = read(ends[0], text, sizeof(text) - 1);
	text[len > 0 ? len : 0] = '\0';
	close(ends[0]);
	return text;
}

#define ERR_LINE "VFIO_CDEV: an error\n"
#define WARNING_LINE "VFIO_CDEV: a warning\n"
#define INFO_LINE "VFIO_CDEV: an information\n"
#define DEBUG_LINE "VFIO_CDEV: a detail\n"
#define LIB_LINE "VFIO_CDEV: of the library\n"

static void
errors_only(void **state)
{
	(void)state;
	assert_string_equal(lines_printed(), ERR_LINE LIB_LINE);
	assert_int_equal(log_level(), RTE_VFIO_CDEV_LOG_ERR);
}

static void
warnings_too(void **state)
{
	(void)state;
	assert_string_equal(lines_printed(), ERR_LINE WARNING_LINE LIB_LINE);
}

static void
information_too(void **state)
{
	(void)state;
	assert_string_equal(lines_printed(), ERR_LINE WARNING_LINE INFO_LINE LIB_LINE);
	assert_int_equal(machine.syslogs, 0);
}

static void
details_too(void **state)
{
	(void)state;
	assert_string_equal(lines_printed(), ERR_LINE WARNING_LINE INFO_LINE DEBUG_LINE LIB_LINE);
}

static void
invalid_value_is_logged_once(void **state)
{
	const char *text = lines_printed();

	(void)state;
	assert_ptr_equal(strstr(text, "VFIO_CDEV: RTE_VFIO_CDEV_LOG="), text);
	assert_non_null(strstr(text, strerror(EINVAL)));
	assert_non_null(strstr(text, "err, warning, info or debug"));
	assert_null(strstr(text + 20, "RTE_VFIO_CDEV_LOG="));
	assert_non_null(strstr(text, ERR_LINE WARNING_LINE INFO_LINE LIB_LINE));
	assert_string_equal(lines_printed(), ERR_LINE WARNING_LINE INFO_LINE LIB_LINE);
}

static void
syslog_gets_all_lines(void **state)
{
	(void)state;
	assert_string_equal(lines_printed(), "");
	assert_int_equal(machine.syslogs, 4);
	assert_int_equal(machine.syslog_priority, LOG_USER | LOG_ERR);
	assert_string_equal(machine.syslog_text, "VFIO_CDEV: of the library");
}

static void
syslog_gets_lines_of_its_level(void **state)
{
	(void)state;
	assert_string_equal(lines_printed(), "");
	assert_int_equal(machine.syslogs, 2);
}

/* The user who starts it has no say, and sees what there is. */
static void
program_with_rights_of_its_own_ignores_it(void **state)
{
	(void)state;
	machine.secure = true;
	information_too(state);
}

/* A daemon has closed it, and opened a file of its own, which gets the number. */
static void
other_file_in_place_of_standard_error_gets_no_lines(void **state)
{
	int ends[2], error;
	char text[16];

	(void)state;
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	error = dup(STDERR_FILENO);
	log_sinks = machine_sinks;
	dup2(ends[1], STDERR_FILENO);
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "an error");
	close(STDERR_FILENO);
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "an error");
	dup2(error, STDERR_FILENO);
	assert_fails(read(ends[0], text, sizeof(text)), EAGAIN);
}

/* Its reader has ended: the line is lost, and the program goes on. */
static void
closed_pipe_does_no_harm(void **state)
{
	sigset_t pending;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	machine.error = dup(STDERR_FILENO);
	log_sinks = machine_sinks;
	dup2(ends[1], STDERR_FILENO);
	errno = EDOM;
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "an error");
	assert_int_equal(errno, EDOM);
	dup2(machine.error, STDERR_FILENO);
	assert_int_equal(sigpending(&pending), 0);
	assert_int_equal(sigismember(&pending, SIGPIPE), 0);
}

static void
long_line_is_cut_off_and_ends(void **state)
{
	char line[2000], text[2048];
	int ends[2], error;
	ssize_t len;

	(void)state;
	memset(line, 'a', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	machine.error = error = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
	log_sinks = machine_sinks;
	errno = EDOM;
	lib_log(NULL, RTE_VFIO_CDEV_LOG_ERR, line);
	assert_int_equal(errno, EDOM);
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "%s", line);
	machine.error = 0;
	dup2(error, STDERR_FILENO);
	len = read(ends[0], text, sizeof(text));
	assert_in_range(len, 1200, 1400);
	assert_int_equal(text[len - 1], '\n');
	assert_memory_equal(text, "VFIO_CDEV: aaa", 14);
	assert_non_null(memmem(text, len, "a\nVFIO_CDEV: aaa", 16));
}

int
compat_log_tests(void)
{
	const struct CMUnitTest tests[] = {
		COMPAT_TEST(information_too),
		COMPAT_TEST_ENV(information_too, LOG),
		COMPAT_TEST_ENV(information_too, LOG "info"),
		COMPAT_TEST_ENV(errors_only, LOG "err"),
		COMPAT_TEST_ENV(warnings_too, LOG "warning"),
		COMPAT_TEST_ENV(details_too, LOG "debug"),
		COMPAT_TEST_ENV(invalid_value_is_logged_once, LOG "error"),
		COMPAT_TEST_ENV(invalid_value_is_logged_once, LOG "info:syslog"),
		COMPAT_TEST_ENV(invalid_value_is_logged_once, LOG "syslogs"),
		COMPAT_TEST_ENV(syslog_gets_lines_of_its_level, LOG "syslog:err"),
		COMPAT_TEST_ENV(syslog_gets_all_lines, LOG "syslog"),
		COMPAT_TEST_ENV(syslog_gets_all_lines, LOG "syslog:info"),
		COMPAT_TEST_ENV(program_with_rights_of_its_own_ignores_it, LOG "debug"),
		COMPAT_TEST(other_file_in_place_of_standard_error_gets_no_lines),
		COMPAT_TEST(closed_pipe_does_no_harm),
		COMPAT_TEST(long_line_is_cut_off_and_ends),
	};

	return COMPAT_RUN("compat: log", tests);
}
