/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The state of the backend that has no table of its own, and the lock of all of it.
 *
 *	rte_vfio_*(), rte_mem_virt2phy(), ...	from the EAL, buses, drivers, applications
 *		|		gate.h: is the call the backend's?
 *		v
 *	device ------ cdev, domain, group	device_table.h
 *		|
 *		v
 *	domain ------ an IOAS of librte_vfio_cdev: one for each mode in the default
 *		|     container (here), one for each created one (container_table.h)
 *		v
 *	mappings ---- the EAL's memory (memseg.h), the application's (default_map.h,
 *		      container_map.c), pages whose address was given (phys.h)
 *
 * A file calls files of lower layers only: meson.build lists them.
 *
 * Locks, in the order they are taken: the EAL's memory lock, backend_lock, a domain's
 * locks. The EAL holds the first when it reports memory; set-up takes it for reading,
 * so that memory stands still between recording it and registering for events. It is
 * never taken while backend_lock is held. A device is bound, and memory pinned for it,
 * with none of them held: until that is done its place in the table is taken.
 */

#ifndef BUS_VFIO_CDEV_STATE_H
#define BUS_VFIO_CDEV_STATE_H

#include <pthread.h>
#include <stdbool.h>

#include "rte_vfio_cdev.h"

#define NOIOMMU RTE_VFIO_CDEV_NOIOMMU
#define TRANSLATED RTE_VFIO_CDEV_TRANSLATED
#define PIN_ONLY RTE_VFIO_CDEV_PIN_ONLY

/* Guards the state and the tables of devices and containers. */
extern pthread_mutex_t backend_lock;

extern struct backend {
	/* the default container: each mode's domain stays once it is there, or is NULL */
	struct rte_vfio_cdev_domain *domains[RTE_VFIO_CDEV_MODES];
	bool wanted[RTE_VFIO_CDEV_MODES];   /* there are, or were, devices for its memory */
	bool recorded[RTE_VFIO_CDEV_MODES]; /* the EAL's memory is, and events go on with it */
	/* a device was set up, or io_uring pins memory: all of it is pinned */
	bool attached[RTE_VFIO_CDEV_MODES];
	int iommufds[RTE_VFIO_CDEV_MODES]; /* of those that are attached */
	bool events;			   /* the EAL reports memory, or has none to report */
	bool stock_container_given;	   /* the fd of stock's default container: */
	int stock_container_fd;
	bool prime_tried;  /* there is no use in trying again */
	bool pin_searched; /* for a device without a cdev: */
	char pin_addr[RTE_VFIO_CDEV_ADDR_LEN];
	bool pin_tried; /* io_uring */
	bool pin_given_up;
	bool pin_left;		     /* by a forked child, which has not logged it */
	bool keep_provisional_ended; /* the EAL has its memory */
	bool unavailable_logged;     /* there are no physical addresses */
	bool unusable_logged;	     /* the EAL's options make a device unusable */
	bool pa_answered;	     /* to the EAL's query of the IOVA mode, instead of stock's */
	unsigned int stock_devices;  /* set up by stock in this process */
	bool serving;		     /* the action of the multi-process channel is registered */
	bool bad_request_logged;     /* of a secondary */
} backend;

/* Set a flag of the state; was it clear? Takes backend_lock. */
bool
first_time(bool *done);

/* Was it logged that there are no physical addresses, and why? Takes backend_lock. */
bool
addresses_are_missing(void);

/* The iommufd of a mode's default domain; -1: no device was set up. backend_lock is held. */
int
default_iommufd(enum rte_vfio_cdev_mode mode);

#endif /* BUS_VFIO_CDEV_STATE_H */
