/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Changes of memory that is pinned provisionally. A preloaded library hooks the functions of
 * the C library that change mappings, as UCX does; a program without such memory pays for
 * the read of one variable. userfaultfd, which libfabric uses, reports only memory that was
 * registered, and needs a thread that reads its events before munmap() returns. Hooks do not
 * see calls from inside the C library: a sweep finds those (vfio_cdev_provisional.c).
 */

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "vfio_cdev_follow.h"
#include "vfio_cdev_lock.h"
#include "vfio_cdev_monitor.h"
#include "vfio_cdev_provisional.h"
#include "vfio_cdev_state.h"

/* Guards the list of domains. Taken before any domain's lock. */
static pthread_mutex_t monitor_lock = PTHREAD_MUTEX_INITIALIZER;
static struct rte_vfio_cdev_domain *domains;

/* The process whose memory it is, to recognize a child. */
static atomic_int monitor_pid;

void
vfio_cdev_monitor_add(struct rte_vfio_cdev_domain *domain)
{
	pthread_mutex_lock(&monitor_lock);
	domain->pid = getpid();
	atomic_store(&monitor_pid, domain->pid);
	domain->next_domain = domains;
	domains = domain;
	pthread_mutex_unlock(&monitor_lock);
}

void
vfio_cdev_monitor_remove(struct rte_vfio_cdev_domain *domain)
{
	struct rte_vfio_cdev_domain **link = &domains;

	pthread_mutex_lock(&monitor_lock);
	while (*link != domain)
		link = &(*link)->next_domain;
	*link = domain->next_domain;
	pthread_mutex_unlock(&monitor_lock);
}

void
vfio_cdev_monitor_forked(struct rte_vfio_cdev_domain *domain)
{
	domain->pid = getpid();
	if (atomic_exchange(&monitor_pid, domain->pid) != domain->pid)
		pthread_mutex_init(&monitor_lock, NULL);
}

/* The first domain of this process, from one on, that can have provisional pins. */
static struct rte_vfio_cdev_domain *
domain_from(struct rte_vfio_cdev_domain *domain)
{
	while (domain != NULL &&
	       (!domain->mode->reports_pa || domain->pid != atomic_load(&monitor_pid)))
		domain = domain->next_domain;
	return domain;
}

#define DOMAIN_FOREACH(d) \
	for ((d) = domain_from(domains); (d) != NULL; (d) = domain_from((d)->next_domain))

/* Lock the list, if there is memory to watch. */
static bool
monitor_enter(void)
{
	if (vfio_cdev_provisional_count() == 0 || vfio_cdev_lock_depth != 0 ||
	    getpid() != (pid_t)atomic_load(&monitor_pid))
		return false;
	vfio_cdev_lock_enter();
	pthread_mutex_lock(&monitor_lock);
	return true;
}

static void
monitor_leave(int err)
{
	pthread_mutex_unlock(&monitor_lock);
	vfio_cdev_lock_leave();
	errno = err;
}

bool
vfio_cdev_monitor_is_inside(void)
{
	return vfio_cdev_lock_depth != 0;
}

static void
domains_unlock(void)
{
	struct rte_vfio_cdev_domain *domain;

	DOMAIN_FOREACH(domain)
		vfio_cdev_unlock(domain);
}

bool
vfio_cdev_monitor_begin(const void *va, size_t len)
{
	const uintptr_t start = len != 0 ? (uintptr_t)va : 0;
	struct rte_vfio_cdev_domain *domain;
	const int err = errno;
	bool found = false;

	if (!monitor_enter())
		return false;
	DOMAIN_FOREACH(domain) {
		vfio_cdev_lock(domain);
		found = found || vfio_cdev_provisional_next(domain, NULL, start, len) != NULL;
	}
	if (found) {
		if (len != 0)
			DOMAIN_FOREACH(domain)
				vfio_cdev_follow(domain, start, len);
		errno = err;
		return true;
	}
	domains_unlock();
	monitor_leave(err);
	return false;
}

size_t
vfio_cdev_monitor_segment(const void *va)
{
	struct rte_vfio_cdev_domain *domain;
	const int err = errno;
	size_t len = 0;

	if (!monitor_enter())
		return 0;
	domain = domain_from(domains);
	if (domain != NULL) {
		vfio_cdev_lock(domain);
		len = vfio_cdev_segment_len(domain, va);
		vfio_cdev_unlock(domain);
	}
	monitor_leave(err);
	return len;
}

static void
memory_drop(struct rte_vfio_cdev_domain *domain, const void *va, size_t len)
{
	struct vfio_cdev_record *rec, *next;
	const uintptr_t start = (uintptr_t)va;

	for (rec = vfio_cdev_provisional_next(domain, NULL, start, len); rec != NULL; rec = next) {
		next = vfio_cdev_provisional_next(domain, rec, start, len);
		vfio_cdev_provisional_drop(domain, rec, true);
	}
}

void
vfio_cdev_monitor_replaced(const void *va, size_t len)
{
	struct rte_vfio_cdev_domain *domain;
	const int err = errno;

	if (len != 0)
		DOMAIN_FOREACH(domain)
			vfio_cdev_follow(domain, (uintptr_t)va, len);
	errno = err;
}

void
vfio_cdev_monitor_end(const void *va, size_t len, enum vfio_cdev_fate fate)
{
	struct rte_vfio_cdev_domain *domain;
	const int err = errno;

	if (fate == VFIO_CDEV_GONE && len != 0)
		DOMAIN_FOREACH(domain)
			memory_drop(domain, va, len);
	domains_unlock();
	monitor_leave(err);
}

static void
memory_move(struct rte_vfio_cdev_domain *domain, const void *from, const void *to, size_t len)
{
	struct vfio_cdev_record *rec, *moved = NULL;

	while ((rec = vfio_cdev_provisional_next(domain, NULL, (uintptr_t)from, len)) != NULL) {
		vfio_cdev_record_remove(domain, rec);
		rec->va += (uintptr_t)to - (uintptr_t)from;
		rec->right = moved;
		moved = rec;
	}
	memory_drop(domain, to, len);
	while (moved != NULL) {
		rec = moved;
		moved = rec->right;
		rec->left = NULL;
		rec->right = NULL;
		vfio_cdev_record_add(domain, rec);
	}
}

void
vfio_cdev_monitor_moved(const void *from, const void *to, size_t len)
{
	struct rte_vfio_cdev_domain *domain;
	const int err = errno;

	if (len != 0)
		DOMAIN_FOREACH(domain)
			memory_move(domain, from, to, len);
	errno = err;
}

void
vfio_cdev_monitor_recheck(const void *va, size_t len)
{
	const uintptr_t start = len != 0 ? (uintptr_t)va : 0;
	struct rte_vfio_cdev_domain *domain;
	const int err = errno;

	if (!monitor_enter())
		return;
	/* A call that replaces memory has a range. Comparing all memory is left to the sweep. */
	DOMAIN_FOREACH(domain)
		vfio_cdev_provisional_recheck(domain, start, len, len != 0);
	monitor_leave(err);
}
