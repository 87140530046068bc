/* SPDX-License-Identifier: BSD-3-Clause */

/* Between fake_kernel.c (files and devices) and fake_ioas.c (memory). */

#ifndef FAKE_KERNEL_PRIVATE_H
#define FAKE_KERNEL_PRIVATE_H

#include <stddef.h>

#include "fake_kernel.h"

#define FAKE_OBJECTS 8

struct fake_area;

/* struct iommufd_ctx: ids are of one space and are not used again. */
struct fake_ctx {
	unsigned int refs;	/* its file, and each cdev bound to it */
	unsigned int devices;
	uint32_t last_id;
	struct {
		uint32_t id;
		uint32_t ioas;	/* a HWPT's IOAS; 0: this one is an IOAS */
	} objects[FAKE_OBJECTS];
	struct fake_area *areas;
};

/* 0 or the errno; the caller holds the lock of the fake. */
int
fake_ioas_ioctl(struct fake_ctx *ctx, unsigned long request, void *arg);

/* Does the ctx have a HWPT of this id, or with ioas != 0 one on this IOAS? */
bool
fake_has_hwpt(const struct fake_ctx *ctx, uint32_t id, uint32_t ioas);

bool
fake_has_ioas(const struct fake_ctx *ctx, uint32_t id);

uint32_t
fake_id_new(struct fake_ctx *ctx);

/* Unmap all areas. */
void
fake_areas_free(struct fake_ctx *ctx);

void
fake_ioas_reset(void);

/* A call starts: count it; the errno it is to fail with, or 0. */
int
fake_enter(enum fake_op op);

extern struct fake_holds fake_held;

#endif /* FAKE_KERNEL_PRIVATE_H */
