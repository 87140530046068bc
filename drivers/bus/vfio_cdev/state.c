/* SPDX-License-Identifier: BSD-3-Clause */

/* The state of the backend, and its lock. */

#include "state.h"

pthread_mutex_t backend_lock = PTHREAD_MUTEX_INITIALIZER;
struct backend backend;

bool
first_time(bool *done)
{
	bool first;

	pthread_mutex_lock(&backend_lock);
	first = !*done;
	*done = true;
	pthread_mutex_unlock(&backend_lock);
	return first;
}

bool
addresses_are_missing(void)
{
	bool missing;

	pthread_mutex_lock(&backend_lock);
	missing = backend.unavailable_logged;
	pthread_mutex_unlock(&backend_lock);
	return missing;
}

int
default_iommufd(enum rte_vfio_cdev_mode mode)
{
	return backend.attached[mode] ? backend.iommufds[mode] : -1;
}
