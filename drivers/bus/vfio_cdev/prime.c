/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The device that primes a domain: any without an IOMMU that the EAL's options allow. It
 * is bound, which resets it, and released at once; only its HWPT stays.
 */

#include <stdio.h>
#include <string.h>

#include <rte_devargs.h>

#include "ctx.h"
#include "eal_api.h"
#include "log.h"
#include "prime.h"
#include "state.h"

struct bdf {
	unsigned int domain, bus, device, function;
};

/* As in sysfs, or without the domain, as in an option. */
static bool
bdf_parse(const char *text, struct bdf *bdf)
{
	int end = 0;

	if (sscanf(text, "%x:%x:%x.%x%n", &bdf->domain, &bdf->bus, &bdf->device, &bdf->function,
		   &end) == 4 &&
	    text[end] == '\0')
		return true;
	bdf->domain = 0;
	return sscanf(text, "%x:%x.%x%n", &bdf->bus, &bdf->device, &bdf->function, &end) == 3 &&
		text[end] == '\0';
}

static bool
name_is(const char *text, const char *addr)
{
	struct bdf left, right;

	if (bdf_parse(text, &left) && bdf_parse(addr, &right))
		return memcmp(&left, &right, sizeof(left)) == 0;
	return strcmp(text, addr) == 0;
}

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

/* The same answer as the bus's, e.g. rte_pci_ignore_device() in pci_common.c. */
static bool
device_is_allowed(const char *bus, const char *addr)
{
	const struct rte_devargs *devargs;
	bool allow_list = false;

	for (devargs = eal_api()->devargs_next(bus, NULL); devargs != NULL;
	     devargs = eal_api()->devargs_next(bus, devargs)) {
		if (name_is(devargs->name, addr))
			return devargs->policy == RTE_DEV_ALLOWED;
		allow_list |= devargs->policy == RTE_DEV_ALLOWED;
	}
	return !allow_list;
}

struct search {
	const char *bus;
	struct rte_vfio_cdev_domain *domain; /* to prime, or NULL */
	struct rte_vfio_cdev_info info;	     /* of what was found */
};

/* Stops the walk with 1 when it is found. */
static int
prime_visit(const struct rte_vfio_cdev_info *info, void *arg)
{
	unsigned char token[VF_TOKEN_LEN];
	struct search *search = arg;

	if (info->mode != RTE_VFIO_CDEV_NOIOMMU || !device_is_allowed(search->bus, info->addr))
		return 0;
	search->info = *info;
	return search->domain == NULL ||
		rte_vfio_cdev_domain_prime(search->domain, info, eal_vf_token(token)) == 0;
}

/*
 * Errors of devices that cannot be used are deferred: if another one can, they do not
 * matter; if none can, the last of them is the reason, and logged if print is set.
 */
static bool
prime_search(struct search *search, bool print)
{
	bool found = false;

	if (!have_cdevs_of(NOIOMMU))
		return false;
	lib_log_defer();
	for (size_t i = 0; i < RTE_DIM(buses) && !found; i++) {
		search->bus = buses[i];
		found = bus_is_used(buses[i]) &&
			rte_vfio_cdev_walk(backend_ctx(), buses[i], prime_visit, search) == 1;
	}
	lib_log_flush(print && !found);
	return found;
}

/* Reads all of /proc, so only for the device whose error is logged. */
static void
openers_report(const struct rte_vfio_cdev_info *info)
{
	struct rte_vfio_cdev_opener first;

	if (rte_vfio_cdev_openers(backend_ctx(), info, &first, 1) > 0 ||
	    rte_vfio_cdev_group_openers(backend_ctx(), info, &first, 1) > 0)
		bus_log(RTE_VFIO_CDEV_LOG_WARNING, "%s: %s or its group is open in pid %d (%s)",
			info->addr, info->name, first.pid, first.name);
}

static bool
prime_open(struct rte_vfio_cdev_domain *domain)
{
	struct search search = { .domain = domain };
	const bool found = prime_search(&search, true);

	if (!found && search.info.addr[0] != '\0')
		openers_report(&search.info);
	return found;
}

bool
prime_domain(struct rte_vfio_cdev_domain *domain)
{
	if (!rte_vfio_cdev_domain_is_ready(domain) && first_time(&backend.prime_tried))
		prime_open(domain);
	return rte_vfio_cdev_domain_is_ready(domain);
}

/* Errors of other devices are logged when they are set up. */
bool
prime_find(struct rte_vfio_cdev_info *info)
{
	struct search search = { 0 };
	const bool found = prime_search(&search, false);

	*info = search.info;
	return found;
}
