/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Domains of librte_vfio_cdev: those of the default container, one for each mode, and a
 * walk over these and those of created containers. Functions take backend_lock unless
 * they say that it is held.
 */

#ifndef BUS_VFIO_CDEV_DOMAIN_H
#define BUS_VFIO_CDEV_DOMAIN_H

#include <stdbool.h>

#include "rte_vfio_cdev.h"

/* Create a domain, in which a forked child will have no part. 0 or -errno, logged. */
int
domain_make(enum rte_vfio_cdev_mode mode, struct rte_vfio_cdev_domain **domain);

/* The default container's domain of a mode, or NULL, logged. backend_lock is held. */
struct rte_vfio_cdev_domain *
domain_open(enum rte_vfio_cdev_mode mode);

/* The same, and takes backend_lock. */
struct rte_vfio_cdev_domain *
domain_of(enum rte_vfio_cdev_mode mode);

/* May the EAL still map pages elsewhere whose address it has? */
bool
domain_keeps_provisional(void);

/* The EAL has its memory now. */
void
domain_keep_provisional_end(void);

#define DOMAIN_NAME_LEN 24

struct container;

struct domain_ref {
	struct rte_vfio_cdev_domain *domain;
	enum rte_vfio_cdev_mode mode;
	int iommufd;		     /* -1: there was no device yet */
	struct container *container; /* NULL: the default one */
	char name[DOMAIN_NAME_LEN];
};

/*
 * The nth domain, in use until domain_put(): those of the default container first, then
 * those of created containers. False: there are no more.
 */
bool
domain_nth(unsigned int n, struct domain_ref *ref);

void
domain_put(const struct domain_ref *ref);

#endif /* BUS_VFIO_CDEV_DOMAIN_H */
