/* SPDX-License-Identifier: BSD-3-Clause */

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "log_capture.h"

#define LINES 256
#define LINE_LEN 1024
#define VALUE_LEN 24

/* Guards what follows. Lines past the last are counted, not kept. */
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	enum rte_vfio_cdev_log_level level;
	char text[LINE_LEN];
} lines[LINES];
static unsigned int line_count;
static unsigned int level_count[RTE_VFIO_CDEV_LOG_DEBUG + 1];

void
log_capture(void *arg, enum rte_vfio_cdev_log_level level, const char *line)
{
	(void)arg;
	pthread_mutex_lock(&log_lock);
	if (line_count < LINES) {
		lines[line_count].level = level;
		snprintf(lines[line_count].text, LINE_LEN, "%s", line);
		line_count++;
	}
	level_count[level]++;
	pthread_mutex_unlock(&log_lock);
}

void
log_clear(void)
{
	pthread_mutex_lock(&log_lock);
	line_count = 0;
	memset(level_count, 0, sizeof(level_count));
	pthread_mutex_unlock(&log_lock);
}

static bool
line_has(const char *line, const char *const *words)
{
	for (; *words != NULL; words++)
		if (strstr(line, *words) == NULL)
			return false;
	return true;
}

bool
log_has(enum rte_vfio_cdev_log_level level, const char *const *words)
{
	bool found = false;

	pthread_mutex_lock(&log_lock);
	for (unsigned int i = 0; i < line_count && !found; i++)
		found = lines[i].level == level && line_has(lines[i].text, words);
	pthread_mutex_unlock(&log_lock);
	return found;
}

unsigned int
log_count(enum rte_vfio_cdev_log_level level)
{
	unsigned int count;

	pthread_mutex_lock(&log_lock);
	count = level_count[level];
	pthread_mutex_unlock(&log_lock);
	return count;
}

const char *
log_text(void)
{
	static char text[8192];
	size_t used = 0;

	text[0] = '\0';
	pthread_mutex_lock(&log_lock);
	for (unsigned int i = 0; i < line_count && used < sizeof(text); i++)
		used += snprintf(text + used, sizeof(text) - used, "  <%d> %s\n",
				 (int)lines[i].level, lines[i].text);
	pthread_mutex_unlock(&log_lock);
	return text;
}

/* Room for the values of one assertion. */
static char *
value_room(void)
{
	static char texts[8][VALUE_LEN];
	static unsigned int next;

	return texts[next++ % (sizeof(texts) / sizeof(texts[0]))];
}

const char *
log_hex(uint64_t value)
{
	char *text = value_room();

	snprintf(text, VALUE_LEN, "0x%" PRIx64, value);
	return text;
}

const char *
log_number(uint64_t value)
{
	char *text = value_room();

	snprintf(text, VALUE_LEN, "%" PRIu64, value);
	return text;
}
