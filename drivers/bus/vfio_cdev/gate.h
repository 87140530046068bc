/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The head of each entry point, in the manner of RTE_ETH_VALID_PORTID_OR_ERR_RET():
 * is the call the backend's to answer, is it stock's, or can it not be answered?
 */

#ifndef BUS_VFIO_CDEV_GATE_H
#define BUS_VFIO_CDEV_GATE_H

#include <stdbool.h>

/*
 * False: no call can be answered. There is no EAL, or one with a cdev mode of its own; there
 * is no memory; RTE_VFIO_CDEV or RTE_VFIO_CDEV_PHYS has an invalid value; or the process was
 * forked from one that has an iommufd.
 */
bool
gate_is_usable(void);

/* RTE_VFIO_CDEV=off: each call is stock's. */
bool
gate_is_off(void);

#define GATE_USABLE_OR_ERR_RET(retval) \
	do { \
		if (!gate_is_usable()) \
			return retval; \
	} while (0)

#define GATE_ON_OR_STOCK_RET(retval, stock) \
	do { \
		GATE_USABLE_OR_ERR_RET(retval); \
		if (gate_is_off()) \
			return stock; \
	} while (0)

#endif /* BUS_VFIO_CDEV_GATE_H */
