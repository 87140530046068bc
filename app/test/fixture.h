/* SPDX-License-Identifier: BSD-3-Clause */

/* What the tests of librte_vfio_cdev start with and must not leave behind. */

#ifndef FIXTURE_H
#define FIXTURE_H

#include "check.h"
#include "fake_sysfs.h"
#include "vfio_cdev_private.h"

#define FIXTURE_ADDR "0000:00:03.0"
#define FIXTURE_NAME "noiommu-vfio0"
#define FIXTURE_NODE FAKE_CDEV(FIXTURE_NAME)

/* The teardown ends what a test left set. */
struct fixture {
	struct rte_vfio_cdev_ctx *ctx;
	struct rte_vfio_cdev_info info;		/* of FIXTURE_ADDR, which is there */
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_device *device;
};

/* A ctx, and a device that nobody has opened yet. */
int
fixture_ctx(void **state);

/* And a domain. */
int
fixture_domain(void **state);

/* And the device open in it. */
int
fixture_device(void **state);

int
fixture_end(void **state);

#endif /* FIXTURE_H */
