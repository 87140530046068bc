/* SPDX-License-Identifier: BSD-3-Clause */

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "compat.h"
#include "log.h"
#include "policy.h"
#include "vfio_cdev_front.h"

#define NOIOMMU RTE_VFIO_CDEV_NOIOMMU
#define PIN_ONLY RTE_VFIO_CDEV_PIN_ONLY

pthread_mutex_t front_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t bind_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t prime_lock = PTHREAD_MUTEX_INITIALIZER;

/* Constant once they are set, which is done with front_lock. */
static struct {
	struct rte_vfio_cdev_ctx *_Atomic ctx;
	struct rte_vfio_cdev_domain *_Atomic domains[RTE_VFIO_CDEV_MODES];
} front;

static atomic_bool have_cdevs; /* the machine has had some, */
static atomic_bool counted;    /* or was found to have none */
static atomic_bool pinning;    /* io_uring, where there are none */
static atomic_bool searched;   /* for devices without one */
static atomic_bool used;
static atomic_int own_pid; /* not that of a child made by vfork(2), which shares the memory */
static bool forked;	   /* set in a process that has one thread, before it goes on */
static atomic_bool forked_logged;

struct rte_vfio_cdev_ctx *
front_ctx(void)
{
	struct rte_vfio_cdev_ctx *ctx = atomic_load(&front.ctx);

	if (ctx != NULL)
		return ctx;
	pthread_mutex_lock(&front_lock);
	ctx = atomic_load(&front.ctx);
	if (ctx == NULL && rte_vfio_cdev_ctx_create(lib_log, NULL, &ctx) == 0) {
		rte_vfio_cdev_ctx_set_level(ctx, log_level());
		atomic_store(&front.ctx, ctx);
	}
	pthread_mutex_unlock(&front_lock);
	if (ctx == NULL)
		sink_log(RTE_VFIO_CDEV_LOG_ERR, "cannot start: %s; memory is short",
			 strerror(ENOMEM));
	return ctx;
}

static bool
policy_allows(void)
{
	return policy_get() == POLICY_PREFER || policy_get() == POLICY_REQUIRE;
}

/*
 * Counted again when a program opens a container or a group. There may be some if that cannot be
 * found out.
 */
bool
front_is_on(void)
{
	int count;

	if (!policy_allows())
		return false;
	if (!atomic_load(&counted)) {
		count = front_ctx() != NULL ? vfio_cdev_count(front_ctx(), NOIOMMU) : -ENOMEM;
		if (count < 0)
			return true;
		if (count > 0)
			atomic_store(&have_cdevs, true);
		atomic_store(&counted, true);
	}
	return atomic_load(&have_cdevs);
}

void
front_look_again(void)
{
	atomic_store(&counted, atomic_load(&have_cdevs));
	atomic_store(&searched, false);
}

/*
 * A forked process shares its parent's iommufd, and what it maps would be reached by its
 * parent's devices. Without one it starts anew.
 */
static void
fork_child(void)
{
	forked |= rte_vfio_cdev_iommufds_open() > 0;
	atomic_store(&own_pid, getpid());
	pthread_mutex_init(&front_lock, NULL);
	pthread_mutex_init(&bind_lock, NULL);
	pthread_mutex_init(&prime_lock, NULL);
	if (forked)
		return;
	/* The rings of io_uring are the parent's: the child goes on as without this library. */
	atomic_store(&front.domains[PIN_ONLY], NULL);
	if (front.domains[NOIOMMU] != NULL)
		rte_vfio_cdev_domain_forked(front.domains[NOIOMMU]);
}

bool
front_is_own(void)
{
	int none = 0;

	/* Constructors of other libraries may run before that of this one. */
	atomic_compare_exchange_strong(&own_pid, &none, getpid());
	return getpid() == (pid_t)atomic_load(&own_pid);
}

__attribute__((constructor)) static void
front_start(void)
{
	atomic_store(&own_pid, getpid());
	pthread_atfork(NULL, NULL, fork_child);
}

bool
front_is_forked(void)
{
	return forked;
}

bool
front_is_usable(void)
{
	if (forked && !atomic_exchange(&forked_logged, true))
		sink_log(RTE_VFIO_CDEV_LOG_ERR,
			 "cannot be used in a process that was forked after its parent had "
			 "addresses: %s; its memory would be mapped for its parent's devices: use "
			 "VFIO in the parent, or fork before",
			 strerror(EOPNOTSUPP));
	return !forked && front_is_own() && front_is_on();
}

static int
device_visit(const char *addr, void *arg)
{
	(void)addr;
	(void)arg;
	return 1;
}

/*
 * Once the program has opened a container on a machine without such cdevs, but with devices
 * that are used without an IOMMU, io_uring pins for them.
 */
bool
front_is_pinning(void)
{
	int ret;

	if (front_is_on() || !front_is_used() || !front_is_own() || policy_get() != POLICY_PREFER ||
	    policy_pin() == PIN_OFF || front_ctx() == NULL)
		return false;
	if (!atomic_exchange(&searched, true)) {
		ret = rte_vfio_cdev_walk_without(front_ctx(), "pci", device_visit, NULL);
		if (ret == 1)
			atomic_store(&pinning, true);
		if (ret < 0) {
			/* There may be one: look again. */
			atomic_store(&searched, false);
			return true;
		}
	}
	return atomic_load(&pinning);
}

struct rte_vfio_cdev_domain *
front_domain(void)
{
	const enum rte_vfio_cdev_mode mode = front_is_pinning() ? PIN_ONLY : NOIOMMU;
	struct rte_vfio_cdev_domain *domain = atomic_load(&front.domains[mode]);
	struct rte_vfio_cdev_ctx *ctx = front_ctx();

	if (domain != NULL || ctx == NULL)
		return domain;
	pthread_mutex_lock(&front_lock);
	domain = atomic_load(&front.domains[mode]);
	if (domain == NULL && rte_vfio_cdev_domain_create(ctx, mode, &domain) == 0)
		atomic_store(&front.domains[mode], domain);
	pthread_mutex_unlock(&front_lock);
	return domain;
}

void
front_use(void)
{
	if (!policy_allows() || forked || !front_is_own())
		return;
	atomic_store(&used, true);
}

bool
front_is_used(void)
{
	return atomic_load(&used);
}
