/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Memory whose addresses an application got before the first device: once there is a
 * device it may not move, since the application gives the device these addresses.
 */

#ifndef APP_TEST_LATE_H
#define APP_TEST_LATE_H

#include "run_state.h"

/*
 * On a machine with two NUMA nodes: dpdk-test-vfio-cdev-traffic gets addresses, plugs
 * devices in and tries to move its memory. text is for the end of a figure, and empty
 * unless it passes. VERDICT_SKIP: it cannot be done on this machine. Stock DPDK gets no
 * device, so that no memory that one uses can move; that its pages move is no failure.
 */
enum verdict
late_measure(struct run *run, bool stock, char *text, size_t size, struct result *result);

/* What it has found, in words. */
enum verdict
late_verdict(const json_t *found, struct result *result);

#endif /* APP_TEST_LATE_H */
