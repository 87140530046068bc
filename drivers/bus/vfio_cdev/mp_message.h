/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The format of the messages between the primary and its secondaries, which are an action
 * of the EAL's multi-process channel (eal_common_proc.c). Each side checks all that it
 * receives.
 */

#ifndef BUS_VFIO_CDEV_MP_MESSAGE_H
#define BUS_VFIO_CDEV_MP_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <rte_eal.h>

#include "mp.h"
#include "rte_vfio_cdev.h"

#define MP_ACTION "vfio_cdev"
#define MP_MAGIC UINT32_C(0x63646576)
#define MP_VERSION 3

/*
 * struct rte_mp_msg as it is from 24.11 on; before, it had 8 fds. The EAL copies
 * its own size from a message to send, and what it delivers has its own size too:
 * nothing may be read or written beyond the fds that such a message has.
 */
#define MP_MOST_FDS 253

struct mp_message {
	char name[RTE_MP_MAX_NAME_LEN];
	int len_param;
	int num_fds;
	uint8_t param[RTE_MP_MAX_PARAM_LEN];
	int fds[MP_MOST_FDS];
	int padding; /* from 25.11 on */
};

/* From 25.11 on the EAL's struct is aligned, and copied with its padding. */
#define MP_MESSAGE _Alignas(8) struct mp_message

enum mp_kind {
	KIND_DEVICE, /* request of the cdev of a device */
	KIND_ANSWER,
	KIND_STATE,   /* query of a secondary's devices */
	KIND_DEVICES, /* the answer */
};

/* magic and version stay where they are in all versions. */
struct mp_body {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t id;	    /* of a request, and of its answer */
	int32_t err;	    /* of an answer: 0, or why there is no fd */
	int32_t pid;	    /* of the sender */
	uint32_t policy;    /* of the sender */
	uint32_t iova_mode; /* of the sender */
	char addr[RTE_VFIO_CDEV_ADDR_LEN];
};

/* That of KIND_DEVICES. */
struct mp_list {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t id;
	uint32_t count; /* of the devices that it has */
	int32_t pid;
	char addrs[MP_ADDRS_LEN]; /* of the first ones, each with a blank after it */
};

void
mp_message_make(struct mp_message *msg, enum mp_kind kind, uint32_t id, int err, const char *addr);

/*
 * Copy the body of a message: 0, -EPROTONOSUPPORT or -EBADMSG; what there is of it is
 * copied in any case.
 */
int
mp_message_read(const struct mp_message *msg, enum mp_kind kind, void *body, size_t size);

/* Close the fds of a received message from index first on. */
void
mp_message_close(const struct mp_message *msg, int first);

#endif /* BUS_VFIO_CDEV_MP_MESSAGE_H */
