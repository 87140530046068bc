/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The device that primes a domain: any without an IOMMU that the EAL's options allow; where
 * they allow no device of the machine, since the application plugs all of them in later,
 * any that they do not block; or those of RTE_VFIO_CDEV_PRIME. It is bound, which resets
 * it, and released at once; only its HWPT stays.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "allow.h"
#include "ctx.h"
#include "device_choice.h"
#include "eal_api.h"
#include "log_sink.h"
#include "policy.h"
#include "prime.h"
#include "state.h"

/* The buses that set up devices with rte_vfio_setup_device(), in the order they are tried. */
static const char *const buses[] = { "pci", "cdx", "platform" };

/* Some are newer than 22.11, and DPDK may be built without one. */
static bool
bus_is_used(const char *bus)
{
	if (strcmp(bus, "pci") != 0)
		return eal_api()->bus_find(bus) != NULL;
	return eal_api()->has_pci == NULL || eal_api()->has_pci();
}

struct search {
	bool (*allows)(const char *bus, const char *addr);
	const char *bus;
	bool unlikely; /* devices that no driver of DPDK drives over VFIO */
	bool usable;   /* only those that a driver may drive, and whose nodes can be opened */
	struct rte_vfio_cdev_domain *domain; /* to prime, or NULL */
	struct rte_vfio_cdev_info info;	     /* of what was found */
	int err;			     /* of a bus that could not be searched, or 0 */
};

/* Stops the walk with 1 when it is found. */
static int
prime_visit(const struct rte_vfio_cdev_info *info, void *arg)
{
	unsigned char token[VF_TOKEN_LEN];
	struct search *search = arg;

	if (info->mode != RTE_VFIO_CDEV_NOIOMMU || !search->allows(search->bus, info->addr) ||
	    device_is_unlikely(backend_ctx(), search->bus, info->addr) != search->unlikely)
		return 0;
	search->info = *info;
	if (search->usable)
		return rte_vfio_cdev_try_nodes(backend_ctx(), info) == 0;
	return search->domain == NULL ||
		rte_vfio_cdev_domain_prime(search->domain, info, eal_vf_token(token)) == 0;
}

/* The devices that this rule allows, the unlikely ones last. */
static bool
buses_search(struct search *search, bool (*allows)(const char *bus, const char *addr))
{
	const size_t count = (search->usable ? 1 : 2) * RTE_DIM(buses);
	int ret = 0;

	search->allows = allows;
	for (size_t i = 0; i < count && ret != 1; i++) {
		search->bus = buses[i % RTE_DIM(buses)];
		search->unlikely = i >= RTE_DIM(buses);
		if (bus_is_used(search->bus))
			ret = rte_vfio_cdev_walk(backend_ctx(), search->bus, prime_visit, search);
		if (ret < 0)
			search->err = ret;
	}
	return ret == 1;
}

/*
 * A device that the options keep from the application is left alone where they allow
 * another one, even if that one is of no use here; and with --no-huge, where none is used.
 */
static bool
later_search(struct search *search)
{
	return eal_api()->has_hugepages() && search->info.addr[0] == '\0' &&
		!allow_names_device() && buses_search(search, allow_may_come);
}

/* Does RTE_VFIO_CDEV_PRIME name it? */
static bool
is_named(const char *bus, const char *addr)
{
	(void)bus;
	return device_is_named(policy_prime(), addr);
}

static bool
prime_is_forbidden(void)
{
	return policy_prime() != NULL && strcmp(policy_prime(), "none") == 0;
}

static bool
prime_is_named(void)
{
	return policy_prime() != NULL && !prime_is_forbidden();
}

/* Those of RTE_VFIO_CDEV_PRIME; else those that the options allow, or that may come later. */
static bool
any_search(struct search *search)
{
	if (prime_is_named())
		return buses_search(search, is_named);
	return buses_search(search, allow_has) || later_search(search);
}

static void
named_report(void)
{
	sink_log(RTE_VFIO_CDEV_LOG_WARNING,
		 "RTE_VFIO_CDEV_PRIME=%.64s: no device of that name, without an IOMMU, has a cdev: "
		 "%s; bind it to vfio-pci, or name another one (dpdk-vfio-cdev list)",
		 policy_prime(), strerror(ENODEV));
}

static void
later_report(const struct rte_vfio_cdev_info *info)
{
	sink_log(RTE_VFIO_CDEV_LOG_INFO,
		 "%s: bound %s for a moment, which resets it: memory can be pinned before a device "
		 "is plugged in; RTE_VFIO_CDEV_PRIME names another one, or forbids it (none)",
		 info->addr, info->name);
}

/*
 * Errors of devices that cannot be used are deferred: if another one can, they do not
 * matter; if none can, the last of them is the reason.
 */
static void
prime_open(struct rte_vfio_cdev_domain *domain)
{
	struct search search = { .domain = domain };
	bool found;

	if (!have_cdevs_of(NOIOMMU) || prime_is_forbidden())
		return;
	lib_log_defer();
	found = any_search(&search);
	if (!found && prime_is_named() && search.info.addr[0] == '\0')
		named_report();
	lib_log_flush(!found);
	if (found && search.allows == allow_may_come)
		later_report(&search.info);
}

bool
prime_domain(struct rte_vfio_cdev_domain *domain)
{
	if (!rte_vfio_cdev_domain_is_ready(domain) && first_time(&backend.prime_tried))
		prime_open(domain);
	return rte_vfio_cdev_domain_is_ready(domain);
}

/* Errors of other devices are logged when they are set up; those of the search here. */
static bool
quietly_find(struct search *search, bool later)
{
	bool found = false;

	if (have_cdevs_of(NOIOMMU)) {
		lib_log_defer();
		found = later ? any_search(search) : buses_search(search, allow_has);
		lib_log_flush(search->err < 0);
	}
	return found;
}

bool
prime_find_allowed(struct rte_vfio_cdev_info *info)
{
	struct search search = { 0 };
	const bool found = quietly_find(&search, false);

	*info = search.info;
	return found;
}

bool
prime_find(void)
{
	struct search search = { 0 };

	return quietly_find(&search, true);
}

bool
prime_has_usable(void)
{
	struct search search = { .usable = true };

	return quietly_find(&search, true);
}
