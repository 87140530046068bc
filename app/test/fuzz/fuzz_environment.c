/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The environment: any value of RTE_VFIO_CDEV and its relatives is one of those that are
 * documented, or it is refused with a line; and a program with rights of its own (AT_SECURE)
 * takes only the strictest. The values are separated by newlines; a first byte of '!' is
 * AT_SECURE. It is read once a process, so the pthread_once() of policy.c is
 * the one below, by a macro of meson.build.
 */

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "fuzz.h"
#include "log_sink.h"
#include "policy.h"

static bool secure;
static bool is_read;
static unsigned int warnings;

unsigned long
__real_getauxval(unsigned long type);
unsigned long
__wrap_getauxval(unsigned long type);

unsigned long
__wrap_getauxval(unsigned long type)
{
	return type == AT_SECURE ? secure : __real_getauxval(type);
}

/* As in a new process for each input. */
int
pthread_once(pthread_once_t *once, void (*init)(void))
{
	(void)once;
	if (!is_read) {
		is_read = true;
		init();
	}
	return 0;
}

void
sink_log(enum rte_vfio_cdev_log_level level, const char *format, ...)
{
	(void)format;
	warnings += level <= RTE_VFIO_CDEV_LOG_WARNING;
}

/* The index of a value among words; 0 of none or one that is not taken, "count" of a wrong one. */
static unsigned int
expected(const char *value, const char *const *words, unsigned int count, unsigned int strict,
	 unsigned int *lines)
{
	if (value[0] == '\0')
		return 0;
	if (secure && strcmp(value, words[strict]) != 0) {
		(*lines)++;
		return 0;
	}
	for (unsigned int i = 0; i < count; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	(*lines)++;
	return count;
}

static void
values_check(char *const values[4])
{
	static const char *const policies[] = { "prefer", "require", "off" };
	static const char *const sources[] = { "auto", "ioas", "pagemap" };
	static const char *const pins[] = { "auto", "off" };
	unsigned int lines = 0, policy, phys, pin;
	const char *prime;

	policy = expected(values[0], policies, 3, POLICY_REQUIRE, &lines);
	phys = expected(values[1], sources, 3, PHYS_IOAS, &lines);
	pin = expected(values[2], pins, 2, PIN_AUTO, &lines);
	prime = values[3][0] == '\0' || (secure && strcmp(values[3], "none") != 0) ? NULL :
										     values[3];
	lines += values[3][0] != '\0' && prime == NULL;
	fuzz_require(policy_get() == (phys == 3 || pin == 2 ? POLICY_INVALID : policy));
	fuzz_require(phys == 3 || policy_phys() == phys);
	fuzz_require(pin == 2 || policy_pin() == pin);
	fuzz_require((policy_prime() == NULL) == (prime == NULL));
	fuzz_require(prime == NULL || strcmp(policy_prime(), prime) == 0);
	fuzz_require(warnings == lines);
	for (unsigned int i = 0; i < 3; i++)
		fuzz_require(
			policy_demands(i) ==
			(strcmp(values[0], policies[i]) == 0 && (!secure || i == POLICY_REQUIRE)));
	fuzz_require(policy_name(policy_get())[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "RTE_VFIO_CDEV", "RTE_VFIO_CDEV_PHYS",
					     "RTE_VFIO_CDEV_PIN", "RTE_VFIO_CDEV_PRIME" };
	struct fuzz_bytes bytes = { data, data + size };
	char *values[4];

	fuzz_begin();
	secure = size > 0 && data[0] == '!';
	bytes.at += secure;
	is_read = false;
	warnings = 0;
	for (unsigned int i = 0; i < 4; i++) {
		values[i] = fuzz_text(&bytes, '\n');
		fuzz_note("%s=%s\n", names[i], values[i]);
		if (setenv(names[i], values[i], 1) < 0)
			abort();
	}
	values_check(values);
	for (unsigned int i = 0; i < 4; i++)
		free(values[i]);
	return 0;
}
