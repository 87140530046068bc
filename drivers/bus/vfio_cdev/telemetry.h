/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What the answers under /vfio_cdev/ share: doc/telemetry.rst describes them.
 * Callbacks come on a thread of the EAL's for each client
 * (lib/telemetry/telemetry.c), at any time from rte_eal_init() on. What is told is copied
 * first, and the answer made of it afterwards, without a lock.
 *
 * An answer of more than 16 KiB the EAL cuts without a word, and it cannot make an
 * array of dictionaries: lists are dictionaries, of no more entries than fit.
 */

#ifndef BUS_VFIO_CDEV_TELEMETRY_H
#define BUS_VFIO_CDEV_TELEMETRY_H

#include "private.h"

#define TELEMETRY_MAPPINGS 64	/* of one answer */

#define NO_MEMORY "memory is short: try again"
#define NO_DOMAIN "no such domain: see /vfio_cdev/domains"

/* The EAL's functions; constant once a callback can come. */
extern const struct telemetry_api *tel;

/* telemetry_reply.c */

/* Make it a dictionary that says which process answers. */
int
telemetry_begin(struct rte_tel_data *reply);

/*
 * Make it a dictionary with nothing but the error. What the client sent is not
 * repeated: not all of it is fit for the EAL's JSON.
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

/* Which one has the name, the first one for NULL; false if there is none. It may go. */
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
