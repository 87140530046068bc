/* SPDX-License-Identifier: BSD-3-Clause */

/* Messages between a primary and its secondaries, as the tests of either side make them. */

#ifndef TEST_BUS_MP_H
#define TEST_BUS_MP_H

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "test_bus.h"

/* What is sent, byte for byte: other versions have to understand the first two. */
struct wire {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;
	uint32_t id;
	int32_t err;
	int32_t pid;
	uint32_t policy;
	uint32_t iova_mode;
	char addr[64];
};

#define WIRE_MAGIC UINT32_C(0x63646576)
#define WIRE_VERSION 3
#define WIRE_LEN ((int)sizeof(struct wire))
#define REQUEST 0
#define ANSWER 1
#define PID 4711

/* A primary that does not have the device answers the request, with its IOVA mode. */
static inline void
absent_device_reply(struct wire wire, enum rte_iova_mode mode, struct rte_mp_reply *reply)
{
	wire.kind = ANSWER;
	wire.err = ENODEV;
	wire.iova_mode = mode;
	reply->nb_received = 1;
	reply->msgs = calloc(1, sizeof(*reply->msgs));
	reply->msgs->len_param = sizeof(wire);
	memcpy(reply->msgs->param, &wire, sizeof(wire));
}

static inline bool
fd_is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static inline int
pipe_end(bool cloexec)
{
	int ends[2];

	assert_int_equal(pipe2(ends, cloexec ? O_CLOEXEC : 0), 0);
	close(ends[0]);
	return ends[1];
}

#endif /* TEST_BUS_MP_H */
