/* SPDX-License-Identifier: BSD-3-Clause */

/* --compare: the same again with stock DPDK, over the devices' VFIO groups. */

#ifndef APP_TEST_STOCK_H
#define APP_TEST_STOCK_H

#include "run_state.h"

/* What a phase does, with or without the backend; text is the figure. */
typedef enum verdict (*stock_measure_t)(struct run *run, bool stock, char *text, size_t size,
					struct result *result);

/*
 * With --compare, if all devices have a group, measure stock DPDK. Its failure is
 * no fault of the host: the result gets the figure or a sentence, and keeps its verdict, except
 * after a signal. Returns the verdict of the result.
 */
enum verdict
stock_compare(struct run *run, struct result *result, stock_measure_t measure);

#endif /* APP_TEST_STOCK_H */
