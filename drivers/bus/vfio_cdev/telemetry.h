/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Telemetry under /vfio_cdev/: doc/telemetry.rst describes it. Callbacks come on a thread
 * of the EAL's for each client (lib/telemetry/telemetry.c), at any time from
 * rte_eal_init() on. State is copied first, and the reply made of the copy, without a
 * lock.
 *
 * The EAL truncates a reply of more than 16 KiB without an error, and it cannot make an
 * array of dictionaries: lists are dictionaries, of no more entries than fit.
 */

#ifndef BUS_VFIO_CDEV_TELEMETRY_H
#define BUS_VFIO_CDEV_TELEMETRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain.h"
#include "eal_api.h"

/* Register the commands, once a process. */
void
telemetry_register(void);

#define TELEMETRY_MAPPINGS 64 /* of one answer */

#define NO_MEMORY "memory is short: try again"
#define NO_DOMAIN "no such domain: see /vfio_cdev/domains"

/* The EAL's functions; constant once a callback can come. */
extern const struct telemetry_api *tel;

/* telemetry_reply.c */

/* Start a dictionary, with the kind of process. */
int
telemetry_begin(struct rte_tel_data *reply);

/*
 * Make it a dictionary with nothing but the error. The client's text is not repeated: it
 * may not be valid in the EAL's JSON.
 */
int
telemetry_error(struct rte_tel_data *reply, const char *text);

void
telemetry_add_hex(struct rte_tel_data *dict, const char *name, uint64_t value);

/* It is the reply's from now on. An empty one would be an array in 22.11: leave it out. */
void
telemetry_add_container(struct rte_tel_data *reply, const char *name,
			struct rte_tel_data *container, bool empty);

/*
 * All dictionaries of an answer, got before it is begun: it is complete or an error, and
 * nothing has to be taken out of it again, which cannot be done.
 */
struct telemetry_pool {
	struct rte_tel_data *dicts[TELEMETRY_MAPPINGS + 1];
	unsigned int left;
};

bool
telemetry_pool_fill(struct telemetry_pool *pool, unsigned int count);

/* A dictionary, begun and empty. */
struct rte_tel_data *
telemetry_pool_take(struct telemetry_pool *pool);

/* Give back those that are left. */
void
telemetry_pool_drain(struct telemetry_pool *pool);

/* telemetry_domains.c */

/*
 * The number of the domain with a name, of the first one for NULL; false if there is none.
 * It is not in use on return.
 */
bool
telemetry_domain(const char *name, size_t len, unsigned int *n, struct domain_ref *ref);

int
telemetry_domains(const char *cmd, const char *params, struct rte_tel_data *reply);

int
telemetry_stats(const char *cmd, const char *params, struct rte_tel_data *reply);

/* telemetry_mappings.c */
int
telemetry_mappings(const char *cmd, const char *params, struct rte_tel_data *reply);

#endif /* BUS_VFIO_CDEV_TELEMETRY_H */
