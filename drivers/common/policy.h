/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The environment: RTE_VFIO_CDEV, RTE_VFIO_CDEV_PHYS, RTE_VFIO_CDEV_PIN and
 * RTE_VFIO_CDEV_PRIME. Read once, at first use.
 */

#ifndef DRIVERS_COMMON_POLICY_H
#define DRIVERS_COMMON_POLICY_H

#include <stdbool.h>

enum policy {
	POLICY_PREFER,	/* the cdev where a device has one */
	POLICY_REQUIRE, /* a device without one is an error */
	POLICY_OFF,	/* stock */
	POLICY_INVALID, /* one of them has another value */
};

/* Logs invalid values, once. */
enum policy
policy_get(void);

/* Its word, or "?" for an unknown one. */
const char *
policy_name(enum policy value);

/* Does RTE_VFIO_CDEV have this value? Needs no EAL, logs nothing. */
bool
policy_demands(enum policy wanted);

/* Where physical addresses come from: RTE_VFIO_CDEV_PHYS. */
enum policy_phys {
	PHYS_AUTO,    /* pagemap where it can be read, else the IOAS */
	PHYS_IOAS,    /* always the IOAS */
	PHYS_PAGEMAP, /* pagemap, confirmed by the IOAS when the page is pinned */
};

enum policy_phys
policy_phys(void);

/* Is memory of devices without a cdev pinned: RTE_VFIO_CDEV_PIN. */
enum policy_pin {
	PIN_AUTO,
	PIN_OFF,
};

enum policy_pin
policy_pin(void);

/*
 * RTE_VFIO_CDEV_PRIME: the devices that may prime a domain, with commas between them, or
 * "none"; NULL: not set.
 */
const char *
policy_prime(void);

#endif /* DRIVERS_COMMON_POLICY_H */
