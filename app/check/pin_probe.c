/* SPDX-License-Identifier: BSD-3-Clause */

/* Pin a page as the library does where there is no cdev. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check_private.h"

/* pin_is_allowed() of the library (drivers/bus/vfio_cdev/pin.c). */
static bool
environment_allows(const struct check_options *options)
{
	const char *policy = getenv("RTE_VFIO_CDEV"), *phys = getenv("RTE_VFIO_CDEV_PHYS");

	return !options->require &&
		(policy == NULL ||
		 (strcasecmp(policy, "require") != 0 && strcasecmp(policy, "off") != 0)) &&
		(phys == NULL || strcasecmp(phys, "ioas") != 0);
}

static bool
environment_forbids(void)
{
	const char *pin = getenv("RTE_VFIO_CDEV_PIN");

	return pin != NULL && strcasecmp(pin, "off") == 0;
}

static void
page_pin(struct rte_vfio_cdev_domain *domain, struct pin_probe *probe)
{
	const size_t size = sysconf(_SC_PAGESIZE);
	void *page = aligned_alloc(size, size);
	uint64_t phys;

	probe->step = RTE_VFIO_CDEV_STEP_MAP;
	probe->ret = -ENOMEM;
	if (page == NULL)
		return;
	memset(page, 1, size);
	probe->ret = rte_vfio_cdev_domain_pin_page(domain, page, size, &phys);
	/* Of pagemap; io_uring gives no such error. */
	if (probe->ret == -EACCES)
		probe->step = RTE_VFIO_CDEV_STEP_VERIFY;
	if (probe->ret == 0)
		rte_vfio_cdev_domain_unmap(domain, page, phys, size);
	free(page);
}

void
pin_probe(const struct host *host, const struct check_options *options, struct pin_probe *probe)
{
	struct rte_vfio_cdev_domain *domain;

	*probe = (struct pin_probe){
		.is_wanted = environment_allows(options),
		.step = RTE_VFIO_CDEV_STEP_URING,
	};
	if (!probe->is_wanted)
		return;
	if (environment_forbids()) {
		probe->ret = -ECANCELED;
		return;
	}
	/* The library's error of it is not told from one of io_uring. */
	probe->ret = host_access(host, R_OK, PAGEMAP);
	if (probe->ret < 0) {
		probe->step = RTE_VFIO_CDEV_STEP_VERIFY;
		return;
	}
	probe->ret = rte_vfio_cdev_domain_create(host->ctx, RTE_VFIO_CDEV_PIN_ONLY, &domain);
	if (probe->ret < 0)
		return;
	probe->ret = rte_vfio_cdev_domain_start(domain);
	if (probe->ret == 0)
		page_pin(domain, probe);
	rte_vfio_cdev_domain_destroy(domain);
}
