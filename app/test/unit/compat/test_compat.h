/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The C library front over the fake kernel: struct next is the tests' own, and so is the system
 * that librte_vfio_cdev works on. Each test runs in a process of its own, since the front keeps
 * what it knows of the machine until its process ends.
 *
 *	/dev/vfio/vfio		the kernel's container
 *	0000:00:03.0		noiommu-vfio0, group 0
 *	0000:00:04.0		noiommu-vfio1, group 1
 *	0000:00:05.0		no cdev, group 2
 */

#ifndef TEST_COMPAT_H
#define TEST_COMPAT_H

#include <stdbool.h>
#include <sys/types.h>

#include "asserts.h"
#include "fake_sysfs.h"
#include "log_sink.h"
#include "next.h"
#include "vfio_uapi.h"

#define ADDR0 "0000:00:03.0"
#define ADDR1 "0000:00:04.0"
#define ADDR2 "0000:00:05.0"
#define CDEV0 FAKE_CDEV("noiommu-vfio0")
#define CDEV1 FAKE_CDEV("noiommu-vfio1")
#define GROUP0 COMPAT_GROUP "0"
#define GROUP1 COMPAT_GROUP "1"
#define GROUP2 COMPAT_GROUP "2"
#define PAGEMAP "/proc/self/pagemap"
#define HUGE (UINT64_C(2) << 20)
#define NO_FD 999 /* that of no file */

/* How the kernel beyond the fake one is, and what was called. machine_start() clears it. */
struct machine {
	int open_flags; /* of the last openat() of a node */
	int ioctl_ret;	/* of the kernel's container and groups: */
	int ioctl_errno;
	unsigned int ioctls;
	unsigned long ioctl_request; /* the last one */
	uintptr_t ioctl_arg;
	unsigned int sleeps;
	bool no_vm_access;    /* process_vm_readv(2) is forbidden */
	bool secure;	      /* AT_SECURE */
	const void *swapped;  /* a page that is */
	uint64_t entry_flags; /* of all entries of pagemap */
	unsigned int reads;   /* read(2) and pread(2) of fake files */
	ino_t pagemap_ino;
	unsigned int syslogs;
	int syslog_priority; /* of the last line */
	char syslog_text[1024];
	const char *cmdline; /* of this process; NULL: its own */
	size_t cmdline_size;
	unsigned int idle_after;   /* the first device is unbound when the front slept so often */
	unsigned int closed_stats; /* fstat(2) of fake files that are closed */
	int error;		   /* the standard error of the start; 0: its own number */
	bool no_pci;		   /* devices are of another bus, by their information */
	uint16_t command[4];	   /* of devices, by the number of their cdev */
	unsigned int command_writes;
	unsigned int resets;
};

extern struct machine machine;

/* Where the front logs, instead of to the tests. */
extern struct log_sinks machine_sinks;

/* The initial state of a test is what it adds to its environment, e.g. "NAME=VALUE", or NULL. */
int
compat_begin(void **state);

int
compat_end(void **state);

#define COMPAT_TEST(name) cmocka_unit_test_setup_teardown(name, compat_begin, compat_end)
#define COMPAT_TEST_ENV(name, env) \
	{ \
#name " (" env ")", name, compat_begin, compat_end, (void *)(uintptr_t)env \
	}

/* Run each test in a child. Returns how many have failed. */
int
compat_run(const char *name, const struct CMUnitTest *tests, size_t count);

#define COMPAT_RUN(name, tests) compat_run(name, tests, sizeof(tests) / sizeof((tests)[0]))

/* Run a function in a child, and return its exit status; -1: a signal. */
int
compat_child(int (*run)(void *arg), void *arg);

/* machine.c: struct next is that of the tests from now on. */
void
machine_start(void);

/* The steps of compat_begin(): the tests get what is logged, sysfs, and the fake kernel. */
void
log_start(void);

void
sysfs_make(void);

void
nodes_make(void);

/* No node of the container, as without CONFIG_VFIO_GROUP, and no links to groups. */
void
machine_without_groups(void);

void
nodes_without_groups(void);

void
sysfs_without_groups(void);

/* Does the fd have the device number of a node? */
bool
is_node(int fd, const char *path);

/* The files that are open in the fake kernel. */
unsigned int
files_open(void);

/* The container, and a group in it that VFIO_SET_IOMMU was called for. */
int
container_get(void);

int
group_get(const char *path, int container);

int
device_get(int group, const char *name);

/* A call fails with this errno. */
#define assert_fails(call, err) \
	do { \
		errno = 0; \
		assert_int_equal(call, -1); \
		assert_int_equal(errno, err); \
	} while (0)

int
compat_arguments_tests(void);
int
compat_container_tests(void);
int
compat_device_tests(void);
int
compat_faults_tests(void);
int
compat_fork_tests(void);
int
compat_group_tests(void);
int
compat_handle_tests(void);
int
compat_hooks_tests(void);
int
compat_link_tests(void);
int
compat_log_tests(void);
int
compat_pagemap_tests(void);
int
compat_prime_tests(void);
int
compat_text_tests(void);

#endif /* TEST_COMPAT_H */
