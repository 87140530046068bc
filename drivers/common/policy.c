/* SPDX-License-Identifier: BSD-3-Clause */

/* RTE_VFIO_CDEV, RTE_VFIO_CDEV_PHYS, RTE_VFIO_CDEV_PIN and RTE_VFIO_CDEV_PRIME. */

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "log_sink.h"
#include "policy.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct choice {
	const char *env;
	const char *names[3];
	const char *help;
	unsigned int strict; /* the one always accepted: see is_accepted() */
};

static const struct choice policy_choice = {
	.env = "RTE_VFIO_CDEV",
	.names = {
		[POLICY_PREFER] = "prefer",
		[POLICY_REQUIRE] = "require",
		[POLICY_OFF] = "off",
	},
	.help = "prefer (the cdev where a device has one), require (a device without one is an "
		"error) or off (stock DPDK)",
	.strict = POLICY_REQUIRE,
};

static const struct choice phys_choice = {
	.env = "RTE_VFIO_CDEV_PHYS",
	.names = {
		[PHYS_AUTO] = "auto",
		[PHYS_IOAS] = "ioas",
		[PHYS_PAGEMAP] = "pagemap",
	},
	.help = "auto (pagemap where it can be read, else the IOAS), ioas (the IOAS only) or "
		"pagemap (pagemap only, and the IOAS must confirm it)",
	.strict = PHYS_IOAS,
};

static const struct choice pin_choice = {
	.env = "RTE_VFIO_CDEV_PIN",
	.names = {
		[PIN_AUTO] = "auto",
		[PIN_OFF] = "off",
	},
	.help = "auto (io_uring pins memory of devices without an IOMMU and without a cdev) or off",
	.strict = PIN_AUTO,
};

static enum policy policy;
static enum policy_phys phys;
static enum policy_pin pin;
static const char *prime;
static pthread_once_t policy_once = PTHREAD_ONCE_INIT;

/*
 * A program that has rights of its own (setuid, file capabilities) accepts only a stricter
 * value than the default from its environment, which the user who starts it sets.
 */
static bool
is_accepted(const char *value, const char *strict)
{
	return getauxval(AT_SECURE) == 0 || strcmp(value, strict) == 0;
}

static const char *
choice_strict(const struct choice *choice)
{
	return choice->names[choice->strict];
}

/* NULL: not set. */
static const char *
value_get(const char *env, const char *strict)
{
	const char *value = getenv(env);

	if (value == NULL || value[0] == '\0')
		return NULL;
	if (is_accepted(value, strict))
		return value;
	sink_log(RTE_VFIO_CDEV_LOG_WARNING,
		 "%s is ignored: %s; the program has rights that its caller may not have (setuid "
		 "or file capabilities): only %s=%s is accepted from the environment then",
		 env, strerror(EPERM), env, strict);
	return NULL;
}

/* The index of the name; 0: not set; one too high: an invalid value. */
static unsigned int
choice_get(const struct choice *choice)
{
	const char *value = value_get(choice->env, choice_strict(choice));
	unsigned int i;

	if (value == NULL)
		return 0;
	for (i = 0; i < COUNT(choice->names); i++)
		if (choice->names[i] != NULL && strcmp(value, choice->names[i]) == 0)
			return i;
	sink_log(RTE_VFIO_CDEV_LOG_ERR, "%s=%.32s: %s; set it to %s", choice->env, value,
		 strerror(EINVAL), choice->help);
	return i;
}

static void
policy_init(void)
{
	const unsigned int found = choice_get(&phys_choice), pins = choice_get(&pin_choice);

	policy = choice_get(&policy_choice);
	prime = value_get("RTE_VFIO_CDEV_PRIME", "none");
	phys = found;
	pin = pins;
	if (found == COUNT(phys_choice.names) || pins == COUNT(pin_choice.names))
		policy = POLICY_INVALID;
}

bool
policy_demands(enum policy wanted)
{
	const char *value = getenv(policy_choice.env);

	return value != NULL && strcmp(value, policy_choice.names[wanted]) == 0 &&
		is_accepted(value, choice_strict(&policy_choice));
}

enum policy
policy_get(void)
{
	pthread_once(&policy_once, policy_init);
	return policy;
}

const char *
policy_name(enum policy value)
{
	return value < COUNT(policy_choice.names) ? policy_choice.names[value] : "?";
}

enum policy_phys
policy_phys(void)
{
	pthread_once(&policy_once, policy_init);
	return phys;
}

enum policy_pin
policy_pin(void)
{
	pthread_once(&policy_once, policy_init);
	return pin;
}

const char *
policy_prime(void)
{
	pthread_once(&policy_once, policy_init);
	return prime;
}
