/* SPDX-License-Identifier: BSD-3-Clause */

/* A run of steps on a domain: fuzz_domain.c has the checks, fuzz_domain_steps.c the calls. */

#ifndef FUZZ_DOMAIN_H
#define FUZZ_DOMAIN_H

#include "fake_kernel_private.h"
#include "fuzz.h"
#include "model.h"
#include "vfio_cdev_private.h"

#define RUN_DEVICES 2
#define RUN_PINS 4

struct run {
	struct fuzz_bytes bytes;
	struct model model;
	struct rte_vfio_cdev_domain *domain;
	struct rte_vfio_cdev_device *devices[RUN_DEVICES];
	struct {
		struct rte_vfio_cdev_pin *pin;
		unsigned int owner;
	} pins[RUN_PINS];
	unsigned int owners;	 /* so many pins were made */
	unsigned int next_frame; /* that no memory had yet */
	unsigned int moves;	 /* of pages, before the step */
	bool unmaps;		 /* the step copies pins, and makes no new ones */
	bool is_quiet;		 /* the step logs no errors */
};

void *
run_va(unsigned int page);

struct model_span
run_span(struct run *run);

/*
 * The model has made the step: it is "next" then, and has returned "want". Arm the fault. false:
 * the documentation leaves open what must happen, so the step is not made.
 */
bool
run_begin(struct run *run, const struct model *next, int want);

/* The library has made the step, and has returned ret. */
void
run_end(struct run *run, const struct model *next, int want, int ret);

/* A ctx for all runs, and a domain for this one; then close all. */
void
devices_start(struct run *run, enum rte_vfio_cdev_mode mode);

void
devices_finish(struct run *run);

void
step_map(struct run *run);
void
step_plan(struct run *run);
void
step_unmap(struct run *run);
void
step_lookup(struct run *run);
void
step_pin_page(struct run *run);
void
step_pin(struct run *run);
void
step_release(struct run *run);
void
step_provide(struct run *run);
void
step_expect(struct run *run);
void
step_keep(struct run *run);
void
step_sweep(struct run *run);
void
step_open(struct run *run);
void
step_close(struct run *run);
void
step_settle(struct run *run);
void
step_replace(struct run *run);
void
step_gone(struct run *run);
void
step_move(struct run *run);

#endif /* FUZZ_DOMAIN_H */
