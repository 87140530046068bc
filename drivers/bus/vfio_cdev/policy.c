/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

#define POLICY_ENV "RTE_VFIO_CDEV"

static enum policy policy;
static pthread_once_t policy_once = PTHREAD_ONCE_INIT;

static const char *const policies[] = {
	[POLICY_PREFER] = "prefer",
	[POLICY_REQUIRE] = "require",
	[POLICY_OFF] = "off",
};

static void
policy_init(void)
{
	const char *value = getenv(POLICY_ENV);

	if (value == NULL || value[0] == '\0')
		value = policies[POLICY_PREFER];
	for (policy = POLICY_PREFER; policy < POLICY_INVALID; policy++)
		if (strcmp(value, policies[policy]) == 0)
			return;
	bus_log(RTE_VFIO_CDEV_LOG_ERR,
		POLICY_ENV "=%.32s: %s; set it to prefer (the cdev where a device has one), "
		"require (a device without one is an error) or off (stock DPDK)", value,
		strerror(EINVAL));
}

enum policy
policy_get(void)
{
	pthread_once(&policy_once, policy_init);
	return policy;
}
