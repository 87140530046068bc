/* SPDX-License-Identifier: BSD-3-Clause */

/* Pinning for devices without a cdev. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "allow.h"
#include "ctx.h"
#include "domain.h"
#include "eal_api.h"
#include "log_sink.h"
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

bool
pin_error_is_of_memory(int err)
{
	return err == -EFAULT || err == -EINVAL || err == -EOPNOTSUPP || err == -EEXIST ||
		err == -EADDRNOTAVAIL || err == -EAGAIN || err == -EBUSY;
}

void
pin_give_up(int err)
{
	const char *advice = pin_advice(-err);

	pthread_mutex_lock(&backend_lock);
	backend.attached[PIN_ONLY] = false;
	backend.recorded[PIN_ONLY] = false;
	pthread_mutex_unlock(&backend_lock);
	if (!first_time(&backend.pin_given_up))
		return;
	sink_log(
		RTE_VFIO_CDEV_LOG_WARNING,
		"io_uring cannot pin memory for devices without a cdev, and the kernel may move it "
		"while they use it: %s; %s%sor accept it with RTE_VFIO_CDEV_PIN=off",
		strerror(-err), advice, advice[0] != '\0' ? "; " : "");
}

/* A forked child does not use the rings, which are its parent's as well (fork.c). */
static void
fork_report(void)
{
	bool left;

	pthread_mutex_lock(&backend_lock);
	left = backend.pin_left;
	backend.pin_left = false;
	pthread_mutex_unlock(&backend_lock);
	if (left)
		sink_log(RTE_VFIO_CDEV_LOG_WARNING,
			 "memory is no more pinned for devices without a cdev, since this process "
			 "was forked after the EAL started: %s; fork before rte_eal_init()",
			 strerror(EOPNOTSUPP));
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
	sink_log(RTE_VFIO_CDEV_LOG_INFO,
		 "%s: has no cdev: memory is pinned by io_uring; its addresses come from pagemap, "
		 "and no IOAS confirms them",
		 addr);
	pthread_mutex_lock(&backend_lock);
	backend.attached[PIN_ONLY] = true;
	backend.iommufds[PIN_ONLY] = -1;
	pthread_mutex_unlock(&backend_lock);
}

struct search {
	bool (*allows)(const char *bus, const char *addr);
	char addr[RTE_VFIO_CDEV_ADDR_LEN]; /* of what was found */
};

static int
pin_visit(const char *addr, void *arg)
{
	struct search *search = arg;

	if (!search->allows("pci", addr))
		return 0;
	snprintf(search->addr, sizeof(search->addr), "%s", addr);
	return 1;
}

/* Where the options allow no device of the machine, any that may be plugged in later. */
static int
pin_search(struct search *search)
{
	int ret;

	lib_log_defer();
	search->allows = allow_has;
	ret = rte_vfio_cdev_walk_without(backend_ctx(), "pci", pin_visit, search);
	if (ret == 0 && !allow_names_device()) {
		search->allows = allow_may_come;
		ret = rte_vfio_cdev_walk_without(backend_ctx(), "pci", pin_visit, search);
	}
	lib_log_flush(ret < 0);
	return ret;
}

/* Only PCI devices are used over UIO, or a group without an IOMMU, by the EAL's buses. */
bool
pin_is_wanted(char addr[RTE_VFIO_CDEV_ADDR_LEN])
{
	struct search search = { .addr = "" };
	int ret;

	if (!pin_is_allowed())
		return false;
	if (first_time(&backend.pin_searched) && pci_is_used()) {
		ret = pin_search(&search);
		pthread_mutex_lock(&backend_lock);
		/* There may be one: look again. */
		if (ret < 0)
			backend.pin_searched = false;
		memcpy(backend.pin_addr, search.addr, sizeof(search.addr));
		pthread_mutex_unlock(&backend_lock);
	}
	pthread_mutex_lock(&backend_lock);
	memcpy(addr, backend.pin_addr, RTE_VFIO_CDEV_ADDR_LEN);
	pthread_mutex_unlock(&backend_lock);
	return addr[0] != '\0';
}

static struct rte_vfio_cdev_domain *
pinning_domain(void)
{
	struct rte_vfio_cdev_domain *domain;

	pthread_mutex_lock(&backend_lock);
	domain = backend.attached[PIN_ONLY] ? backend.domains[PIN_ONLY] : NULL;
	pthread_mutex_unlock(&backend_lock);
	return domain;
}

/* A device that was plugged in later may have started it. */
struct rte_vfio_cdev_domain *
pin_domain(void)
{
	struct rte_vfio_cdev_domain *domain = pinning_domain();
	char addr[RTE_VFIO_CDEV_ADDR_LEN];

	if (domain != NULL)
		return domain;
	fork_report();
	return pin_is_wanted(addr) ? pin_domain_for(addr) : NULL;
}

struct rte_vfio_cdev_domain *
pin_domain_for(const char *addr)
{
	if (!pin_is_allowed())
		return NULL;
	if (first_time(&backend.pin_tried))
		pin_start(addr);
	return pinning_domain();
}
