/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the scenarios share: the machine (the fake kernel behind a seam where others may go on),
 * the messages between the two processes, and what must hold.
 */

#ifndef WORLD_H
#define WORLD_H

#include "explore.h"
#include "fake_eal.h"
#include "fake_kernel.h"
#include "fake_sysfs.h"
#include "side.h"

#define ADDR "0000:00:03.0"
#define NODE FAKE_CDEV("noiommu-vfio0")
#define ADDR2 "0000:00:04.0"
#define NODE2 FAKE_CDEV("noiommu-vfio1")

/* The page that comes and goes, and that the kernel moves whenever it may. */
#define PAGE FAKE_VA(4 * FAKE_HUGE)

/* What the seam or the log makes of the library's right calls: one for each property. */
enum defect {
	NO_DEFECT,
	UNCONFIRMED, /* the address that was given before is taken for the kernel's */
	UNPINNED,    /* a page is unpinned once its address is known */
	SILENT,	     /* an answer that does not come is not reported */
	COPY_KEPT,   /* the copy of a device for a secondary that has ended stays */
};

extern enum defect world_defect;

/* Once: the tree, and all that the library does once a process. */
void
world_make(void);

/* Both processes are new, with hugepages at FAKE_VA(0). */
void
world_begin(void);

/* The kernel closes what the process had. */
void
world_died(unsigned int side);

/* Nothing is open, bound or pinned twice, and no property was broken. */
void
world_end(void);

/* rte_vfio_setup_device(): 0, or less, which a line must explain. */
int
world_setup(const char *addr, int *fd);

void
world_release(const char *addr, int fd);

/* The EAL takes the page, as eal_memalloc.c does; false: it gets no address. */
bool
world_page_take(void);

void
world_page_drop(void);

/* Has the application the page? Then a device that it has may reach it. */
extern bool world_page_is_used;

/* Devices that the primary's application has. */
extern unsigned int world_devices;

/* While there is a device: each address given is the kernel's, and pinned. */
void
world_step(void);

/* Over all schedules, in both processes. */
extern struct world_counts {
	uint64_t set_up, refused;
} world_counts;

/* Files of a node that a process has. */
unsigned int
world_files(unsigned int side, const char *node);

/* kernel.c */
extern const struct iommufd_sys model_sys;

void
kernel_begin(void);

void
kernel_died(unsigned int side);

/* A file that is under way to a process; it is the kernel's if that has ended. */
int
kernel_send(int fd, unsigned int to);

/* messages.c: the primary's mp thread, until no secondary is left. */
void
messages_begin(void);

void
messages_serve(void);

/* The secondary's EAL knows how to ask. */
void
messages_connect(void);

/* What a secondary has sent for is closed with its socket. */
void
messages_end(void);

/* Was a wait for an answer given up? */
bool
messages_gave_up(void);

extern const struct scenario scenario_request, scenario_memory, scenario_unplug;

#endif /* WORLD_H */
