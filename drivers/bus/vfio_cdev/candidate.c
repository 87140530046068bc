/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A device that the EAL may set up: any without an IOMMU that its options do not
 * forbid. Physical addresses can be had through it before the application has
 * set up one; it is reset and given back at once, and only its HWPT stays.
 */

#include <stdio.h>
#include <string.h>

#include <rte_devargs.h>

#include "private.h"

struct bdf {
	unsigned int domain, bus, device, function;
};

/* As sysfs writes it, or shorter by the domain, as a user may. */
static bool
bdf_parse(const char *text, struct bdf *bdf)
{
	int end = 0;

	if (sscanf(text, "%x:%x:%x.%x%n", &bdf->domain, &bdf->bus, &bdf->device, &bdf->function,
		   &end) == 4 && text[end] == '\0')
		return true;
	bdf->domain = 0;
	return sscanf(text, "%x:%x.%x%n", &bdf->bus, &bdf->device, &bdf->function, &end) == 3 &&
		text[end] == '\0';
}

static bool
bdf_is(const char *text, const struct bdf *bdf)
{
	struct bdf other;

	return bdf_parse(text, &other) && memcmp(&other, bdf, sizeof(other)) == 0;
}

/* The same answer as the PCI bus's, rte_pci_ignore_device() in pci_common.c. */
static bool
device_is_allowed(const char *addr)
{
	const struct rte_devargs *devargs;
	bool allow_list = false;
	struct bdf bdf;

	if (!bdf_parse(addr, &bdf))
		return false;
	for (devargs = eal_api()->devargs_next("pci", NULL); devargs != NULL;
	     devargs = eal_api()->devargs_next("pci", devargs)) {
		if (bdf_is(devargs->name, &bdf))
			return devargs->policy == RTE_DEV_ALLOWED;
		allow_list |= devargs->policy == RTE_DEV_ALLOWED;
	}
	return !allow_list;
}

static bool
is_candidate(const struct rte_vfio_cdev_info *info)
{
	return info->mode == RTE_VFIO_CDEV_NOIOMMU && device_is_allowed(info->addr);
}

static bool
bus_is_used(void)
{
	return eal_api()->has_pci == NULL || eal_api()->has_pci();
}

/* Stops the walk with 1 when the domain has got what it needs. */
static int
candidate_try(const struct rte_vfio_cdev_info *info, void *domain)
{
	unsigned char token[VF_TOKEN_LEN];

	return is_candidate(info) &&
		rte_vfio_cdev_domain_prime(domain, info, vf_token(token)) == 0;
}

/*
 * The lines of devices that will not do are held back: one that will makes them
 * pointless, and if none does the last of them is the reason.
 */
bool
candidate_prime(struct rte_vfio_cdev_domain *domain)
{
	bool found;

	if (!bus_is_used())
		return false;
	lib_log_hold();
	found = rte_vfio_cdev_walk(backend_ctx(), "pci", candidate_try, domain) == 1;
	lib_log_release(!found);
	return found;
}

static int
candidate_copy(const struct rte_vfio_cdev_info *info, void *found)
{
	if (!is_candidate(info))
		return 0;
	*(struct rte_vfio_cdev_info *)found = *info;
	return 1;
}

/* What is wrong with other devices is told when they are set up. */
bool
candidate_find(struct rte_vfio_cdev_info *info)
{
	bool found;

	if (!bus_is_used())
		return false;
	lib_log_hold();
	found = rte_vfio_cdev_walk(backend_ctx(), "pci", candidate_copy, info) == 1;
	lib_log_release(false);
	return found;
}
