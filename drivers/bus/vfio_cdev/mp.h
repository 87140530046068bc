/* SPDX-License-Identifier: BSD-3-Clause */

/* Messages between the primary and its secondaries. No lock may be held. */

#ifndef BUS_VFIO_CDEV_MP_H
#define BUS_VFIO_CDEV_MP_H

#include <rte_eal.h>

#include "policy.h"

/* What an answer of the primary has of it; all 0 if there was none. */
struct mp_answer {
	int pid;
	enum policy policy;
	enum rte_iova_mode iova_mode;
};

#define MP_ADDRS_LEN 236

/* What a secondary reports of itself. */
struct mp_secondary {
	int pid;
	unsigned int devices;
	char addrs[MP_ADDRS_LEN]; /* of the first ones, each with a blank after it */
};

/*
 * Query the secondaries; returns how many there are, perhaps more than size, or -errno if
 * one of them does not answer. Takes up to 5 s, rarely more.
 */
int
mp_secondaries(struct mp_secondary *secondaries, unsigned int size);

/* Answer requests: in the primary for devices, in a secondary for the list of its own. */
void
mp_serve(void);

/*
 * Request a device from the primary: an fd that is not checked yet, or -errno; -EINVAL
 * its RTE_VFIO_CDEV is another. With fd NULL only the answer is wanted. Takes up
 * to 5 s, rarely more.
 */
int
mp_request(const char *addr, struct mp_answer *answer, int *fd);

#endif /* BUS_VFIO_CDEV_MP_H */
