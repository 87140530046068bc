/* SPDX-License-Identifier: BSD-3-Clause */

#ifndef ABUSE_H
#define ABUSE_H

/*
 * A program that has no good intentions with VFIO's group interface and with
 * /proc/self/pagemap; the tests of libc/ run it in a guest, on stock and under
 * the front at the C library's boundary.
 *
 *	abuse.c -------------- the cases, each in a process of its own
 *	abuse_util.c --------- memory and files to try with, the kernel's view
 *	abuse_group.c -------- arguments of container, group and device
 *	abuse_paths.c -------- other names of the nodes, flags of open()
 *	abuse_fds.c ---------- numbers that come to stand for something else
 *	abuse_pagemap.c ------ what is read, and where
 *	abuse_fortified.c ---- the same through functions that check
 *	abuse_memory.c ------- memory that goes away
 *	abuse_processes.c ---- fork(), vfork() and exec()
 *	abuse_interrupts.c --- signals and threads
 *
 * A case gives back NULL or what was wrong. Where all that matters is what stock
 * says, it notes it down and the test compares.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "huge.h"
#include "vfio_group.h"

/* Documentation/admin-guide/mm/pagemap.rst */
#define ENTRY_PRESENT (UINT64_C(1) << 63)
#define ENTRY_FLAGS (UINT64_C(7) << 61)
#define ENTRY_PFN ((UINT64_C(1) << 55) - 1)
#define PAGEMAP "/proc/self/pagemap"

struct abuse_case {
	const char *name;
	const char *(*run)(void);
	bool front; /* only where the front is */
};

#define CASE(topic) \
	{ \
#topic, case_##topic, false \
	}
#define CASE_FRONT(topic) \
	{ \
#topic, case_##topic, true \
	}

/* End with an entry without a name. */
extern const struct abuse_case group_cases[];
extern const struct abuse_case path_cases[];
extern const struct abuse_case fd_cases[];
extern const struct abuse_case pagemap_cases[];
extern const struct abuse_case fortified_cases[];
extern const struct abuse_case memory_cases[];
extern const struct abuse_case process_cases[];
extern const struct abuse_case interrupt_cases[];

/* Of the process. */
extern const char *abuse_bdf;	     /* the device's PCI address */
extern const char *abuse_self;	     /* the path of this program */
extern const char *abuse_name;	     /* of the case that runs */
extern bool abuse_front;	     /* whether the front is to be there */
extern bool abuse_unprivileged;	     /* whether CAP_SYS_ADMIN was dropped */
extern struct vfio_group abuse_vfio; /* of device_open() */

/* The text of what is wrong, until the next. */
const char *
why(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A line for the comparison with stock. */
void
note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* For use in cases and functions like them. */
#define CHECK(condition) \
	do { \
		if (!(condition)) \
			return why("%s:%d: %s is not so", __FILE_NAME__, __LINE__, #condition); \
	} while (0)

#define CHECK_CASE(call) \
	do { \
		const char *why_ = (call); \
		if (why_ != NULL) \
			return why_; \
	} while (0)

/* Whether a call works, and its errno if not. */
#define NOTE(call) \
	do { \
		errno = 0; \
		const long ret_ = (call); \
		note("%s: %s", #call, ret_ < 0 ? strerrorname_np(errno) : "works"); \
	} while (0)

/* The value too. */
#define NOTE_VALUE(call) \
	do { \
		errno = 0; \
		const long ret_ = (call); \
		note("%s: %ld %s", #call, ret_, ret_ < 0 ? strerrorname_np(errno) : ""); \
	} while (0)

/* Runs one of other processes' programs (abuse_processes.c); the exit status. */
int
inherited_run(int count, char **args);

/* Container, group and device, in abuse_vfio: NULL or what was wrong. */
const char *
device_open(void);

/* The kernel's own entry, read by a system call with the privileges of the start. */
uint64_t
raw_entry(const void *va);

/* The C library's. */
ssize_t
entry_pread(int fd, const void *va, uint64_t *entry);

/* Open, pread(), close: 0 if it did not work. */
uint64_t
entry_read(const void *va);

/* Where an entry is in the file. */
off_t
entry_offset(const void *va);

/* That the C library's entry, through this file, is the kernel's, with a frame that stays. */
const char *
entry_check(int fd, uint8_t *va);

/* The same through a file of its own. */
const char *
page_check(uint8_t *va);

/* That an entry has no frame, or the kernel's. */
const char *
entry_harmless(uint64_t entry, const void *va);

/* Bytes that iommufd has pinned for this process (VmPin). */
uint64_t
pinned_now(void);

/* What a case must leave as it was. */
struct abuse_state {
	uint64_t pinned;
	unsigned int huge_free;
};

struct abuse_state
state_now(void);

/* NULL, or what is missing since then. */
const char *
state_check(const struct abuse_state *before);

/* A file of known bytes, and whether a descriptor reads these from its start on. */
int
file_new(void);

const char *
file_check(int fd);

/* Files that the process has open. */
unsigned int
files_open(void);

#endif /* ABUSE_H */
