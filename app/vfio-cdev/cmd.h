/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The commands of dpdk-vfio-cdev. Each parses its own arguments, the first of
 * which is what it is called ("dpdk-vfio-cdev list"), and returns an exit status.
 */

#ifndef CMD_H
#define CMD_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "host.h"

/* Exit status: the command could not be done, or DPDK would not work. */
#define CMD_TROUBLE 2

int
cmd_list(int argc, char **argv);

int
cmd_doctor(int argc, char **argv);

int
cmd_run(int argc, char **argv);

int
cmd_cdi(int argc, char **argv);

int
cmd_udev(int argc, char **argv);

/* Below: for the commands. */

/* Print what is wrong on standard error, as one clean line; returns CMD_TROUBLE. */
int
cmd_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, and if json an object with the line as "error" on standard output. */
int
cmd_fail_json(bool json, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Print and give up an object; returns status, or CMD_TROUBLE if there is no memory. */
int
cmd_print_json(json_t *object, FILE *out, int status);

/*
 * Make a device's address of what was typed. Returns 0, or prints what is wrong
 * with it and returns CMD_TROUBLE.
 */
int
cmd_device(const struct host *host, bool json, const char *text, char addr[RTE_VFIO_CDEV_ADDR_LEN]);

/* Room for as many names as there are arguments, and a NULL; or NULL, and that is printed. */
const char **
cmd_names(int argc);

/* list.c: what the command does, for unit tests on another root. */
int
list_devices(const struct host *host, bool all, bool json, FILE *out);

struct cdi_request {
	char **texts; /* devices as they were typed; none: all */
	int n_texts;
	const char *library; /* of the host */
	bool no_hugepages;
};

/* cdi.c, likewise. */
int
cdi_print(const struct host *host, const struct cdi_request *request, FILE *out);

/* udev.c, likewise. */
int
udev_print(const struct host *host, const char *group, FILE *out);

#endif /* CMD_H */
