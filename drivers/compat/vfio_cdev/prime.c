/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What makes the domain ready before there is a device: another one, which is bound for a
 * moment, and of which the HWPT stays; or io_uring.
 */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "arguments.h"
#include "compat.h"
#include "device_choice.h"
#include "log_sink.h"
#include "policy.h"
#include "prime.h"

#define NOIOMMU RTE_VFIO_CDEV_NOIOMMU

/* Another process may prime by the same device. */
#define PRIME_ATTEMPTS 10
#define PRIME_WAIT_US 50000

static atomic_int tried_by; /* the process that has tried: not a child of it */

/* The buses with devices that VFIO drives. */
static const char *const buses[] = { "pci", "cdx", "platform" };
#define BUSES (sizeof(buses) / sizeof(buses[0]))

struct search {
	struct rte_vfio_cdev_domain *domain;
	const char *bus;
	bool unlikely; /* devices that are hardly for this program */
	bool named;    /* the command line names devices: only those */
	bool primed;
	bool busy;			/* one is in use, perhaps for a moment */
	struct rte_vfio_cdev_info info; /* of the last one that was tried */
};

static bool
device_may_prime(const struct search *search, const struct rte_vfio_cdev_info *info)
{
	const struct rte_vfio_cdev_ctx *ctx = front_ctx();

	if (info->mode != NOIOMMU ||
	    device_is_unlikely(ctx, search->bus, info->addr) != search->unlikely)
		return false;
	if (policy_prime() != NULL)
		return device_is_named(policy_prime(), info->addr);
	return search->named ? arguments_name(info->addr) :
			       !device_has_vfs(ctx, search->bus, info->addr);
}

/* Stops the walk with 1 when it is done. */
static int
prime_visit(const struct rte_vfio_cdev_info *info, void *arg)
{
	struct search *search = arg;
	int ret;

	if (!device_may_prime(search, info))
		return 0;
	search->info = *info;
	ret = rte_vfio_cdev_domain_prime(search->domain, info, NULL);
	search->primed = ret == 0;
	search->busy |= ret == -EINVAL || ret == -EBUSY;
	return search->primed;
}

static void
prime_search(struct search *search)
{
	for (size_t i = 0; i < 2 * BUSES && !search->primed; i++) {
		search->bus = buses[i % BUSES];
		search->unlikely = i >= BUSES;
		rte_vfio_cdev_walk(front_ctx(), search->bus, prime_visit, search);
	}
}

static void
devices_try(struct search *search)
{
	for (int i = 0; i < PRIME_ATTEMPTS && !search->primed && (i == 0 || search->busy); i++) {
		if (i > 0)
			usleep(PRIME_WAIT_US);
		prime_search(search);
	}
}

/* Errors of devices that are in use do not matter if another one is not. */
static void
prime_try(struct rte_vfio_cdev_domain *domain)
{
	struct search search = { .domain = domain, .named = arguments_name_any() };

	if (policy_prime() != NULL && strcmp(policy_prime(), "none") == 0)
		return;
	lib_log_defer();
	devices_try(&search);
	/* They are in use, by this program's primary perhaps: any other will do. */
	if (search.named && search.busy && !search.primed) {
		search.named = false;
		prime_search(&search);
	}
	if (search.info.addr[0] == '\0' && policy_prime() != NULL)
		sink_log(RTE_VFIO_CDEV_LOG_WARNING,
			 "RTE_VFIO_CDEV_PRIME=%.64s: no device of that name, without an IOMMU, has "
			 "a cdev: %s; bind it to vfio-pci, or name another one (dpdk-vfio-cdev "
			 "list)",
			 policy_prime(), strerror(ENODEV));
	lib_log_flush(!search.primed);
	if (search.primed)
		sink_log(
			RTE_VFIO_CDEV_LOG_INFO,
			"%s: bound %s for a moment, which resets it: memory can be pinned before a "
			"device is set up; RTE_VFIO_CDEV_PRIME names another one, or forbids it "
			"(none)",
			search.info.addr, search.info.name);
}

/* As the EAL front reports it. */
static void
rings_start(struct rte_vfio_cdev_domain *domain)
{
	const char *advice;
	int ret;

	lib_log_defer();
	ret = rte_vfio_cdev_domain_start(domain);
	lib_log_flush(false);
	if (ret == 0) {
		sink_log(RTE_VFIO_CDEV_LOG_INFO,
			 "no cdev without an IOMMU: memory is pinned by io_uring; its addresses "
			 "come from pagemap, and no IOAS confirms them");
		return;
	}
	advice = rte_vfio_cdev_advice(RTE_VFIO_CDEV_STEP_URING, -ret);
	sink_log(
		RTE_VFIO_CDEV_LOG_WARNING,
		"io_uring cannot pin memory for devices without a cdev, and the kernel may move it "
		"while they use it: %s; %s%sor accept it with RTE_VFIO_CDEV_PIN=off",
		strerror(-ret), advice, advice[0] != '\0' ? "; " : "");
}

static void
prime_once(struct rte_vfio_cdev_domain *domain)
{
	if (rte_vfio_cdev_domain_is_ready(domain) ||
	    atomic_exchange(&tried_by, getpid()) == getpid())
		return;
	if (front_is_pinning())
		rings_start(domain);
	else
		prime_try(domain);
}

/* Other threads wait until it is done. */
bool
prime_domain(void)
{
	struct rte_vfio_cdev_domain *domain = front_domain();

	if (domain == NULL)
		return false;
	if (!rte_vfio_cdev_domain_is_ready(domain)) {
		pthread_mutex_lock(&prime_lock);
		prime_once(domain);
		pthread_mutex_unlock(&prime_lock);
	}
	return rte_vfio_cdev_domain_is_ready(domain);
}
