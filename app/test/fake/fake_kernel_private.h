/* SPDX-License-Identifier: BSD-3-Clause */

/* Between fake_kernel.c (files and devices) and fake_ioas.c (memory). */

#ifndef FAKE_KERNEL_PRIVATE_H
#define FAKE_KERNEL_PRIVATE_H

#include <stddef.h>

#include "fake_kernel.h"

#define FAKE_OBJECTS 8

#define FAKE_FILES 16

struct fake_area;

/* struct iommufd_ctx: ids are of one space and are not used again. */
struct fake_ctx {
	unsigned int refs; /* its file, and each cdev bound to it */
	unsigned int devices;
	uint32_t last_id;
	struct {
		uint32_t id;
		uint32_t ioas; /* a HWPT's IOAS; 0: this one is an IOAS */
		bool noiommu;
		bool automatic; /* goes with the last device that is attached */
	} objects[FAKE_OBJECTS];
	struct fake_area *areas;
};

struct fake_file {
	bool used;
	struct fake_node *node;
	struct fake_ctx *ctx; /* an iommufd's own, or what a cdev is bound to */
	uint32_t dev_id;
	uint32_t hwpt;	     /* that it is attached to */
	unsigned int opened; /* those of the same open() have the same number */
	bool cloexec;
};

extern struct fake_file fake_files[FAKE_FILES];

/* fake_iommu.c: attaching devices. 0 or the errno. */
bool
fake_is_noiommu(const struct fake_node *node);

int
fake_attach(struct fake_file *file, uint32_t pt_id);

void
fake_detach(struct fake_file *file);

/* All fds of a file are bound and attached, or none. */
void
fake_copies_update(const struct fake_file *file);

/* The IOAS of a HWPT, or 0. */
uint32_t
fake_ioas_of(const struct fake_ctx *ctx, uint32_t hwpt);

/* Does an IOMMU of a device in the IOAS, or of this one, reserve some of a range? */
bool
fake_is_reserved(const struct fake_ctx *ctx, uint32_t ioas, const struct fake_node *also,
		 uint64_t iova, uint64_t last);

struct ifd_iova_ranges;

int
fake_ranges(const struct fake_ctx *ctx, struct ifd_iova_ranges *cmd);

/* fake_ioas.c: a new HWPT, or IOAS with ioas 0. */
int
fake_object_new(struct fake_ctx *ctx, uint32_t ioas, uint32_t *id);

/* Pin what an IOAS has, or unpin it. */
int
fake_areas_pin(struct fake_ctx *ctx, uint32_t ioas);

void
fake_areas_unpin(struct fake_ctx *ctx, uint32_t ioas);

/* Is something of the IOAS where an IOMMU of this device reserves IOVAs? */
bool
fake_areas_reserved(const struct fake_ctx *ctx, uint32_t ioas, const struct fake_node *node);

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

/* How many areas pin the page that was at phys when its VA was mapped. */
unsigned int
fake_areas_pins(const struct fake_ctx *ctx, uint64_t va, uint64_t phys);

/* Unmap all areas. */
void
fake_areas_free(struct fake_ctx *ctx);

void
fake_ioas_reset(void);

/* fake_uring.c: rings by the index of their file. 0 or the errno; -1: one buffer updated. */
int
fake_ring_register(size_t file, unsigned int opcode, void *arg, unsigned int size);

void
fake_ring_free(size_t file);

/* How many buffers pin the page. */
unsigned int
fake_rings_pins(uint64_t va, uint64_t phys);

int
fake_pagemap_read(uint64_t *entries, size_t count, uint64_t first);

/* fake_pages.c */

void
fake_pages_reset(void);

/* How many times a page has been moved, and where one was after so many. */
unsigned int
fake_moves(void);

uint64_t
fake_phys_after(unsigned int count, uint64_t va);

/* Is some of the range no more? It cannot be pinned then. */
bool
fake_is_absent(uint64_t va, uint64_t len);

/* Take so long, or until it is 0. */
void
fake_take(const unsigned int *ms);

struct ifd_procmap_query;

/* What /proc/self/maps and mincore(2) report. */
int
fake_vma(struct ifd_procmap_query *query);

bool
fake_is_resident(const void *page);

/* A call starts: count it; the errno it is to fail with, or 0. */
int
fake_enter(enum fake_op op);

extern struct fake_holds fake_usage;

/* /proc/self/maps: an errno or 0; whether it was open. */
int
fake_maps_open(void);

bool
fake_maps_close(void);

uint64_t
fake_file_id(int fd);

/* fake_faults.c: fake_sys is this one, but for calls that fail. */
extern const struct iommufd_sys fake_kernel_sys;

#endif /* FAKE_KERNEL_PRIVATE_H */
