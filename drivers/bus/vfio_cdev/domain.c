/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The domains of the default container, one for the devices of each mode. That
 * of the devices without an IOMMU comes with the first address that has to be
 * known, map or device, and stays: the EAL's memory is pinned as long as the EAL
 * may hand out its address, whatever devices come and go.
 */

#include <errno.h>
#include <stdio.h>

#include "private.h"
#include "rte_bus_vfio_cdev.h"

pthread_mutex_t backend_lock = PTHREAD_MUTEX_INITIALIZER;
struct backend backend;

static struct rte_vfio_cdev_ctx *ctx;	/* constant after ctx_init() */
static pthread_once_t ctx_once = PTHREAD_ONCE_INIT;

static void
ctx_init(void)
{
	rte_vfio_cdev_ctx_create(lib_log, NULL, &ctx);
}

struct rte_vfio_cdev_ctx *
backend_ctx(void)
{
	pthread_once(&ctx_once, ctx_init);
	return ctx;
}

bool
have_cdevs_of(enum rte_vfio_cdev_mode mode)
{
	return rte_vfio_cdev_count(backend_ctx(), mode) > 0;
}

bool
have_cdevs(void)
{
	return have_cdevs_of(NOIOMMU) || have_cdevs_of(TRANSLATED);
}

int
domain_make(enum rte_vfio_cdev_mode mode, struct rte_vfio_cdev_domain **domain)
{
	int ret = inherited_watch();

	if (ret == 0)
		ret = rte_vfio_cdev_domain_create(backend_ctx(), mode, domain);
	if (ret == 0)
		backend.domain_made = true;
	return ret;
}

int
domain_open(enum rte_vfio_cdev_mode mode)
{
	if (backend.domains[mode] != NULL)
		return 0;
	return domain_make(mode, &backend.domains[mode]);
}

void
domain_drop_unkept(enum rte_vfio_cdev_mode mode)
{
	if (backend.kept[mode])
		return;
	rte_vfio_cdev_domain_destroy(backend.domains[mode]);
	backend.domains[mode] = NULL;
}

bool
domain_prime(void)
{
	if (backend.primed || backend.prime_tried)
		return backend.primed;
	backend.prime_tried = true;
	if (!have_cdevs_of(NOIOMMU) || domain_open(NOIOMMU) < 0)
		return false;
	backend.primed = candidate_prime(backend.domains[NOIOMMU]);
	backend.kept[NOIOMMU] |= backend.primed;
	domain_drop_unkept(NOIOMMU);
	return backend.primed;
}

/* Names are valid keys of telemetry: no "-". A created one's iommufd is its alone. */
bool
domain_nth(unsigned int n, struct domain_ref *ref)
{
	static const char *const names[RTE_VFIO_CDEV_MODES] = { "noiommu", "translated" };

	for (unsigned int mode = 0; mode < RTE_VFIO_CDEV_MODES; mode++) {
		if (backend.domains[mode] == NULL || n-- != 0)
			continue;
		ref->domain = backend.domains[mode];
		ref->mode = mode;
		snprintf(ref->name, sizeof(ref->name), "%s", names[mode]);
		return true;
	}
	ref->domain = created_nth(n);
	ref->mode = TRANSLATED;
	if (ref->domain != NULL)
		snprintf(ref->name, sizeof(ref->name), "container_%d",
			 rte_vfio_cdev_domain_fd(ref->domain));
	return ref->domain != NULL;
}

int
rte_bus_vfio_cdev_domain(struct rte_vfio_cdev_domain **domain)
{
	int ret = -ENODEV;

	if (is_inherited())
		return ret;
	pthread_mutex_lock(&backend_lock);
	if (backend.attached[NOIOMMU]) {
		*domain = backend.domains[NOIOMMU];
		ret = 0;
	}
	pthread_mutex_unlock(&backend_lock);
	return ret;
}
