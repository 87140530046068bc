/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The domains of the default container, one for the devices of each mode. Each is created
 * with the first address, map or device, opens no device node until there is a device, and
 * stays to the end of the process: a pointer to it may be used without a lock.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "container_table.h"
#include "ctx.h"
#include "domain.h"
#include "fork.h"
#include "state.h"

int
domain_make(enum rte_vfio_cdev_mode mode, struct rte_vfio_cdev_domain **domain)
{
	int ret = fork_watch();

	return ret < 0 ? ret : rte_vfio_cdev_domain_create(backend_ctx(), mode, domain);
}

/*
 * With --legacy-mem the EAL requests addresses of pages that it then maps elsewhere, without
 * requesting them again (eal_memory.c): they stay pinned until it has its memory.
 */
struct rte_vfio_cdev_domain *
domain_open(enum rte_vfio_cdev_mode mode)
{
	if (backend.domains[mode] == NULL && domain_make(mode, &backend.domains[mode]) == 0)
		rte_vfio_cdev_domain_keep_provisional(backend.domains[mode],
						      !backend.keep_provisional_ended);
	return backend.domains[mode];
}

bool
domain_keeps_provisional(void)
{
	bool ended;

	pthread_mutex_lock(&backend_lock);
	ended = backend.keep_provisional_ended;
	pthread_mutex_unlock(&backend_lock);
	return !ended;
}

void
domain_keep_provisional_end(void)
{
	struct rte_vfio_cdev_domain *domains[RTE_VFIO_CDEV_MODES];

	if (!first_time(&backend.keep_provisional_ended))
		return;
	pthread_mutex_lock(&backend_lock);
	memcpy(domains, backend.domains, sizeof(domains));
	pthread_mutex_unlock(&backend_lock);
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++)
		if (domains[mode] != NULL)
			rte_vfio_cdev_domain_keep_provisional(domains[mode], false);
}

struct rte_vfio_cdev_domain *
domain_of(enum rte_vfio_cdev_mode mode)
{
	struct rte_vfio_cdev_domain *domain;

	pthread_mutex_lock(&backend_lock);
	domain = domain_open(mode);
	pthread_mutex_unlock(&backend_lock);
	return domain;
}

static bool
default_nth(unsigned int *n, struct domain_ref *ref)
{
	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		if (backend.domains[mode] == NULL || (*n)-- != 0)
			continue;
		ref->domain = backend.domains[mode];
		ref->mode = mode;
		ref->iommufd = default_iommufd(mode);
		return true;
	}
	return false;
}

/* Names are valid keys of telemetry: no "-". A created container has its own iommufd. */
bool
domain_nth(unsigned int n, struct domain_ref *ref)
{
	static const char *const names[RTE_VFIO_CDEV_MODES] = { "noiommu", "translated",
								"pin_only" };
	bool found;

	*ref = (struct domain_ref){ .mode = TRANSLATED };
	pthread_mutex_lock(&backend_lock);
	found = default_nth(&n, ref);
	if (!found)
		ref->container = container_nth(n, &ref->domain);
	pthread_mutex_unlock(&backend_lock);
	if (found) {
		snprintf(ref->name, sizeof(ref->name), "%s", names[ref->mode]);
		return true;
	}
	if (ref->container == NULL)
		return false;
	ref->iommufd = rte_vfio_cdev_domain_fd(ref->domain);
	snprintf(ref->name, sizeof(ref->name), "container_%d", ref->iommufd);
	return true;
}

void
domain_put(const struct domain_ref *ref)
{
	container_put(ref->container);
}
