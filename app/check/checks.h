/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Checks of a machine, in the order that they matter: those of `dpdk-vfio-cdev doctor`,
 * `run --check` and the phase preflight of dpdk-test-vfio-cdev.
 */

#ifndef APP_CHECK_H
#define APP_CHECK_H

#include <stdbool.h>

#include "front.h"

#ifdef __cplusplus
extern "C" {
#endif

/* From good to bad, and the exit statuses of the doctor. */
enum check_verdict {
	CHECK_PASS,
	CHECK_WARN, /* works, but for something */
	CHECK_FAIL, /* would not work */
};

struct check_finding {
	const char *check; /* its name, which scripts may rely on: "kernel-version" */
	enum check_verdict verdict;
	const char *device; /* its address; NULL: the machine, or this process */
	const char *text;   /* one sentence: what is, and if it is not good, why it matters */
	const char *cure;   /* words, or a command at its end; NULL: nothing to cure */
};

struct check_options {
	const char *const *devices; /* NULL-terminated addresses; none: all on vfio-pci */
	const char *const *blocked; /* those of all that are left out, or NULL */
	const char *app;	    /* program that is to be preloaded into, or NULL */
	const char *const *plugins; /* that it loads, NULL-terminated, or NULL */
	enum front front;	    /* that is preloaded; FRONT_AUTO: the one that it needs */
	bool no_devices;	    /* it starts without any */
	bool no_huge;		    /* it uses no hugepages */
	bool preloads;		    /* it gets the library, whatever LD_PRELOAD is now */
	bool require;		    /* a cdev, as RTE_VFIO_CDEV=require of the environment does */
	bool joins; /* it is, or may be, a secondary of a primary that has devices and memory */
};

/* Gets each finding as it is made; its strings are printable and live until it returns. */
typedef void (*check_report_t)(void *arg, const struct check_finding *finding);

/* Run them all. Returns the worst verdict, or -errno (-ENOMEM). */
int
checks_run(const struct host *host, const struct check_options *options, check_report_t report,
	   void *arg);

/* Only the one named "app": would the library be in the program? Returns as checks_run(). */
int
checks_run_app(const struct host *host, const struct check_options *options, check_report_t report,
	       void *arg);

/* "PASS", "WARN" or "FAIL". */
const char *
check_verdict_name(enum check_verdict verdict);

#ifdef __cplusplus
}
#endif

#endif /* APP_CHECK_H */
