/* SPDX-License-Identifier: BSD-3-Clause */

/* Pinning for devices without a cdev. */

#include <stdio.h>
#include <string.h>

#include "allow.h"
#include "ctx.h"
#include "domain.h"
#include "eal_api.h"
#include "log.h"
#include "pin.h"
#include "policy.h"
#include "state.h"

static bool
pin_is_allowed(void)
{
	return policy_get() == POLICY_PREFER && policy_pin() == PIN_AUTO &&
		policy_phys() != PHYS_IOAS && eal_api()->process_type() == RTE_PROC_PRIMARY &&
		eal_api()->iova_mode() == RTE_IOVA_PA;
}

/* Not with --no-pci. */
static bool
pci_is_used(void)
{
	return eal_api()->has_pci == NULL || eal_api()->has_pci();
}

/* Without it there are no addresses, and nothing to pin. */
static bool
pagemap_is_readable(void)
{
	const char here = 0;

	return eal_api()->virt2phy(&here) != RTE_BAD_PHYS_ADDR;
}

static const char *
pin_advice(int err)
{
	const char *advice = rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_URING, err);

	return advice[0] != '\0' ? advice : rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_MAP, err);
}

void
pin_give_up(int err)
{
	pthread_mutex_lock(&backend_lock);
	backend.attached[PIN_ONLY] = false;
	backend.recorded[PIN_ONLY] = false;
	pthread_mutex_unlock(&backend_lock);
	if (!first_time(&backend.pin_given_up))
		return;
	bus_log(RTE_VFIO_CDEV_LOG_WARNING,
		"io_uring cannot pin memory for devices without a cdev, and the kernel may move it "
		"while they use it: %s; %s; or accept it with RTE_VFIO_CDEV_PIN=off",
		strerror(-err), pin_advice(-err));
}

static void
pin_start(const char *addr)
{
	struct rte_vfio_cdev_domain *domain = pagemap_is_readable() ? domain_of(PIN_ONLY) : NULL;
	int ret;

	if (domain == NULL)
		return;
	lib_log_defer();
	ret = rte_vfio_cdev_domain_start(domain);
	lib_log_flush(false);
	if (ret < 0) {
		pin_give_up(ret);
		return;
	}
	bus_log(RTE_VFIO_CDEV_LOG_INFO,
		"%s: has no cdev: memory is pinned by io_uring; its addresses come from pagemap, "
		"and no IOAS confirms them",
		addr);
	pthread_mutex_lock(&backend_lock);
	backend.attached[PIN_ONLY] = true;
	backend.iommufds[PIN_ONLY] = -1;
	pthread_mutex_unlock(&backend_lock);
}

static int
pin_visit(const char *addr, void *arg)
{
	if (!allow_has("pci", addr))
		return 0;
	snprintf(arg, RTE_VFIO_CDEV_ADDR_LEN, "%s", addr);
	return 1;
}

/* Only PCI devices are used over UIO, or a group without an IOMMU, by the EAL's buses. */
bool
pin_is_wanted(char addr[RTE_VFIO_CDEV_ADDR_LEN])
{
	char found[RTE_VFIO_CDEV_ADDR_LEN] = "";

	if (!pin_is_allowed())
		return false;
	if (first_time(&backend.pin_searched) && pci_is_used()) {
		lib_log_defer();
		rte_vfio_cdev_walk_without(backend_ctx(), "pci", pin_visit, found);
		lib_log_flush(false);
		pthread_mutex_lock(&backend_lock);
		memcpy(backend.pin_addr, found, sizeof(found));
		pthread_mutex_unlock(&backend_lock);
	}
	pthread_mutex_lock(&backend_lock);
	memcpy(addr, backend.pin_addr, RTE_VFIO_CDEV_ADDR_LEN);
	pthread_mutex_unlock(&backend_lock);
	return addr[0] != '\0';
}

struct rte_vfio_cdev_domain *
pin_domain(void)
{
	char addr[RTE_VFIO_CDEV_ADDR_LEN];

	return pin_is_wanted(addr) ? pin_domain_for(addr) : NULL;
}

struct rte_vfio_cdev_domain *
pin_domain_for(const char *addr)
{
	struct rte_vfio_cdev_domain *domain;

	if (!pin_is_allowed())
		return NULL;
	if (first_time(&backend.pin_tried))
		pin_start(addr);
	pthread_mutex_lock(&backend_lock);
	domain = backend.attached[PIN_ONLY] ? backend.domains[PIN_ONLY] : NULL;
	pthread_mutex_unlock(&backend_lock);
	return domain;
}
