/* SPDX-License-Identifier: BSD-3-Clause */

/* Steps of the scenarios in test_faults.c, and those that are elsewhere. */

#ifndef TEST_FAULTS_H
#define TEST_FAULTS_H

#include "test_bus.h"

void
faults_begin(enum rte_proc_type_t type);

void
faults_end(void);

int
faults_setup(const char *addr, int *fd);

int
faults_release(const char *addr, int *fd);

int
faults_info_get(const char *addr);

int
faults_is(bool right);

void
faults_secondary_gets_a_device(void);

void
faults_primary_gives_a_device(void);

#endif /* TEST_FAULTS_H */
