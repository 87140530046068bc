/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define LINE_LEN 660
#define ENV "RTE_VFIO_CDEV_LOG"
#define SYSLOG "syslog"

static enum rte_vfio_cdev_log_level most = RTE_VFIO_CDEV_LOG_INFO;
static bool to_syslog;
static pthread_once_t env_once = PTHREAD_ONCE_INIT;

static bool
level_parse(const char *name)
{
	static const struct {
		const char *name;
		enum rte_vfio_cdev_log_level level;
	} levels[] = {
		{ "err", RTE_VFIO_CDEV_LOG_ERR },
		{ "warning", RTE_VFIO_CDEV_LOG_WARNING },
		{ "info", RTE_VFIO_CDEV_LOG_INFO },
		{ "debug", RTE_VFIO_CDEV_LOG_DEBUG },
	};

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(name, levels[i].name) == 0) {
			most = levels[i].level;
			return true;
		}
	return false;
}

/* Standard error of the start: a program may have closed it, and opened a file in its place. */
static struct stat stderr_stat;
static bool stderr_known;

static bool
stderr_is_open(void)
{
	struct stat now;

	return stderr_known && fstat(STDERR_FILENO, &now) == 0 &&
		now.st_dev == stderr_stat.st_dev && now.st_ino == stderr_stat.st_ino;
}

/* In one write, so that lines of several threads stay whole. A closed pipe does no harm. */
static void
stderr_write(const char *text, size_t len)
{
	const struct timespec now = { 0 };
	sigset_t pipes, before;
	ssize_t done;

	if (!stderr_is_open())
		return;
	sigemptyset(&pipes);
	sigaddset(&pipes, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipes, &before);
	done = write(STDERR_FILENO, text, len);
	if (done < 0 && errno == EPIPE && sigismember(&before, SIGPIPE) == 0)
		sigtimedwait(&pipes, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
line_write(enum rte_vfio_cdev_log_level level, const char *line)
{
	const int err = errno;
	char text[LINE_LEN];
	int len;

	if (to_syslog) {
		syslog(LOG_USER | (int)level, "VFIO_CDEV: %s", line);
	} else {
		len = snprintf(text, sizeof(text), "VFIO_CDEV: %s\n", line);
		if (len >= LINE_LEN) {
			len = LINE_LEN - 1;
			text[len - 1] = '\n';
		}
		stderr_write(text, (size_t)len);
	}
	errno = err;
}

static void
env_read(void)
{
	const size_t len = strlen(SYSLOG);
	const char *value = getenv(ENV), *level = value;
	char line[160];

	if (value == NULL || value[0] == '\0' || getauxval(AT_SECURE) != 0)
		return;
	if (strncmp(value, SYSLOG, len) == 0 && (value[len] == ':' || value[len] == '\0')) {
		to_syslog = true;
		level = value[len] == ':' ? value + len + 1 : NULL;
	}
	if (level == NULL || level_parse(level))
		return;
	snprintf(line, sizeof(line),
		 ENV "=%.32s: %s; set it to err, warning, info or debug, or to " SYSLOG
		     ": and one of them",
		 value, strerror(EINVAL));
	line_write(RTE_VFIO_CDEV_LOG_ERR, line);
}

enum rte_vfio_cdev_log_level
log_level(void)
{
	pthread_once(&env_once, env_read);
	return most;
}

static void
line_log(enum rte_vfio_cdev_log_level level, const char *line)
{
	if (level <= log_level())
		line_write(level, line);
}

__attribute__((constructor)) static void
log_start(void)
{
	stderr_known = fstat(STDERR_FILENO, &stderr_stat) == 0;
	log_sinks = (struct log_sinks){ line_log, line_log };
}
